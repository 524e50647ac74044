/** Pictures as strangers send them, each with what is true of it. A seed gives the same picture everywhere. */
import sharp from 'sharp';
import type { ImageInput } from '../../lib/image.js';
import type { MorphableModel } from '../../lib/morphable-model.js';
import type { Raster } from '../../lib/result.js';
import { cameraBefore } from '../../lib/sample/camera.js';
import { Random } from '../../lib/sample/random.js';
import { sample } from '../../lib/sample.js';
import { turnOf } from '../../lib/stages/plausibility.js';
import { againstLineOfSight } from '../../lib/stages/seen-pose.js';
import { meanColour, PORTRAIT_PX, type PortraitPainter } from '../../models/train/portrait.js';
import { animalPortrait } from './animals.js';
import { backdrop, blob, noFace } from './backdrops.js';
import { cover } from './covers.js';
import { MILD, TREATMENTS, type Treatment, treat } from './treatments.js';

/** A face in a picture. */
export interface ShownFace {
  /** The same face alone, upright: what it is compared with. */
  own: Raster;
  /** Turn of the true head to its left, against the line of sight, degrees. */
  turn: number;
  /** Pose of the true head against the line of sight, row-major 3 x 3. */
  rotation: readonly number[];
  /** Mean colour of the skin without light, 0 to 1. */
  skin: number;
  /** What the portrait itself has over the face, before anything is pasted over it. */
  over: readonly string[];
  /** Its portrait is blurred. */
  isSoft: boolean;
  /** It is shown without colours. */
  isGrey: boolean;
  /** How the picture shows it: clockwise, degrees, after being mirrored. */
  turnDegrees: number;
  isMirrored: boolean;
  /**
   * Whole, uncovered by us and turned by less than 45 degrees: to refuse it would be a fault, if its own crop is fitted
   * without a warning and it is large enough.
   */
  isFair: boolean;
  /** Pixels of the picture per pixel of `own`. */
  scale: number;
  /** Middle in the picture, pixels. */
  x: number;
  y: number;
}

export interface RobustPicture {
  seed: number;
  kind: Kind;
  image: ImageInput;
  faces: ShownFace[];
}

/** With their share in a hundred. */
const KINDS = {
  pasted: 16,
  turned: 11,
  cropped: 8,
  covered: 10,
  mirrored: 4,
  group: 10,
  touching: 3,
  'close-up': 3,
  strip: 2,
  profile: 4,
  format: 4,
  blob: 3,
  animal: 3,
  none: 7,
  ...TREATMENTS,
} as const;
export type Kind = keyof typeof KINDS;
const TOTAL = Object.values(KINDS).reduce((sum: number, share) => sum + share, 0);

const FORMATS = ['jpeg', 'webp', 'avif', 'gif', 'tiff', 'png'] as const;
const FAIR_TURN = 45;
/** A face takes up about this share of a portrait's side. */
export const FACE_SHARE = 0.55;
const SMALLEST_FACE_PX = 115;
/** Kinds in which something of the face is missing. */
const UNFAIR: ReadonlySet<string> = new Set<Kind>(['covered', 'cropped', 'close-up', 'touching']);

/** Of blur, from which on a portrait has no fine detail. */
const SOFT_PX = 0.7;
/** Mean difference of the channels below which a picture has no colours, of 255. */
const GREY_DIFFERENCE = 4;

interface Portrait extends Pick<ShownFace, 'turn' | 'rotation' | 'skin' | 'over' | 'isSoft' | 'isGrey'> {
  raster: Raster;
}

interface Placed {
  bytes: Buffer;
  left: number;
  top: number;
  size: number;
}

export async function robustPicture(
  seed: number,
  painter: PortraitPainter,
  model: MorphableModel,
): Promise<RobustPicture> {
  const random = new Random(seed);
  const kind = kindOf(random);
  if (kind === 'none') return { seed, kind, image: await noFace(random, painter), faces: [] };
  const [width, height] = sizeOf(kind, random);
  const count = kind === 'group' ? 2 + random.integer(4) : kind === 'touching' ? 2 : 1;
  const placed: Placed[] = [];
  const faces: ShownFace[] = [];
  for (let i = 0; i < count && kind !== 'animal'; i++) {
    const portrait = await portraitOf(seed * 8 + i, kind, random, painter, model);
    const slot = { left: (width / count) * i, width: width / count };
    const put = await place(kind, portrait, random, slot, height);
    placed.push(put.placed);
    faces.push(put.face);
  }
  if (kind === 'touching') pushTogether(placed, faces, random);
  if (kind === 'animal') {
    const size = Math.round(Math.min(width, height) * random.uniform(0.4, 1));
    const bytes = await animalPortrait(seed, size);
    placed.push({ bytes, left: Math.floor((width - size) / 2), top: Math.floor((height - size) / 2), size });
  }
  const canvas = sharp(await backdrop(random, width, height), { raw: { width, height, channels: 3 } });
  const layers = placed.map(({ bytes, left, top }) => ({ input: bytes, left, top }));
  if (kind === 'blob') layers.push(await blob(random, width, height, placed[0]!));
  const picture = await canvas.composite(layers).png({ compressionLevel: 1 }).toBuffer();
  return { seed, kind, image: await finished(kind, picture, random, placed, faces), faces };
}

function kindOf(random: Random): Kind {
  let left = random.uniform(0, TOTAL);
  for (const [kind, share] of Object.entries(KINDS)) {
    left -= share;
    if (left < 0) return kind as Kind;
  }
  return 'pasted';
}

function sizeOf(kind: Kind, random: Random): [width: number, height: number] {
  const side = () => Math.round(random.uniform(700, 2400));
  if (kind !== 'strip') return [side(), side()];
  const sides = [Math.round(random.uniform(1800, 4000)), Math.round(random.uniform(240, 420))] as const;
  return random.chance(0.5) ? [sides[0], sides[1]] : [sides[1], sides[0]];
}

async function portraitOf(
  seed: number,
  kind: Kind,
  random: Random,
  painter: PortraitPainter,
  model: MorphableModel,
): Promise<Portrait> {
  const yawDegrees = kind === 'profile' ? (random.chance(0.5) ? 1 : -1) * random.uniform(48, 88) : undefined;
  if (random.chance(0.3)) {
    const { image, camera, head } = await sample({ seed, size: 384, model, yawDegrees });
    return {
      raster: image,
      turn: turnOf(camera.rotation, camera.translation),
      rotation: againstLineOfSight(camera.rotation, camera.translation),
      skin: meanColour(head.colours, model.deformable),
      over: [],
      isSoft: false,
      isGrey: false,
    };
  }
  const { pixels, camera, skin, over, blurPx } = await painter.draw(
    20_000_000 + seed,
    yawDegrees === undefined ? {} : { camera: (drawn, size) => sidewaysCamera(drawn, size, yawDegrees) },
  );
  const raster: Raster = { data: pixels, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 };
  return {
    raster,
    turn: turnOf(camera.rotation, camera.translation),
    rotation: againstLineOfSight(camera.rotation, camera.translation),
    skin,
    over,
    isSoft: blurPx > SOFT_PX,
    isGrey: isGrey(pixels),
  };
}

function isGrey(pixels: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 3) sum += Math.abs(pixels[i]! - pixels[i + 2]!);
  return sum / (pixels.length / 3) < GREY_DIFFERENCE;
}

function sidewaysCamera(random: Random, size: number, yaw: number) {
  const distance = random.uniform(600, 2500);
  const angles = { yaw, pitch: random.normal(0, 6), roll: random.normal(0, 5) };
  const focalLengthPx = (distance * random.uniform(0.45, 0.65) * size) / 180;
  return cameraBefore([0, -25, 20], distance, [0, 0], angles, focalLengthPx, [size / 2, size / 2]);
}

async function place(
  kind: Kind,
  portrait: Portrait,
  random: Random,
  slot: { left: number; width: number },
  height: number,
): Promise<{ placed: Placed; face: ShownFace }> {
  const { raster, ...truth } = portrait;
  const largest = Math.min(slot.width, height, kind === 'turned' ? Math.min(slot.width, height) / 1.45 : Infinity);
  const smallest = Math.min(largest, SMALLEST_FACE_PX / FACE_SHARE);
  const size = Math.round(Math.exp(random.uniform(Math.log(smallest), Math.log(largest))));
  const isMirrored = kind === 'mirrored';
  const turnDegrees = kind === 'turned' ? Math.round(random.uniform(-180, 180)) : 0;
  const drawn = kind === 'covered' ? cover(random, raster) : raster;
  let image = sharp(drawn.data, { raw: { width: raster.width, height: raster.height, channels: 3 } }).resize(size);
  if (isMirrored) image = image.flop();
  // Rotation belongs to a pipeline of its own, after the resize.
  if (turnDegrees !== 0) {
    image = sharp(await image.png().toBuffer()).rotate(turnDegrees, { background: { r: 0, g: 0, b: 0, alpha: 0 } });
  }
  const { data: bytes, info } = await image.png({ compressionLevel: 1 }).toBuffer({ resolveWithObject: true });
  let [left, top] = [
    Math.floor(slot.left + random.uniform(0, Math.max(0, slot.width - info.width))),
    Math.floor(random.uniform(0, Math.max(0, height - info.height))),
  ];
  let cutBytes = bytes;
  if (kind === 'cropped') {
    const share = random.uniform(0.05, 0.35);
    const cut = Math.round(info.width * share);
    const side = random.integer(3);
    const area = {
      left: side === 0 ? cut : 0,
      top: side === 2 ? cut : 0,
      width: info.width - (side < 2 ? cut : 0),
      height: info.height - (side === 2 ? cut : 0),
    };
    cutBytes = await sharp(bytes).extract(area).png({ compressionLevel: 1 }).toBuffer();
    if (side === 0) left = 0;
    if (side === 1) left = Math.max(0, Math.floor(slot.left + slot.width) - area.width);
    if (side === 2) top = 0;
  }
  const isTreated = kind in TREATMENTS;
  const isFair = !UNFAIR.has(kind) && (!isTreated || MILD.has(kind)) && Math.abs(truth.turn) < FAIR_TURN;
  const [x, y] = [left + info.width / 2, top + info.height / 2];
  return {
    placed: { bytes: cutBytes, left, top, size },
    face: { own: raster, ...truth, turnDegrees, isMirrored, isFair, scale: size / raster.width, x, y },
  };
}

/** Two portraits cheek to cheek: the second one lies over the first. */
function pushTogether(placed: Placed[], faces: ShownFace[], random: Random): void {
  const [first, second] = placed as [Placed, Placed];
  const left = Math.round(first.left + first.size - Math.min(first.size, second.size) * random.uniform(0.1, 0.35));
  const top = Math.max(0, Math.round(first.top + (first.size - second.size) / 2));
  if (left >= second.left) return;
  faces[1]!.x += left - second.left;
  faces[1]!.y += top - second.top;
  placed[1] = { ...second, left, top };
}

async function finished(
  kind: Kind,
  picture: Buffer,
  random: Random,
  placed: readonly Placed[],
  faces: ShownFace[],
): Promise<ImageInput> {
  if (kind === 'format') return encoded(picture, random, faces);
  if (kind === 'close-up') return closeUp(picture, placed[0]!, random, faces[0]!);
  if (kind in TREATMENTS) return treat(kind as Treatment, picture, placed[0]!.size * FACE_SHARE, random);
  return picture;
}

/** The photo ends at forehead, cheeks and chin, or shortly before. */
async function closeUp(picture: Buffer, { left, top, size }: Placed, random: Random, face: ShownFace): Promise<Buffer> {
  const side = Math.round(size * random.uniform(0.5, 0.72));
  const { width, height } = await sharp(picture).metadata();
  const from = (start: number, extent: number) =>
    Math.round(Math.min(extent - side, Math.max(0, start + (size - side) * random.uniform(0.4, 0.6))));
  const area = { left: from(left, width), top: from(top, height), width: side, height: side };
  face.x -= area.left;
  face.y -= area.top;
  return sharp(picture).extract(area).png({ compressionLevel: 1 }).toBuffer();
}

async function encoded(picture: Buffer, random: Random, faces: ShownFace[]): Promise<ImageInput> {
  const format = FORMATS[random.integer(FORMATS.length)]!;
  let image = sharp(picture);
  if (random.chance(0.3)) {
    image = image.greyscale();
    for (const face of faces) face.isGrey = true;
  }
  const quality =
    format === 'jpeg' || format === 'webp' || format === 'avif' ? { quality: 35 + random.integer(60) } : {};
  if (random.chance(0.3)) {
    const angle = 90;
    // A camera held sideways: stored turned, with a tag that says so.
    for (const face of faces) face.turnDegrees = 0;
    return sharp(await image.rotate(-angle).png().toBuffer())
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 80 })
      .toBuffer();
  }
  return image.toFormat(format, quality).toBuffer();
}
