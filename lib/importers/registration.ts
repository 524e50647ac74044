import { HrnError } from '../errors.js';
import { decodeHalfs } from '../half-float.js';
import { type MorphableModel, REGION_NAMES, type RegionName } from '../morphable-model.js';
import { NormalEquations } from './least-squares.js';
import { bestRigid, composed, fromVector, moved, type Rigid } from './rigid.js';
import type { SourceModel } from './source-model.js';
import { borderVertices, partTriangles, pointsOn, Surface, vertexNormals } from './surface.js';
import type { WorkSlices } from './work-slices.js';

/** The embedded head, laid over an imported one. */
export interface Registration {
  /** Brings the source into the embedded head's frame. */
  pose: Rigid;
  /** `[head vertices][3]`, mm, in that frame: the embedded head's mesh in the shape of the source's mean. */
  positions: Float32Array;
  quality: RegistrationQuality;
}

export interface RegistrationQuality {
  /** Distance of the embedded head's face, coefficients fitted, from the source's surface: mean, mm. */
  fittedMm: number;
  /** The same after bending: mean and 90 % of vertices, mm. */
  bentMm: number;
  bent90Mm: number;
  /** Between the 68 landmarks of both; absent where the source has none. */
  landmarksMm?: number;
  /** Size of the source by its landmarks, next to the embedded head. */
  scale?: number;
}

const ITERATIONS = 14;
/** Face vertices that are compared in the fit of coefficients. */
const SAMPLES = 1400;
/** Of one sample; they are not independent. */
const SAMPLE_WEIGHT = 0.05;
const ALONG_SURFACE = 0.03;
const LANDMARK_WEIGHT = 0.5;
/** Landmarks before this one follow the silhouette, so they are no surface points. */
const FIRST_INNER = 17;
/** From stiff to soft. */
const STIFFNESS = [30, 8, 2] as const;
const SMOOTHING_STEPS = 80;
const BEND_LANDMARK_WEIGHT = 30;
/** Of skin outside the face, whose shape the coefficients were not fitted to. */
const LOOSE_WEIGHT = 0.3;
const LOOSE_REGIONS: readonly RegionName[] = ['scalp', 'neck', 'ears', 'other', 'forehead', 'cheeks', 'chin'];

/**
 * Lays the embedded head over the source's mean: first rigidly (landmarks, or the tip of the nose where there are none),
 * then by its coefficients, then by bending what is left.
 *
 * @throws HrnError REGISTRATION_FAILED where the two stay apart
 */
export async function register(source: SourceModel, head: MorphableModel, work: WorkSlices): Promise<Registration> {
  const skin = partTriangles(source.triangles, source.parts, (name) => name === 'skin');
  const headSkin = partTriangles(head.triangles, head.parts, (name) => name === 'skin');
  const { landmarks } = source;
  const inner = landmarks && pointsOn(source.mean, landmarks).subarray(3 * (FIRST_INNER - landmarks.first));
  const headInner = {
    vertices: head.ibug68.vertices.subarray(3 * FIRST_INNER),
    weights: head.ibug68.weights.subarray(3 * FIRST_INNER),
  };
  const start: Rigid & { scale?: number } = inner
    ? bestRigid(inner, pointsOn(head.mean, headInner))
    : byNose(source.mean, skin, head.mean, headSkin);
  const { scale } = start;
  if (scale !== undefined && !(scale > 0.7 && scale < 1.4)) {
    throw failed(`by its landmarks the head is ${(1 / scale).toPrecision(3)} times as large as a human one`);
  }
  const fit = await fitCoefficients(source, skin, head, headSkin, inner, headInner, start, work);
  const target = moved(source.mean, fit.pose);
  const targetInner = inner && moved(inner, fit.pose);
  const surface = new Surface(target, skin);
  const border = borderVertices(source.vertexCount, skin);
  const face = faceVertices(head, headSkin);
  const fittedMm = mean(distances(fit.positions, face, surface, border));
  const positions = await bend(head, headSkin, fit.positions, surface, border, targetInner, headInner, work);
  const bent = distances(positions, face, surface, border).sort((a, b) => a - b);
  const quality: RegistrationQuality = {
    fittedMm,
    bentMm: mean(bent),
    bent90Mm: bent[Math.floor(0.9 * bent.length)] ?? Number.NaN,
    ...(targetInner ? { landmarksMm: mean(apart(pointsOn(positions, headInner), targetInner)) } : {}),
    ...(scale === undefined ? {} : { scale: 1 / scale }),
  };
  if (!(bent.length > face.length / 3 && quality.bentMm < 3 && fittedMm < 8)) {
    throw failed(`its face stays ${fittedMm.toFixed(1)} mm from a human one`);
  }
  return { pose: fit.pose, positions, quality };
}

function failed(what: string): HrnError {
  return new HrnError(
    'REGISTRATION_FAILED',
    `the imported head could not be laid over the embedded one: ${what}; is it the right file, and a head?`,
  );
}

/** Without landmarks: the vertex that stands out most, near the middle. Models agree on axes and unit by now. */
function byNose(mean: Float32Array, skin: Uint32Array, headMean: Float32Array, headSkin: Uint32Array): Rigid {
  const tip = (positions: Float32Array, triangles: Uint32Array) => {
    let middle = 0;
    for (let i = 0; i < positions.length; i += 3) middle += (3 * positions[i]!) / positions.length;
    let best = triangles[0]!;
    for (const v of triangles) {
      const near = Math.abs(positions[3 * v]! - middle) < 15;
      if (near && positions[3 * v + 2]! > positions[3 * best + 2]!) best = v;
    }
    return positions.subarray(3 * best, 3 * best + 3);
  };
  const [from, to] = [tip(mean, skin), tip(headMean, headSkin)];
  return {
    rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
    translation: Float64Array.from(to, (x, k) => x - from[k]!),
  };
}

interface InnerPoints {
  vertices: Uint32Array;
  weights: Float32Array;
}

async function fitCoefficients(
  source: SourceModel,
  skin: Uint32Array,
  head: MorphableModel,
  headSkin: Uint32Array,
  inner: Float32Array | undefined,
  headInner: InnerPoints,
  start: Rigid,
  work: WorkSlices,
): Promise<{ pose: Rigid; positions: Float32Array }> {
  const { identity, expression } = head;
  const [basis, expressionBasis] = [decodeHalfs(identity.halfs), decodeHalfs(expression.halfs)];
  const size = identity.count + expression.count;
  const stride = 3 * head.vertexCount;
  const value = (k: number, row: number) =>
    k < identity.count ? basis[k * stride + row]! : expressionBasis[(k - identity.count) * stride + row]!;
  const coefficients = new Float64Array(size);
  const positions = head.mean.slice();
  const border = borderVertices(source.vertexCount, skin);
  const face = faceVertices(head, headSkin);
  const step = Math.max(1, Math.floor(face.length / SAMPLES));
  const samples = face.filter((_, i) => i % step === 0);
  let pose: Rigid = start;
  const row = new Float64Array(size + 6);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    work.report((0.6 * iteration) / ITERATIONS);
    const surface = new Surface(moved(source.mean, pose), skin);
    const targets = inner && moved(inner, pose);
    const normals = vertexNormals(positions, headSkin);
    const equations = new NormalEquations(size + 6);
    const reachMm = iteration < 4 ? 40 : iteration < 8 ? 15 : 8;
    for (const v of samples) {
      await work.pause();
      const normal = normals.subarray(3 * v, 3 * v + 3) as unknown as [number, number, number];
      const at = positions.subarray(3 * v, 3 * v + 3) as unknown as [number, number, number];
      const hit = surface.nearest(at[0], at[1], at[2], normal);
      if (hit.distance > reachMm || hit.vertices.some((w) => border[w])) continue;
      const weight = SAMPLE_WEIGHT / (1 + (hit.distance / 4) ** 2);
      // Without landmarks nothing else holds the head along the surface at first.
      const along = ALONG_SURFACE * (inner ? 1 : 4);
      for (let axis = -1; axis < 3; axis++) {
        const direction = axis < 0 ? normal : ([0, 1, 2].map((k) => Number(k === axis)) as [number, number, number]);
        fillRow(
          row,
          direction,
          at,
          (k) =>
            direction[0] * value(k, 3 * v) + direction[1] * value(k, 3 * v + 1) + direction[2] * value(k, 3 * v + 2),
          size,
        );
        const gap = direction.reduce((sum, d, k) => sum + d * (hit.point[k]! - at[k]!), 0);
        equations.add(row, gap, axis < 0 ? weight : along * weight);
      }
    }
    if (targets) {
      const points = pointsOn(positions, headInner);
      for (let i = 0; i < points.length; i += 3) {
        const at = points.subarray(i, i + 3) as unknown as [number, number, number];
        for (let axis = 0; axis < 3; axis++) {
          const direction = [0, 1, 2].map((k) => Number(k === axis)) as [number, number, number];
          const rate = (k: number) => {
            let sum = 0;
            for (let j = 0; j < 3; j++)
              sum += headInner.weights[i + j]! * value(k, 3 * headInner.vertices[i + j]! + axis);
            return sum;
          };
          fillRow(row, direction, at, rate, size);
          equations.add(row, targets[i + axis]! - at[axis]!, LANDMARK_WEIGHT);
        }
      }
    }
    // What is solved for is a change of the coefficients; their priors hold their sums.
    for (let k = 0; k < size; k++) {
      const [mean, sigma] = k < identity.count ? [0, 1] : [0, expression.sigma[k - identity.count]!];
      equations.addPrior(k, mean - coefficients[k]!, 1 / sigma ** 2);
    }
    for (let k = size; k < size + 6; k++) equations.addPrior(k, 0, 1e-6);
    const change = await equations.solve(work);
    for (let k = 0; k < size; k++) coefficients[k]! += change[k]!;
    positions.set(head.mean);
    for (let k = 0; k < size; k++) {
      const amount = coefficients[k]!;
      for (let i = 0; i < stride; i++) positions[i]! += amount * value(k, i);
      await work.pause();
    }
    // The head's motion, seen from the head: the source moves the other way.
    const turn = fromVector([-change[size]!, -change[size + 1]!, -change[size + 2]!], [0, 0, 0]);
    const shift = moved([-change[size + 3]!, -change[size + 4]!, -change[size + 5]!], turn);
    pose = composed(pose, { rotation: turn.rotation, translation: Float64Array.from(shift) });
  }
  return { pose, positions };
}

/** What a change of coefficients, a small turn and a shift do to a point along a direction. */
function fillRow(
  row: Float64Array,
  direction: readonly [number, number, number],
  at: readonly [number, number, number],
  rate: (k: number) => number,
  size: number,
): void {
  for (let k = 0; k < size; k++) row[k] = rate(k);
  const [x, y, z] = at;
  const [a, b, c] = direction;
  row[size] = c * y - b * z;
  row[size + 1] = a * z - c * x;
  row[size + 2] = b * x - a * y;
  row[size + 3] = a;
  row[size + 4] = b;
  row[size + 5] = c;
}

/** Moves every vertex towards the source's surface, and smooths the motion over the mesh. */
async function bend(
  head: MorphableModel,
  headSkin: Uint32Array,
  start: Float32Array,
  surface: Surface,
  border: Uint8Array,
  targets: Float32Array | undefined,
  inner: InnerPoints,
  work: WorkSlices,
): Promise<Float32Array> {
  const positions = start.slice();
  const { offsets, neighbours } = adjacency(head.vertexCount, head.triangles);
  const inSkin = new Uint8Array(head.vertexCount);
  for (const v of headSkin) inSkin[v] = 1;
  for (const [round, stiffness] of STIFFNESS.entries()) {
    work.report(0.6 + (0.35 * round) / STIFFNESS.length);
    const normals = vertexNormals(positions, headSkin);
    const wanted = new Float32Array(positions.length);
    const weight = new Float32Array(head.vertexCount);
    for (let v = 0; v < head.vertexCount; v++) {
      const loose = isLoose(head, v);
      if (!inSkin[v] || (head.deformable[v]! < 0.05 && !loose)) continue;
      await work.pause();
      const normal = normals.subarray(3 * v, 3 * v + 3) as unknown as [number, number, number];
      const hit = surface.nearest(positions[3 * v]!, positions[3 * v + 1]!, positions[3 * v + 2]!, normal);
      if (hit.distance > (loose ? 30 : 12) || hit.vertices.some((w) => border[w])) continue;
      weight[v] = Math.max(head.deformable[v]!, loose ? LOOSE_WEIGHT : 0);
      for (let k = 0; k < 3; k++) wanted[3 * v + k] = hit.point[k]! - positions[3 * v + k]!;
    }
    if (targets) {
      const points = pointsOn(positions, inner);
      for (let i = 0; i < points.length; i += 3) {
        for (let j = 0; j < 3; j++) {
          const v = inner.vertices[i + j]!;
          const w = BEND_LANDMARK_WEIGHT * inner.weights[i + j]!;
          if (!(w > 0)) continue;
          const total = weight[v]! + w;
          for (let k = 0; k < 3; k++) {
            wanted[3 * v + k] = (weight[v]! * wanted[3 * v + k]! + w * (targets[i + k]! - points[i + k]!)) / total;
          }
          weight[v] = total;
        }
      }
    }
    let motion = new Float32Array(positions.length);
    for (let stepNumber = 0; stepNumber < SMOOTHING_STEPS; stepNumber++) {
      const next = new Float32Array(positions.length);
      for (let v = 0; v < head.vertexCount; v++) {
        if ((v & 255) === 0) await work.pause();
        const [first, last] = [offsets[v]!, offsets[v + 1]!];
        const total = weight[v]! + stiffness * (last > first ? 1 : 0);
        if (total === 0) continue;
        for (let k = 0; k < 3; k++) {
          let around = 0;
          for (let n = first; n < last; n++) around += motion[3 * neighbours[n]! + k]!;
          next[3 * v + k] = (weight[v]! * wanted[3 * v + k]! + (stiffness * around) / (last - first)) / total;
        }
      }
      motion = next;
    }
    for (let i = 0; i < positions.length; i++) positions[i]! += motion[i]!;
  }
  return positions;
}

/** Outer skin that the deformation map leaves alone: skull, ears, neck; not the inside of mouth, nose and eyes. */
export function isLoose({ deformable, regions }: MorphableModel, v: number): boolean {
  return deformable[v]! < 0.5 && LOOSE_REGIONS.includes(REGION_NAMES[regions[v]!]!);
}

function adjacency(vertexCount: number, triangles: Uint32Array): { offsets: Uint32Array; neighbours: Uint32Array } {
  const sets = Array.from({ length: vertexCount }, () => new Set<number>());
  for (let t = 0; t < triangles.length; t += 3)
    for (let k = 0; k < 3; k++) {
      const [a, b] = [triangles[t + k]!, triangles[t + ((k + 1) % 3)]!];
      sets[a]!.add(b);
      sets[b]!.add(a);
    }
  const offsets = new Uint32Array(vertexCount + 1);
  for (let v = 0; v < vertexCount; v++) offsets[v + 1] = offsets[v]! + sets[v]!.size;
  return { offsets, neighbours: Uint32Array.from(sets.flatMap((set) => [...set])) };
}

/** Skin that the deformation map may move: what every face has. */
export function faceVertices(head: MorphableModel, headSkin: Uint32Array): Uint32Array {
  const seen = new Uint8Array(head.vertexCount);
  return headSkin.filter((v) => {
    if (seen[v] || head.deformable[v]! < 0.5) return false;
    seen[v] = 1;
    return true;
  });
}

/** Of those vertices that do not end on the surface's border. */
function distances(positions: Float32Array, face: Uint32Array, surface: Surface, border: Uint8Array): number[] {
  const out: number[] = [];
  for (const v of face) {
    const hit = surface.nearest(positions[3 * v]!, positions[3 * v + 1]!, positions[3 * v + 2]!);
    if (!hit.vertices.some((w) => border[w])) out.push(hit.distance);
  }
  return out;
}

function apart(a: Float32Array, b: Float32Array): number[] {
  return Array.from({ length: a.length / 3 }, (_, i) =>
    Math.hypot(a[3 * i]! - b[3 * i]!, a[3 * i + 1]! - b[3 * i + 1]!, a[3 * i + 2]! - b[3 * i + 2]!),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}
