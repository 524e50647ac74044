import { decodeHalfs, encodeHalfs } from '../half-float.js';
import {
  type Basis,
  type LandmarkSet,
  type MorphableModel,
  type Part,
  type PartName,
  REGION_NAMES,
} from '../morphable-model.js';
import { kinshipOf, type SharedPoints } from './kinship.js';
import { faceVertices, type RegistrationQuality, register } from './registration.js';
import { moved, type Rigid } from './rigid.js';
import { atVertices, type SourceBasis, type SourceModel } from './source-model.js';
import { borderVertices, type Hit, partTriangles, pointsOn, Surface, vertexNormals } from './surface.js';
import { layOut } from './texture-layout.js';
import type { WorkSlices } from './work-slices.js';

export interface ImportedModel {
  model: MorphableModel;
  quality: RegistrationQuality;
}

/** A landmark whose place on the imported head is farther than this from where it should be has no place there. */
const FAR_MM = 8;
/** Its deviation then: the fit does without it. */
const UNKNOWN_SIGMA_MM = 60;

/**
 * Gives an imported head everything that the fits need and its format lacks, by laying the embedded head over it:
 * correspondences of the landmark network, the 68 points, regions, mirror, texture coordinates, colours, and where the
 * deformation map may act.
 *
 * @throws HrnError REGISTRATION_FAILED
 */
export async function complete(source: SourceModel, head: MorphableModel, work: WorkSlices): Promise<ImportedModel> {
  turnOutwards(source);
  const { pose, positions, quality } = await register(source, head, work);
  const mean = moved(source.mean, pose);
  const partOf = partOfVertex(source);
  const nearest = await nearestOnHead(source, mean, partOf, head, positions, work);
  const { uvs, hits: transfer } = source.uvs
    ? { uvs: source.uvs, hits: nearest }
    : await layOut(source, mean, partOf, head, positions, nearest, work);
  const dense = placed(head.dense, head, positions, source, mean);
  const ibug68 = given(source.landmarks, placed(head.ibug68, head, positions, source, mean));
  const shared = sharedPoints(source, mean, head, positions);
  const origin = middleOfEyes(source, mean, ibug68);
  for (let i = 0; i < mean.length; i++) mean[i]! -= origin[i % 3]!;
  const expressionPriors = priorsOf(source, head);
  const model: MorphableModel = {
    name: source.name,
    vertexCount: source.vertexCount,
    triangleCount: source.triangles.length / 3,
    mean,
    identity: await turnedBasis(source.identity, source.vertexCount, pose, work),
    expression: {
      ...(await turnedBasis(source.expression, source.vertexCount, pose, work)),
      names: source.expression.names,
      ...expressionPriors,
    },
    albedo: source.albedo
      ? { mean: source.albedo.mean, ...(await turnedBasis(source.albedo, source.vertexCount, undefined, work)) }
      : transferredAlbedo(head, transfer, source.vertexCount),
    triangles: source.triangles,
    uvs,
    parts: partsOf(source),
    dense,
    ibug68,
    regions: Uint8Array.from(transfer, ({ vertices, weights }, v) => {
      const told = source.regions?.[v];
      return told ? REGION_NAMES.indexOf(told) : head.regions[vertices[largest(weights)]!]!;
    }),
    mirror: source.mirror ?? (await mirrored(source, mean, work)),
    deformable: deformableOf(partOf, head, transfer),
  };
  const kinship = await kinshipOf(head, model, shared, work);
  work.report(1);
  return { model: { ...model, kinship }, quality };
}

/** Face vertices of the embedded head that are compared with the imported one. */
const SHARED_POINTS = 1400;

/** Places on the face that both heads have. */
function sharedPoints(
  source: SourceModel,
  mean: Float32Array,
  head: MorphableModel,
  positions: Float32Array,
): SharedPoints {
  const skin = partTriangles(source.triangles, source.parts, (part) => part === 'skin');
  const headSkin = partTriangles(head.triangles, head.parts, (part) => part === 'skin');
  const border = borderVertices(source.vertexCount, skin);
  const surface = new Surface(mean, skin);
  const normals = vertexNormals(positions, headSkin);
  const face = faceVertices(head, headSkin);
  const step = Math.max(1, Math.floor(face.length / SHARED_POINTS));
  const [own, theirs, weights]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < face.length; i += step) {
    const v = face[i]!;
    const at = positions.subarray(3 * v, 3 * v + 3) as unknown as [number, number, number];
    const normal = normals.subarray(3 * v, 3 * v + 3) as unknown as [number, number, number];
    const hit = surface.nearest(...at, normal);
    if (hit.distance > FAR_MM || hit.vertices.some((w) => border[w])) continue;
    own.push(v);
    theirs.push(...hit.vertices);
    weights.push(...hit.weights);
  }
  return {
    onHead: atVertices(own),
    onImported: { vertices: Uint32Array.from(theirs), weights: Float32Array.from(weights) },
  };
}

/** Triangles of a part that are listed clockwise from outside are turned round. */
function turnOutwards({ mean, triangles, parts }: SourceModel): void {
  let first = 0;
  for (const { triangleCount } of parts) {
    const corners = triangles.subarray(3 * first, 3 * (first + triangleCount));
    const middle = [0, 0, 0];
    for (const v of corners) for (let k = 0; k < 3; k++) middle[k]! += mean[3 * v + k]! / corners.length;
    let outwards = 0;
    for (let t = 0; t < corners.length; t += 3) {
      const [a, b, c] = [0, 1, 2].map((j) => [0, 1, 2].map((k) => mean[3 * corners[t + j]! + k]! - middle[k]!));
      outwards +=
        a![0]! * (b![1]! * c![2]! - b![2]! * c![1]!) +
        a![1]! * (b![2]! * c![0]! - b![0]! * c![2]!) +
        a![2]! * (b![0]! * c![1]! - b![1]! * c![0]!);
    }
    if (outwards < 0) {
      for (let t = 0; t < corners.length; t += 3) {
        const [second, third] = [corners[t + 1]!, corners[t + 2]!];
        corners[t + 1] = third;
        corners[t + 2] = second;
      }
    }
    first += triangleCount;
  }
}

function partsOf({ parts }: SourceModel): Part[] {
  let firstTriangle = 0;
  return parts.map(({ name, triangleCount }) => {
    const part = { name, firstTriangle, triangleCount };
    firstTriangle += triangleCount;
    return part;
  });
}

/** Parts of the embedded head that stand for one of the source's. */
const LIKE: Record<PartName, readonly PartName[]> = {
  skin: ['skin'],
  leftEye: ['leftEye'],
  rightEye: ['rightEye'],
  upperTeeth: ['upperTeeth'],
  lowerTeeth: ['lowerTeeth'],
  tongue: ['tongue'],
};

/** The part a vertex belongs to. */
function partOfVertex({ triangles, parts, vertexCount }: SourceModel): PartName[] {
  const out = new Array<PartName>(vertexCount).fill('skin');
  let first = 0;
  for (const { name, triangleCount } of parts) {
    for (let i = 3 * first; i < 3 * (first + triangleCount); i++) out[triangles[i]!] = name;
    first += triangleCount;
  }
  return out;
}

/** For every vertex of the source the place on the embedded head that lies over it. */
async function nearestOnHead(
  source: SourceModel,
  mean: Float32Array,
  partOf: readonly PartName[],
  head: MorphableModel,
  positions: Float32Array,
  work: WorkSlices,
): Promise<Hit[]> {
  // Eyes and teeth of the two heads differ in place and size: each is laid over the other by its box.
  const surfaces = new Map<PartName, { surface: Surface; toHead: (point: number, k: number) => number }>();
  const normals = vertexNormals(mean, source.triangles);
  const hits: Hit[] = [];
  for (let v = 0; v < source.vertexCount; v++) {
    await work.pause();
    const name = partOf[v]!;
    let entry = surfaces.get(name);
    if (!entry) {
      const like = LIKE[name].filter((candidate) => head.parts.some((part) => part.name === candidate));
      const triangles = partTriangles(head.triangles, head.parts, (part) =>
        like.length > 0 ? like.includes(part) : part === 'skin',
      );
      const isSkin = name === 'skin' || like.length === 0;
      const own = partTriangles(source.triangles, source.parts, (part) => part === name);
      entry = {
        surface: new Surface(positions, triangles),
        toHead: isSkin ? (x) => x : boxMap(mean, own, positions, triangles),
      };
      surfaces.set(name, entry);
    }
    const [x, y, z] = [0, 1, 2].map((k) => entry.toHead(mean[3 * v + k]!, k)) as [number, number, number];
    const normal = normals.subarray(3 * v, 3 * v + 3) as unknown as [number, number, number];
    hits.push(entry.surface.nearest(x, y, z, normal, 0.1, 6));
  }
  return hits;
}

/** Coordinate by coordinate, from one box to the other. */
function boxMap(from: Float32Array, fromTriangles: Uint32Array, to: Float32Array, toTriangles: Uint32Array) {
  const box = (positions: Float32Array, triangles: Uint32Array) =>
    [0, 1, 2].map((k) => {
      let [low, high] = [Infinity, -Infinity];
      for (const v of triangles) {
        low = Math.min(low, positions[3 * v + k]!);
        high = Math.max(high, positions[3 * v + k]!);
      }
      return { middle: (low + high) / 2, size: high - low };
    });
  const [a, b] = [box(from, fromTriangles), box(to, toTriangles)];
  return (x: number, k: number) => b[k]!.middle + ((x - a[k]!.middle) * b[k]!.size) / Math.max(a[k]!.size, 1e-6);
}

/** Landmarks of the embedded head, put on the source. */
function placed(
  set: LandmarkSet,
  head: MorphableModel,
  positions: Float32Array,
  source: SourceModel,
  mean: Float32Array,
): LandmarkSet {
  const headPart = partOfHeadVertex(head);
  const surfaces = new Map<PartName, { surface: Surface; ofBox: (x: number, k: number) => number }>();
  const has = (name: PartName) => source.parts.some((part) => part.name === name);
  const surfaceOf = (name: PartName) => {
    const used = has(name) ? name : 'skin';
    let entry = surfaces.get(name);
    if (!entry) {
      const triangles = partTriangles(source.triangles, source.parts, (part) => part === used);
      const own = partTriangles(head.triangles, head.parts, (part) => part === name);
      entry = {
        surface: new Surface(mean, triangles),
        ofBox: used === 'skin' ? (x) => x : boxMap(positions, own, mean, triangles),
      };
      surfaces.set(name, entry);
    }
    return entry;
  };
  const normals = vertexNormals(positions, head.triangles);
  const points = pointsOn(positions, set);
  const vertices = new Uint32Array(3 * set.count);
  const weights = new Float32Array(3 * set.count);
  const sigmaMm = new Float32Array(set.count);
  for (let i = 0; i < set.count; i++) {
    const corner = set.vertices[3 * i + largest(set.weights.subarray(3 * i, 3 * i + 3))]!;
    const { surface, ofBox } = surfaceOf(headPart[corner]!);
    const [x, y, z] = [0, 1, 2].map((k) => ofBox(points[3 * i + k]!, k)) as [number, number, number];
    const normal = normals.subarray(3 * corner, 3 * corner + 3) as unknown as [number, number, number];
    const hit = surface.nearest(x, y, z, normal, 0.2, 4);
    vertices.set(hit.vertices, 3 * i);
    weights.set(hit.weights, 3 * i);
    sigmaMm[i] = hit.distance > FAR_MM ? UNKNOWN_SIGMA_MM : Math.hypot(set.sigmaMm[i]!, hit.distance);
  }
  return { count: set.count, vertices, weights, sigmaMm, dynamic: set.dynamic.slice() };
}

/** The source's own landmarks take the place of derived ones. */
function given(own: SourceModel['landmarks'], derived: LandmarkSet): LandmarkSet {
  if (!own) return derived;
  const { vertices, weights } = derived;
  vertices.set(own.vertices, 3 * own.first);
  weights.set(own.weights, 3 * own.first);
  return { ...derived, vertices, weights };
}

function partOfHeadVertex({ triangles, parts, vertexCount }: MorphableModel): PartName[] {
  const out = new Array<PartName>(vertexCount).fill('skin');
  for (const { name, firstTriangle, triangleCount } of parts) {
    for (let i = 3 * firstTriangle; i < 3 * (firstTriangle + triangleCount); i++) out[triangles[i]!] = name;
  }
  return out;
}

/** Middle of the eyeballs' middles, or of the lids' where there are no eyeballs. */
function middleOfEyes(source: SourceModel, mean: Float32Array, ibug68: LandmarkSet): [number, number, number] {
  const middle = (list: ArrayLike<number>) =>
    [0, 1, 2].map((k) => {
      let sum = 0;
      for (let i = 0; i < list.length; i++) sum += mean[3 * list[i]! + k]!;
      return sum / list.length;
    });
  const eye = (name: PartName) => [...new Set(partTriangles(source.triangles, source.parts, (part) => part === name))];
  const [left, right] = [eye('leftEye'), eye('rightEye')];
  if (left.length > 0 && right.length > 0) {
    const [a, b] = [middle(left), middle(right)];
    return [0, 1, 2].map((k) => (a[k]! + b[k]!) / 2) as [number, number, number];
  }
  const lids = pointsOn(mean, ibug68).subarray(3 * 36, 3 * 48);
  const EYE_RADIUS_MM = 12;
  return [0, 1, 2].map((k) => {
    let sum = 0;
    for (let i = k; i < lids.length; i += 3) sum += lids[i]! / 12;
    return k === 2 ? sum - EYE_RADIUS_MM : sum;
  }) as [number, number, number];
}

/** Half floats, turned into the embedded head's frame; colours are not turned. */
async function turnedBasis(
  { components }: SourceBasis,
  vertexCount: number,
  pose: Rigid | undefined,
  work: WorkSlices,
): Promise<Basis> {
  const size = 3 * vertexCount;
  const halfs = new Uint16Array(size * components.length);
  const turn = pose && { rotation: pose.rotation, translation: new Float64Array(3) };
  for (const [k, component] of components.entries()) {
    await work.pause();
    encodeHalfs(turn ? moved(component, turn) : component, halfs, k * size);
  }
  return { count: components.length, halfs };
}

function priorsOf({ expression: { names, priors } }: SourceModel, head: MorphableModel) {
  const all = names.map((name, k) => {
    const { sigma, min, max } = priors[k]!;
    const own = min === 0 && max === 1 ? head.expression.names.indexOf(name) : -1;
    if (own < 0) return { mean: 0, sigma, min, max };
    return { mean: head.expression.mean[own]!, sigma: head.expression.sigma[own]!, min, max };
  });
  return {
    mean: Float32Array.from(all, ({ mean }) => mean),
    sigma: Float32Array.from(all, ({ sigma }) => sigma),
    min: Float32Array.from(all, ({ min }) => min),
    max: Float32Array.from(all, ({ max }) => max),
  };
}

function transferredAlbedo(
  { albedo, vertexCount: headCount }: MorphableModel,
  transfer: readonly Hit[],
  vertexCount: number,
) {
  const halfs = new Uint16Array(3 * vertexCount * albedo.count);
  const values = decodeHalfs(albedo.halfs);
  for (let k = 0; k < albedo.count; k++) {
    const component = values.subarray(3 * headCount * k, 3 * headCount * (k + 1));
    encodeHalfs(interpolated(component, transfer, 3), halfs, 3 * vertexCount * k);
  }
  return { count: albedo.count, halfs, mean: interpolated(albedo.mean, transfer, 3) };
}

function interpolated(values: ArrayLike<number>, transfer: readonly Hit[], stride: number): Float32Array {
  const out = new Float32Array(stride * transfer.length);
  for (const [i, { vertices, weights }] of transfer.entries())
    for (let j = 0; j < 3; j++)
      for (let k = 0; k < stride; k++) out[stride * i + k]! += weights[j]! * values[stride * vertices[j]! + k]!;
  return out;
}

function deformableOf(partOf: readonly PartName[], head: MorphableModel, transfer: readonly Hit[]): Float32Array {
  const out = interpolated(head.deformable, transfer, 1);
  for (const [v, name] of partOf.entries()) if (name !== 'skin') out[v] = 0;
  return out;
}

/** The vertex nearest to the mirror image, part by part. */
async function mirrored(source: SourceModel, mean: Float32Array, work: WorkSlices): Promise<Uint32Array> {
  const all = new Surface(mean, source.triangles);
  const out = new Uint32Array(source.vertexCount);
  for (let v = 0; v < source.vertexCount; v++) {
    await work.pause();
    const { vertices, weights } = all.nearest(-mean[3 * v]!, mean[3 * v + 1]!, mean[3 * v + 2]!);
    out[v] = vertices[largest(weights)]!;
  }
  return out;
}

function largest(weights: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < weights.length; k++) if (weights[k]! > weights[best]!) best = k;
  return best;
}
