import type { MorphableModel, PartName } from '../morphable-model.js';
import { ClosestPointIndex } from './closest-point.js';
import { isLoose } from './registration.js';
import type { SourceModel } from './source-model.js';
import { borderVertices, type Hit, partTriangles, vertexNormals } from './surface.js';
import type { WorkSlices } from './work-slices.js';

/** A vertex whose nearest place on the embedded head is farther away lies where that head has nothing like it: */
const TRUSTED_MM = 2;
/** on skull, ears and neck, where heads are laid over each other loosely, this far. */
const LOOSE_MM = 20;
const TRUSTED_COSINE = 0.3;
/** Room for skin that goes on below the embedded head's neck: its layout shrinks by this. */
const SHRUNK = 0.92;
const REPAIRS = 4;
const FILL_STEPS = 1000;
/** Islands beside the skin, in the layout's corners: middle and half the side. */
const ISLANDS: Partial<Record<PartName, readonly [u: number, v: number, half: number]>> = {
  rightEye: [0.06, 0.06, 0.055],
  leftEye: [0.94, 0.06, 0.055],
  tongue: [0.94, 0.94, 0.055],
};

export interface TextureLayout {
  /** `[vertices][2]` */
  uvs: Float32Array;
  /** Of every vertex the place on the embedded head whose colours and regions it takes. */
  hits: Hit[];
}

/**
 * Texture coordinates for a model that has none of one per vertex: the embedded head's where that lies close. Cavities
 * that it does not have (deep nostrils, eye sockets) are drawn into the ring around them, skin below its neck outwards.
 *
 * @param mean `[vertices][3]` of the source, in the registered frame
 * @param hits of every vertex the nearest place on the embedded head
 */
export async function layOut(
  source: SourceModel,
  mean: Float32Array,
  partOf: readonly PartName[],
  head: MorphableModel,
  positions: Float32Array,
  hits: readonly Hit[],
  work: WorkSlices,
): Promise<TextureLayout> {
  const skin = partTriangles(source.triangles, source.parts, (name) => name === 'skin');
  const headSkin = partTriangles(head.triangles, head.parts, (name) => name === 'skin');
  const headBorder = borderVertices(head.vertexCount, headSkin);
  const own = vertexNormals(mean, skin);
  const theirs = vertexNormals(positions, headSkin);
  const uvs = new Float32Array(2 * source.vertexCount);
  const at = (values: ArrayLike<number>, { vertices, weights }: Hit, stride: number, k: number) =>
    [0, 1, 2].reduce((sum, j) => sum + weights[j]! * values[stride * vertices[j]! + k]!, 0);

  const trusted = new Uint8Array(source.vertexCount);
  const isBelow = new Uint8Array(source.vertexCount);
  const isLooselyLaid = new Uint8Array(source.vertexCount);
  let farthest = 1;
  for (const [v, hit] of hits.entries()) {
    if (partOf[v] !== 'skin') continue;
    const onBorder = [0, 1, 2].some((j) => headBorder[hit.vertices[j]!] && hit.weights[j]! > 0.01);
    const cosine = [0, 1, 2].reduce((sum, k) => sum + own[3 * v + k]! * at(theirs, hit, 3, k), 0);
    const corner = hit.vertices[hit.weights.indexOf(Math.max(...hit.weights))]!;
    const loose = isLoose(head, corner);
    // The layout is dense there, and small folds do no harm.
    isLooselyLaid[v] = Number(loose || onBorder);
    const reach = loose ? LOOSE_MM : TRUSTED_MM;
    trusted[v] = Number(!onBorder && hit.distance <= reach && cosine >= TRUSTED_COSINE);
    if (onBorder) {
      isBelow[v] = 1;
      farthest = Math.max(farthest, hit.distance);
    }
    for (let k = 0; k < 2; k++) uvs[2 * v + k] = 0.5 + SHRUNK * (at(head.uvs, hit, 2, k) - 0.5);
  }
  for (const [v, hit] of hits.entries()) {
    if (!isBelow[v]) continue;
    const base = [0, 1].map((k) => 0.5 + SHRUNK * (at(head.uvs, hit, 2, k) - 0.5)) as [number, number];
    const length = Math.hypot(base[0] - 0.5, base[1] - 0.5);
    for (let k = 0; k < 2; k++) {
      uvs[2 * v + k] = base[k]! + ((base[k]! - 0.5) / length) * 0.5 * (1 - SHRUNK) * (hit.distance / farthest);
    }
  }
  const neighbours = ringsOf(source.vertexCount, skin);
  for (let repair = 0; repair < REPAIRS; repair++) {
    if (repair > 0) distrustFlipped(uvs, skin, neighbours, trusted, isLooselyLaid);
    await fill(uvs, partOf, neighbours, trusted, isBelow, work);
  }
  const moved = await lookUp(head, headSkin, uvs, hits, partOf, trusted, work);
  for (const [name, island] of Object.entries(ISLANDS) as [PartName, readonly [number, number, number]][]) {
    layIsland(source, mean, name, island, uvs);
  }
  for (const name of ['upperTeeth', 'lowerTeeth'] as const) {
    for (const [v, hit] of hits.entries()) {
      if (partOf[v] === name) for (let k = 0; k < 2; k++) uvs[2 * v + k] = at(head.uvs, hit, 2, k);
    }
  }
  return { uvs, hits: moved };
}

function ringsOf(vertexCount: number, triangles: Uint32Array): number[][] {
  const rings = Array.from({ length: vertexCount }, () => new Set<number>());
  for (let t = 0; t < triangles.length; t += 3)
    for (let k = 0; k < 3; k++) {
      const [a, b] = [triangles[t + k]!, triangles[t + ((k + 1) % 3)]!];
      rings[a]!.add(b);
      rings[b]!.add(a);
    }
  return rings.map((ring) => [...ring]);
}

/** Vertices of triangles that lie the other way round than most, and their neighbours, are to be laid anew. */
function distrustFlipped(
  uvs: Float32Array,
  triangles: Uint32Array,
  neighbours: readonly number[][],
  trusted: Uint8Array,
  isFixed: Uint8Array,
): void {
  const areas = new Float32Array(triangles.length / 3);
  let sum = 0;
  for (let t = 0; t < areas.length; t++) {
    const [a, b, c] = [0, 1, 2].map((k) => 2 * triangles[3 * t + k]!) as [number, number, number];
    areas[t] = (uvs[b]! - uvs[a]!) * (uvs[c + 1]! - uvs[a + 1]!) - (uvs[b + 1]! - uvs[a + 1]!) * (uvs[c]! - uvs[a]!);
    sum += Math.sign(areas[t]!);
  }
  const flipped = new Set<number>();
  for (let t = 0; t < areas.length; t++) {
    if (areas[t]! * sum > 0) continue;
    for (let k = 0; k < 3; k++) flipped.add(triangles[3 * t + k]!);
  }
  for (const v of flipped) {
    for (const w of [v, ...neighbours[v]!]) if (!isFixed[w]) trusted[w] = 0;
  }
}

/** Every vertex that is not trusted goes to the middle of its neighbours, all of them at once (Tutte's layout). */
async function fill(
  uvs: Float32Array,
  partOf: readonly PartName[],
  neighbours: readonly number[][],
  trusted: Uint8Array,
  isBelow: Uint8Array,
  work: WorkSlices,
): Promise<void> {
  const isFixed = (v: number) => trusted[v] || isBelow[v];
  const place = new Int32Array(trusted.length).fill(-1);
  const free: number[] = [];
  // Only what hangs together with something fixed can be laid.
  const queue = Array.from(trusted.keys()).filter((v) => partOf[v] === 'skin' && isFixed(v));
  const reached = new Uint8Array(trusted.length);
  for (const v of queue) reached[v] = 1;
  for (let i = 0; i < queue.length; i++) {
    for (const w of neighbours[queue[i]!]!) {
      if (reached[w]) continue;
      reached[w] = 1;
      place[w] = free.length;
      queue.push(w);
      free.push(w);
    }
  }
  const apply = (x: Float64Array, out: Float64Array) => {
    for (const [i, v] of free.entries()) {
      const ring = neighbours[v]!;
      let sum = ring.length * x[i]!;
      for (const w of ring) if (place[w]! >= 0) sum -= x[place[w]!]!;
      out[i] = sum;
    }
  };
  for (let axis = 0; axis < 2; axis++) {
    const right = Float64Array.from(free, (v) =>
      neighbours[v]!.reduce((sum, w) => sum + (place[w]! < 0 ? uvs[2 * w + axis]! : 0), 0),
    );
    const start = Float64Array.from(free, () => 0.5);
    const solution = await conjugateGradients(apply, right, start, work);
    for (const [i, v] of free.entries()) uvs[2 * v + axis] = solution[i]!;
  }
}

async function conjugateGradients(
  apply: (x: Float64Array, out: Float64Array) => void,
  right: Float64Array,
  x: Float64Array,
  work: WorkSlices,
): Promise<Float64Array> {
  const image = new Float64Array(x.length);
  apply(x, image);
  const rest = right.map((value, i) => value - image[i]!);
  const direction = rest.slice();
  const squared = (values: Float64Array) => values.reduce((sum, value) => sum + value * value, 0);
  let size = squared(rest);
  const enough = 1e-14 * Math.max(1, squared(right));
  for (let step = 0; step < FILL_STEPS && size > enough; step++) {
    await work.pause();
    apply(direction, image);
    const along = size / direction.reduce((sum, value, i) => sum + value * image[i]!, 0);
    for (let i = 0; i < x.length; i++) {
      x[i]! += along * direction[i]!;
      rest[i]! -= along * image[i]!;
    }
    const next = squared(rest);
    for (let i = 0; i < x.length; i++) direction[i] = rest[i]! + (next / size) * direction[i]!;
    size = next;
  }
  return x;
}

/** Skin that was laid anew takes what the embedded head has at its texture coordinates. */
async function lookUp(
  head: MorphableModel,
  headSkin: Uint32Array,
  uvs: Float32Array,
  hits: readonly Hit[],
  partOf: readonly PartName[],
  trusted: Uint8Array,
  work: WorkSlices,
): Promise<Hit[]> {
  const flat = new Float32Array(3 * head.vertexCount);
  for (let v = 0; v < head.vertexCount; v++) {
    for (let k = 0; k < 2; k++) flat[3 * v + k] = 0.5 + SHRUNK * (head.uvs[2 * v + k]! - 0.5);
  }
  const index = new ClosestPointIndex(flat, headSkin);
  const out: Hit[] = [];
  for (const [v, hit] of hits.entries()) {
    await work.pause();
    if (partOf[v] !== 'skin' || trusted[v]) {
      out.push(hit);
      continue;
    }
    const { triangle, weights } = index.query(uvs[2 * v]!, uvs[2 * v + 1]!, 0);
    const corners = headSkin.subarray(3 * triangle, 3 * triangle + 3);
    out.push({ ...hit, vertices: [corners[0]!, corners[1]!, corners[2]!], weights: [...weights] });
  }
  return out;
}

/** A part that bulges towards the viewer, as a disc: the angle from the front is the distance from the middle. */
function layIsland(
  source: SourceModel,
  mean: Float32Array,
  name: PartName,
  [u, v, half]: readonly [number, number, number],
  uvs: Float32Array,
): void {
  const vertices = new Set(partTriangles(source.triangles, source.parts, (part) => part === name));
  if (vertices.size === 0) return;
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const w of vertices)
    for (let k = 0; k < 3; k++) {
      low[k] = Math.min(low[k]!, mean[3 * w + k]!);
      high[k] = Math.max(high[k]!, mean[3 * w + k]!);
    }
  for (const w of vertices) {
    const [x, y, z] = [0, 1, 2].map((k) => (2 * mean[3 * w + k]! - low[k]! - high[k]!) / (high[k]! - low[k]!)) as [
      number,
      number,
      number,
    ];
    const across = Math.hypot(x, y);
    const radius = (half * Math.atan2(across, z)) / Math.PI;
    uvs[2 * w] = u + (across > 0 ? (radius * x) / across : 0);
    uvs[2 * w + 1] = v - (across > 0 ? (radius * y) / across : 0);
  }
}
