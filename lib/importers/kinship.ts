import { decodeHalfs } from '../half-float.js';
import type { Basis, Kinship, MorphableModel, Translation } from '../morphable-model.js';
import { factorised, solved } from './least-squares.js';
import type { SurfacePoints } from './source-model.js';
import { pointsOn } from './surface.js';
import type { WorkSlices } from './work-slices.js';

/** The same places on both heads. */
export interface SharedPoints {
  onHead: SurfacePoints;
  onImported: SurfacePoints;
}

/**
 * Inverse variance of a coordinate of one shared point, per mm^2: what one head cannot say of the other's shapes is some
 * millimetres, and neighbours err alike.
 */
const POINT_WEIGHT = 0.05;

/** How shapes of the embedded head are told in the imported model's coefficients, and identities the other way round. */
export async function kinshipOf(
  head: MorphableModel,
  imported: MorphableModel,
  { onHead, onImported }: SharedPoints,
  work: WorkSlices,
): Promise<Kinship> {
  const headMean = pointsOn(head.mean, onHead);
  const importedMean = pointsOn(imported.mean, onImported);
  const none = new Float64Array(headMean.length);
  const ofHead = (basis: Basis) => ratesAt(basis, head.vertexCount, onHead, work);
  const ofImported = (basis: Basis) => ratesAt(basis, imported.vertexCount, onImported, work);
  const [identity, ownIdentity] = [await ofHead(head.identity), await ofImported(imported.identity)];
  const [expression, ownExpression] = [await ofHead(head.expression), await ofImported(imported.expression)];
  const offset = Float64Array.from(headMean, (x, i) => x - importedMean[i]!);
  const toIdentity = await translated(identity, ownIdentity, importedMean, offset, 1, work);
  const toExpression = await translated(expression, ownExpression, importedMean, none, EXPRESSION_SIGMA, work);
  const back = await translated(
    ownIdentity,
    identity,
    headMean,
    offset.map((x) => -x),
    1,
    work,
  );
  return { identity: toIdentity, expression: toExpression, embeddedIdentity: back };
}

/** What coefficients do at some points. */
interface Shapes {
  count: number;
  /** `[count][points][3]`, mm per unit. */
  rates: Float64Array;
}

async function ratesAt({ count, halfs }: Basis, vertexCount: number, points: SurfacePoints, work: WorkSlices) {
  const length = points.vertices.length;
  const rates = new Float64Array(count * length);
  for (let k = 0; k < count; k++) {
    await work.pause();
    const component = decodeHalfs(halfs.subarray(3 * vertexCount * k, 3 * vertexCount * (k + 1)));
    rates.set(pointsOn(component, points), k * length);
  }
  return { count, rates };
}

/** Blend shapes of other models may be much weaker. */
const EXPRESSION_SIGMA = 1;
const RIGID = 6;

/**
 * The coefficients of `to` whose shape, moved rigidly, is nearest to that of coefficients of `from`.
 *
 * @param mean of `to`, mm
 * @param offset from there to the mean of `from`, mm
 * @param sigma deviation of each coefficient of `to`
 */
async function translated(
  from: Shapes,
  to: Shapes,
  mean: Float32Array,
  offset: Float64Array,
  sigma: number,
  work: WorkSlices,
): Promise<Translation> {
  const length = mean.length;
  const size = to.count + RIGID;
  const rates = new Float64Array(size * length);
  rates.set(to.rates);
  for (let i = 0; i < length; i += 3) {
    const [x, y, z] = mean.subarray(i, i + 3) as unknown as [number, number, number];
    const turns = [
      [0, -z, y],
      [z, 0, -x],
      [-y, x, 0],
    ];
    for (let axis = 0; axis < 3; axis++) {
      rates.set(turns[axis]!, (to.count + axis) * length + i);
      rates[(to.count + 3 + axis) * length + i + axis] = 1;
    }
  }
  const row = (k: number) => rates.subarray(k * length, (k + 1) * length);
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      await work.pause();
      matrix[i * size + j] = POINT_WEIGHT * dot(row(i), row(j));
    }
    matrix[i * size + i]! += i < to.count ? 1 / sigma ** 2 : 1e-6;
  }
  const l = await factorised(matrix, size, work);
  const width = 1 + from.count;
  const out = new Float32Array(to.count * width);
  for (let column = 0; column < width; column++) {
    await work.pause();
    const shape = column === 0 ? offset : from.rates.subarray((column - 1) * length, column * length);
    const x = solved(
      l,
      Float64Array.from({ length: size }, (_, k) => POINT_WEIGHT * dot(row(k), shape)),
    );
    for (let k = 0; k < to.count; k++) out[k * width + column] = x[k]!;
  }
  const variance = new Float32Array(to.count);
  for (let k = 0; k < to.count; k++) {
    await work.pause();
    const unit = new Float64Array(size);
    unit[k] = 1;
    variance[k] = solved(l, unit)[k]!;
  }
  return { from: from.count, rows: out, variance };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
