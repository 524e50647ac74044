import readExif from 'exif-reader';

/** The diagonal of a 36 x 24 mm frame, which 35 mm equivalents refer to. */
const FULL_FRAME_DIAGONAL_MM = Math.hypot(36, 24);
/** FocalPlaneResolutionUnit: 2 inch, 3 cm, 4 mm, 5 micrometre. */
const UNIT_MM: Record<number, number> = { 2: 25.4, 3: 10, 4: 1, 5: 0.001 };
/** Shortest and longest lens believed, in units of the longer side: from 10 mm to 430 mm equivalent. */
const PLAUSIBLE = [0.3, 12] as const;
/** A photo whose aspect ratio differs from the recorded one was cropped: its focal length cannot be converted. */
const ASPECT_TOLERANCE = 0.02;

/**
 * Focal length in pixels of a photo, from its EXIF block.
 *
 * @param exif the block as sharp returns it
 * @param width of the stored image (before orientation), pixels
 * @returns undefined when the block does not say, is damaged, or contradicts the image
 */
export function focalLengthFromExif(exif: Buffer | undefined, width: number, height: number): number | undefined {
  if (!exif) return undefined;
  let photo: Record<string, unknown>;
  try {
    photo = (readExif(exif).Photo ?? {}) as Record<string, unknown>;
  } catch {
    return undefined; // a damaged EXIF block does not make the photo unusable
  }
  const recordedWidth = positive(photo.PixelXDimension) ?? width;
  const recordedHeight = positive(photo.PixelYDimension) ?? height;
  const aspect = ratio(recordedWidth, recordedHeight) / ratio(width, height);
  if (Math.abs(aspect - 1) > ASPECT_TOLERANCE) return undefined;

  const longSide = Math.max(width, height);
  const candidates = [
    equivalent(photo, width, height),
    fromSensor(photo, longSide / Math.max(recordedWidth, recordedHeight)),
  ];
  return candidates.find((px) => px !== undefined && px >= PLAUSIBLE[0] * longSide && px <= PLAUSIBLE[1] * longSide);
}

function equivalent(photo: Record<string, unknown>, width: number, height: number): number | undefined {
  const mm = positive(photo.FocalLengthIn35mmFilm);
  return mm && (mm * Math.hypot(width, height)) / FULL_FRAME_DIAGONAL_MM;
}

/** @param scale pixels of the photo per recorded pixel */
function fromSensor(photo: Record<string, unknown>, scale: number): number | undefined {
  const mm = positive(photo.FocalLength);
  const perUnit = positive(photo.FocalPlaneXResolution);
  const unitMm = UNIT_MM[Number(photo.FocalPlaneResolutionUnit ?? 2)];
  return mm && perUnit && unitMm && (mm * perUnit * scale) / unitMm;
}

function ratio(a: number, b: number): number {
  return Math.max(a, b) / Math.min(a, b);
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;
}
