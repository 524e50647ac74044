/**
 * How far the silhouette of cheeks and jaw lies from the edge of the person in the photo.
 *
 * The fitted head is drawn as its camera sees it; where its outline is cheek or jaw (not ear, neck or scalp) and the
 * background begins right outside, the nearest edge of the person mask is looked up. Outline that hair, clothes or a hand
 * hide has no edge nearby and is left out.
 */
import { REGION_NAMES } from '../../lib/morphable-model.js';
import type { NativeContext } from '../../lib/native/binding.js';
import { renderVisibility } from '../../lib/render.js';
import type { ReconstructionData } from '../../lib/result.js';
import type { PersonMask } from '../../lib/stages/mask.js';

export interface SilhouetteFigures {
  /** Mean distance of outline and mask edge, percent of the width of the face. */
  deviationPercent: number;
  /** The same with its sign: positive where the fitted face is too wide. */
  signedPercent: number;
  /** Points of the outline that count, and those of cheek and jaw in all. */
  points: number;
  outlinePoints: number;
}

/** Pixels of the square that the head is drawn into. */
const RENDER_PX = 512;
/** Sides of the mask's square that the outline may lie in: its border has no background to see. */
const MARGIN = 0.02;
/** An edge farther away than this share of the face's width belongs to hair or neck. */
const NEAR = 0.06;
const OUTLINE_REGIONS = ['cheeks', 'chin'].map((name) => REGION_NAMES.indexOf(name as (typeof REGION_NAMES)[number]));
/** iBUG points on both sides of the face at the height of the ears' lower end. */
const SIDES = [2, 14] as const;

export async function silhouetteFigures(
  context: NativeContext,
  face: ReconstructionData,
  mask: PersonMask,
): Promise<SilhouetteFigures> {
  // The mask's square, upright or not, is mapped by a similarity; the head is drawn in the photo's axes around it.
  const [a, b, x0, , , y0] = mask.toPhoto;
  const scale = Math.hypot(a, b);
  const corners = [0, mask.size].flatMap((u) => [0, mask.size].map((v) => toPhoto(mask, u, v)));
  const left = Math.min(...corners.map(([x]) => x));
  const top = Math.min(...corners.map(([, y]) => y));
  const side = Math.max(...corners.map(([x]) => x - left), ...corners.map(([, y]) => y - top));
  if (!Number.isFinite(x0 + y0 + scale)) throw new RangeError('silhouetteFigures: the mask has no place in the photo');
  const zoom = RENDER_PX / side;
  const { camera, mesh, model, pose } = face;
  const seen = await renderVisibility(
    context,
    { positions: mesh.positions, indices: mesh.indices },
    {
      pose,
      camera: {
        focalLengthPx: camera.focalLengthPx * zoom,
        principalPointPx: [(camera.principalPointPx[0] - left) * zoom, (camera.principalPointPx[1] - top) * zoom],
      },
      width: RENDER_PX,
      height: RENDER_PX,
    },
  );
  const edges = maskEdges(mask).map(([u, v]) => {
    const [x, y] = toPhoto(mask, u, v);
    return [(x - left) * zoom, (y - top) * zoom] as const;
  });
  const inMask = sampler(mask, left, top, zoom);
  const width = faceWidthPx(face) * zoom;
  let [sum, signed, points, outlinePoints] = [0, 0, 0, 0];
  for (let y = 1; y + 1 < RENDER_PX; y++) {
    for (let x = 1; x + 1 < RENDER_PX; x++) {
      const i = y * RENDER_PX + x;
      const triangle = seen.triangleId[i]!;
      const outward = triangle < 0 ? undefined : emptySide(seen.triangleId, i);
      if (!outward) continue;
      if (!OUTLINE_REGIONS.includes(model.regions[mesh.indices[3 * triangle]!]!)) continue;
      outlinePoints++;
      // The outline runs between this pixel and the empty ones next to it.
      const px = x + 0.5 + 0.5 * outward[0];
      const py = y + 0.5 + 0.5 * outward[1];
      const inside = inMask(px, py);
      if (inside === undefined) continue;
      let nearest = Infinity;
      for (const [ex, ey] of edges) nearest = Math.min(nearest, (ex - px) ** 2 + (ey - py) ** 2);
      const distance = Math.sqrt(nearest) / width;
      if (distance > NEAR) continue;
      points++;
      sum += distance;
      signed += inside > 0.5 ? -distance : distance;
    }
  }
  const percent = (value: number): number => (points > 0 ? (100 * value) / points : Number.NaN);
  return { deviationPercent: percent(sum), signedPercent: percent(signed), points, outlinePoints };
}

function toPhoto({ toPhoto: [a, b, c, d, e, f] }: PersonMask, u: number, v: number): [number, number] {
  return [a * u + b * v + c, d * u + e * v + f];
}

/** Where the mask crosses one half between neighbouring pixels, in pixels of the mask. */
function maskEdges({ values, size }: PersonMask): [number, number][] {
  const edges: [number, number][] = [];
  for (let v = 0; v < size; v++) {
    for (let u = 0; u < size; u++) {
      const here = values[v * size + u]! - 0.5;
      for (const [du, dv] of [
        [1, 0],
        [0, 1],
      ] as const) {
        if (u + du >= size || v + dv >= size) continue;
        const there = values[(v + dv) * size + u + du]! - 0.5;
        if (here > 0 === there > 0) continue;
        const t = here / (here - there);
        edges.push([u + 0.5 + t * du, v + 0.5 + t * dv]);
      }
    }
  }
  return edges;
}

/** The mask at a pixel of the drawing; undefined outside its square. */
function sampler(mask: PersonMask, left: number, top: number, zoom: number) {
  const [a, b, c, d, e, f] = mask.toPhoto;
  const determinant = a * e - b * d;
  const border = MARGIN * mask.size;
  return (px: number, py: number): number | undefined => {
    const x = px / zoom + left - c;
    const y = py / zoom + top - f;
    const u = (e * x - b * y) / determinant;
    const v = (a * y - d * x) / determinant;
    if (u < border || v < border || u > mask.size - border || v > mask.size - border) return undefined;
    return mask.values[Math.floor(v) * mask.size + Math.floor(u)];
  };
}

/** Unit vector towards the empty ones of a pixel's neighbours; undefined where there are none. */
function emptySide(ids: Int32Array, i: number): [number, number] | undefined {
  const dx = (ids[i + 1]! < 0 ? 1 : 0) - (ids[i - 1]! < 0 ? 1 : 0);
  const dy = (ids[i + RENDER_PX]! < 0 ? 1 : 0) - (ids[i - RENDER_PX]! < 0 ? 1 : 0);
  const length = Math.hypot(dx, dy);
  return length > 0 ? [dx / length, dy / length] : undefined;
}

/** Distance of the two sides of the face in space, as wide as it would look from the front. */
function faceWidthPx({ landmarks, pose, camera }: ReconstructionData): number {
  const p = landmarks.positions;
  const [l, r] = SIDES.map((i) => 3 * i) as [number, number];
  const mm = Math.hypot(p[l]! - p[r]!, p[l + 1]! - p[r + 1]!, p[l + 2]! - p[r + 2]!);
  const depth = pose.translation[2];
  return (mm * camera.focalLengthPx) / depth;
}
