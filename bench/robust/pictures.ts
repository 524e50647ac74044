/** Pictures as strangers send them, each with what is true of it. A seed gives the same picture everywhere. */
import sharp from 'sharp';
import type { ImageInput } from '../../lib/image.js';
import type { MorphableModel } from '../../lib/morphable-model.js';
import type { Raster } from '../../lib/result.js';
import { Random } from '../../lib/sample/random.js';
import { sample } from '../../lib/sample.js';
import { PORTRAIT_PX, type PortraitPainter } from '../../models/train/portrait.js';
import { backdrop, blob, noFace } from './backdrops.js';
import { cover } from './covers.js';

/** A face in a picture. */
export interface ShownFace {
  /** The same face alone, upright: what it is compared with. */
  own: Raster;
  /** Turn of the true head, degrees. */
  yaw: number;
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
  pasted: 30,
  turned: 12,
  cropped: 8,
  covered: 12,
  mirrored: 6,
  group: 12,
  format: 6,
  blob: 4,
  none: 10,
} as const;
export type Kind = keyof typeof KINDS;

const FORMATS = ['jpeg', 'webp', 'avif', 'gif', 'tiff', 'png'] as const;
const FAIR_YAW = 45;
/** A face takes up about this share of a portrait's side. */
const FACE_SHARE = 0.55;
const SMALLEST_FACE_PX = 115;

interface Portrait {
  raster: Raster;
  yaw: number;
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
  const [width, height] = [Math.round(random.uniform(700, 2400)), Math.round(random.uniform(700, 2400))];
  const count = kind === 'group' ? 2 + random.integer(4) : 1;
  const placed: Placed[] = [];
  const faces: ShownFace[] = [];
  for (let i = 0; i < count; i++) {
    const portrait = await portraitOf(seed * 8 + i, random, painter, model);
    const slot = { left: (width / count) * i, width: width / count };
    const put = await place(kind, portrait, random, slot, height);
    placed.push(put.placed);
    faces.push(put.face);
  }
  const canvas = sharp(await backdrop(random, width, height), { raw: { width, height, channels: 3 } });
  const layers = placed.map(({ bytes, left, top }) => ({ input: bytes, left, top }));
  if (kind === 'blob') layers.push(await blob(random, width, height, placed[0]!));
  const picture = await canvas.composite(layers).png({ compressionLevel: 1 }).toBuffer();
  return { seed, kind, image: await encoded(kind, picture, random, faces), faces };
}

function kindOf(random: Random): Kind {
  let left = random.uniform(0, 100);
  for (const [kind, share] of Object.entries(KINDS)) {
    left -= share;
    if (left < 0) return kind as Kind;
  }
  return 'pasted';
}

async function portraitOf(
  seed: number,
  random: Random,
  painter: PortraitPainter,
  model: MorphableModel,
): Promise<Portrait> {
  if (random.chance(0.3)) {
    const { image, camera } = await sample({ seed, size: 384, model });
    return { raster: image, yaw: camera.anglesDegrees.yaw };
  }
  const { pixels, camera } = await painter.draw(20_000_000 + seed);
  const raster: Raster = { data: pixels, width: PORTRAIT_PX, height: PORTRAIT_PX, channels: 3 };
  return { raster, yaw: camera.anglesDegrees.yaw };
}

async function place(
  kind: Kind,
  portrait: Portrait,
  random: Random,
  slot: { left: number; width: number },
  height: number,
): Promise<{ placed: Placed; face: ShownFace }> {
  const { raster, yaw } = portrait;
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
  const isFair = kind !== 'covered' && kind !== 'cropped' && Math.abs(yaw) < FAIR_YAW;
  const [x, y] = [left + info.width / 2, top + info.height / 2];
  return {
    placed: { bytes: cutBytes, left, top, size },
    face: { own: raster, yaw, turnDegrees, isMirrored, isFair, scale: size / raster.width, x, y },
  };
}

async function encoded(kind: Kind, picture: Buffer, random: Random, faces: ShownFace[]): Promise<ImageInput> {
  if (kind !== 'format') return picture;
  const format = FORMATS[random.integer(FORMATS.length)]!;
  let image = sharp(picture);
  if (random.chance(0.3)) image = image.greyscale();
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
