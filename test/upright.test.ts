import { afterAll, beforeAll, expect, it } from 'vitest';
import { robustPicture } from '../bench/robust/pictures.js';
import { decodeImage } from '../lib/image.js';
import { lookDensely } from '../lib/stages/dense.js';
import { detectFaces } from '../lib/stages/detect.js';
import { landmarksInFrame } from '../lib/stages/landmarks.js';
import { FaceNetworks } from '../lib/stages/networks.js';
import { Photo } from '../lib/stages/photo.js';
import { seenLips } from '../lib/stages/seen-skin.js';
import { openStudio, type PortraitStudio } from './portrait-studio.js';

let studio: PortraitStudio;
let networks: FaceNetworks;
beforeAll(async () => {
  studio = await openStudio();
  networks = new FaceNetworks();
});
afterAll(() => {
  networks.dispose();
  studio.context.dispose();
});

/** Seeds of `npm run bench:robust` whose faces were once framed upside down: on their side, half covered. */
it.each([100567, 100607, 100660, 100782, 100360, 200000, 200142])(
  'a face that is surely there stands as the picture shows it: %i',
  async (seed) => {
    const { image, faces } = await robustPicture(seed, studio.painter, studio.model);
    const photo = new Photo(studio.context, await decodeImage(image, { maxPixels: 1e8, maxSide: 1e5 }));
    try {
      const certain = (await detectFaces(networks, photo)).filter(({ isCertain }) => isCertain);
      for (const { framed } of certain) {
        const off = framed.angle - (faces[0]!.turnDegrees * Math.PI) / 180;
        expect(Math.abs(Math.atan2(Math.sin(off), Math.cos(off)))).toBeLessThan(0.4);
      }
      // Of the upper half of a face nobody may be sure.
      if (seed !== 100782) expect(certain).toHaveLength(1);
    } finally {
      photo.dispose();
    }
  },
);

it('landmarks do not cling to a face where the dense network sees no lips', async () => {
  const { image } = await robustPicture(100510, studio.painter, studio.model);
  const photo = new Photo(studio.context, await decodeImage(image, { maxPixels: 1e8, maxSide: 1e5 }));
  try {
    const certain = (await detectFaces(networks, photo)).filter(({ isCertain }) => isCertain);
    expect(certain).toHaveLength(3);
    for (const { framed } of certain) {
      const [landmarks, dense] = await Promise.all([
        landmarksInFrame(networks, photo, framed),
        lookDensely(networks, photo, { region: framed }),
      ]);
      // Upside down it sees less of them; below 0.35 other squares are compared (framing.ts).
      expect(seenLips(dense, landmarks)).toBeGreaterThan(0.18);
    }
  } finally {
    photo.dispose();
  }
});
