/**
 * How far the silhouette of the face lies from where skin ends in the photo.
 *
 * The fitted head is drawn as its camera sees it; from every point of its outline that is cheek or jaw (or ear, told
 * apart from them) the nearest edge between skin and background is looked up along the outline's normal. Outline that
 * hair, clothes or a hand hide has no such edge nearby and is left out.
 */
import { REGION_NAMES, type RegionName } from '../../lib/morphable-model.js';
import type { NativeContext, NativeSkinEdges } from '../../lib/native/binding.js';
import { renderVisibility } from '../../lib/render.js';
import type { ReconstructionData } from '../../lib/result.js';

export interface SilhouetteFigures {
  /** Mean distance of the outline from the edge of the skin, percent of the width of the face; NaN: not seen. */
  deviationPercent: number;
  /** The same with its sign: positive where the fitted face is too wide. */
  signedPercent: number;
  /** Points of the outline that count, and those of these regions in all. */
  points: number;
  outlinePoints: number;
}

export interface Silhouettes {
  face: SilhouetteFigures;
  ears: SilhouetteFigures;
}

/** Pixels of the square that the head is drawn into, and its side in widths of the face. */
const RENDER_PX = 512;
const FIELD = 2.2;
/** An edge farther away than this share of the face's width belongs to hair or neck. */
const NEAR = 0.06;
/** With less than this share of the outline, what is seen is a gap in the hair. */
const LEAST_SEEN = 0.1;
/** How far beside the normal an edge may lie, share of the face's width, and the cosine between both normals. */
const ASIDE = 0.01;
const SAME_DIRECTION = 0.75;
/** Pixels around one of the outline's that tell its normal. */
const NORMAL_REACH = 4;
const REGIONS = { face: ['cheeks', 'chin'], ears: ['ears'] } as const satisfies Record<string, readonly RegionName[]>;
/** iBUG points on both sides of the face at the height of the ears' lower end. */
const SIDES = [2, 14] as const;

export async function silhouetteFigures(
  context: NativeContext,
  face: ReconstructionData,
  edges: NativeSkinEdges,
): Promise<Silhouettes> {
  const { camera, mesh, model, pose } = face;
  const width = faceWidthPx(face);
  const zoom = RENDER_PX / (FIELD * width);
  const centre = [0, 1].map(
    (k) => camera.principalPointPx[k]! + (camera.focalLengthPx * pose.translation[k]!) / pose.translation[2],
  ) as [number, number];
  const toPhoto = (x: number, k: 0 | 1): number => (x - RENDER_PX / 2) / zoom + centre[k];
  const seen = await renderVisibility(
    context,
    { positions: mesh.positions, indices: mesh.indices },
    {
      pose,
      camera: {
        focalLengthPx: camera.focalLengthPx * zoom,
        principalPointPx: [0, 1].map((k) => (camera.principalPointPx[k]! - centre[k]!) * zoom + RENDER_PX / 2) as [
          number,
          number,
        ],
      },
      width: RENDER_PX,
      height: RENDER_PX,
    },
  );
  const figures = (names: readonly RegionName[]): SilhouetteFigures => {
    const regions = names.map((name) => REGION_NAMES.indexOf(name));
    let [sum, signed, points, outlinePoints] = [0, 0, 0, 0];
    for (let y = NORMAL_REACH; y < RENDER_PX - NORMAL_REACH; y++) {
      for (let x = NORMAL_REACH; x < RENDER_PX - NORMAL_REACH; x++) {
        const triangle = seen.triangleId[y * RENDER_PX + x]!;
        if (triangle < 0 || !regions.includes(model.regions[mesh.indices[3 * triangle]!]!)) continue;
        const normal = outlineNormal(seen.triangleId, x, y);
        if (!normal) continue;
        outlinePoints++;
        // The outline runs between this pixel and the empty ones next to it.
        const at = [toPhoto(x + 0.5 + 0.5 * normal[0], 0), toPhoto(y + 0.5 + 0.5 * normal[1], 1)] as const;
        const distance = toEdge(at, normal, edges, width);
        if (distance === undefined) continue;
        points++;
        sum += Math.abs(distance) / width;
        signed -= distance / width;
      }
    }
    const percent = (value: number): number =>
      points > LEAST_SEEN * outlinePoints ? (100 * value) / points : Number.NaN;
    return { deviationPercent: percent(sum), signedPercent: percent(signed), points, outlinePoints };
  };
  return { face: figures(REGIONS.face), ears: figures(REGIONS.ears) };
}

/** Signed distance along the normal to the nearest edge that faces the same way, pixels of the photo. */
function toEdge(
  at: readonly [number, number],
  normal: readonly [number, number],
  { points, normals }: NativeSkinEdges,
  width: number,
): number | undefined {
  let best: number | undefined;
  for (let i = 0; i < points.length; i += 2) {
    const [dx, dy] = [points[i]! - at[0], points[i + 1]! - at[1]];
    const along = dx * normal[0] + dy * normal[1];
    if (Math.abs(along) > Math.abs(best ?? NEAR * width)) continue;
    if (Math.abs(dx * normal[1] - dy * normal[0]) > ASIDE * width) continue;
    if (normals[i]! * normal[0] + normals[i + 1]! * normal[1] < SAME_DIRECTION) continue;
    best = along;
  }
  return best;
}

/** Unit vector from a pixel of the head towards the emptiness around it; undefined where it is not on the outline. */
function outlineNormal(ids: Int32Array, x: number, y: number): [number, number] | undefined {
  const empty = (u: number, v: number): boolean => ids[v * RENDER_PX + u]! < 0;
  if (!(empty(x - 1, y) || empty(x + 1, y) || empty(x, y - 1) || empty(x, y + 1))) return undefined;
  let [nx, ny] = [0, 0];
  for (let dy = -NORMAL_REACH; dy <= NORMAL_REACH; dy++) {
    for (let dx = -NORMAL_REACH; dx <= NORMAL_REACH; dx++) {
      if (!empty(x + dx, y + dy)) continue;
      nx += dx;
      ny += dy;
    }
  }
  const length = Math.hypot(nx, ny);
  return length > 0 ? [nx / length, ny / length] : undefined;
}

/** Distance of the two sides of the face in space, as wide as it would look from the front. */
function faceWidthPx({ landmarks, pose, camera }: ReconstructionData): number {
  const p = landmarks.positions;
  const [l, r] = SIDES.map((i) => 3 * i) as [number, number];
  const mm = Math.hypot(p[l]! - p[r]!, p[l + 1]! - p[r + 1]!, p[l + 2]! - p[r + 2]!);
  const depth = pose.translation[2];
  return (mm * camera.focalLengthPx) / depth;
}
