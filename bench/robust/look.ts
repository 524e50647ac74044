/** Pictures whose verdicts call for eyes. */
import sharp from 'sharp';
import { HrnError } from '../../lib/errors.js';
import type { Hrn } from '../../lib/hrn.js';
import type { Detail } from '../../lib/options.js';
import type { RobustPicture } from './pictures.js';

const PICTURE_PX = 900;

/** Writes STEM.jpg, the picture, and STEM-N.jpg, the preview of each of its faces. */
export async function keepForLooking(hrn: Hrn, { image }: RobustPicture, stem: string, detail: Detail): Promise<void> {
  await sharp(image as Buffer)
    .autoOrient()
    .resize(PICTURE_PX, PICTURE_PX, { fit: 'inside' })
    .jpeg()
    .toFile(`${stem}.jpg`);
  try {
    for await (const { index, face } of hrn.fitEach(image, { detail, textureSize: 512 })) {
      if (!face) continue;
      await face.preview(`${stem}-${index}.png`);
    }
  } catch (error) {
    if (!(error instanceof HrnError)) throw error;
  }
}
