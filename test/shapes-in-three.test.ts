/** What users of the GLB see: expressions set in three.js, against kept pictures, region by region. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { create } from '../lib/hrn.js';
import { astronaut } from './photos.js';
import { CHROMIUM } from './three-page.js';
import { POSED_PX, poseInThree } from './three-poser.js';

/** One below the other, as POSES lists them. HRN_KEEP_PICTURES=1 draws it anew: look at it then. */
const KEPT = fileURLToPath(new URL('golden/shapes-in-three.webp', import.meta.url));
const POSES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  neutral: {},
  jawOpen: { jawOpen: 1 },
  eyeBlinkLeft: { eyeBlinkLeft: 1 },
  mouthSmile: { mouthSmileLeft: 1, mouthSmileRight: 1 },
  eyeLookOutLeft: { eyeLookOutLeft: 1 },
  tongueOut: { tongueOut: 1 },
};
/** Regions to a side of a picture. */
const GRID = 12;
/** Of a region's mean colour, 0..255: what another processor's fit or another browser may differ by. */
const TOLERANCE = 14;

/** Mean colour of each region, `[GRID * GRID][3]`. */
async function regions(picture: Buffer, top = 0): Promise<number[][]> {
  const cell = POSED_PX / GRID;
  const data = await sharp(picture)
    .extract({ left: 0, top, width: POSED_PX, height: POSED_PX })
    .flatten({ background: 'black' })
    .removeAlpha()
    .raw()
    .toBuffer();
  const sums = Array.from({ length: GRID * GRID }, () => [0, 0, 0]);
  for (let i = 0; i < POSED_PX * POSED_PX; i++) {
    const region = Math.floor(Math.floor(i / POSED_PX) / cell) * GRID + Math.floor((i % POSED_PX) / cell);
    for (let k = 0; k < 3; k++) sums[region]![k]! += data[3 * i + k]! / (cell * cell);
  }
  return sums;
}
const apart = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((v, k) => Math.abs(v - b[k]!)));

describe.skipIf(!CHROMIUM)('expressions in three.js', () => {
  const seen: Record<string, number[][]> = {};
  beforeAll(async () => {
    const hrn = await create({ device: 'cpu', threads: 2 });
    try {
      const face = await hrn.fit(await astronaut(), { textureSize: 512 });
      const pictures = await poseInThree(await face.encode('glb'), Object.values(POSES));
      for (const [i, name] of Object.keys(POSES).entries()) seen[name] = await regions(pictures[i]!);
      if (process.env.HRN_KEEP_PICTURES) {
        const sheet = {
          width: POSED_PX,
          height: POSED_PX * pictures.length,
          channels: 3,
          background: 'black',
        } as const;
        const placed = pictures.map((input, i) => ({ input, left: 0, top: i * POSED_PX }));
        await writeFile(KEPT, await sharp({ create: sheet }).composite(placed).webp({ quality: 85 }).toBuffer());
      }
    } finally {
      await hrn.dispose();
    }
  }, 120_000);

  it.each(Object.keys(POSES))('%s looks as it was kept', async (name) => {
    const kept = await regions(await readFile(KEPT), Object.keys(POSES).indexOf(name) * POSED_PX);
    const differences = seen[name]!.map((colour, i) => apart(colour, kept[i]!));
    const worst = differences.indexOf(Math.max(...differences));
    expect(differences[worst], `column ${worst % GRID}, row ${Math.floor(worst / GRID)}`).toBeLessThan(TOLERANCE);
  });

  it('would not pass for another expression', async () => {
    const kept = await readFile(KEPT);
    for (const [i, name] of Object.keys(POSES).entries()) {
      for (const other of Object.keys(POSES).slice(0, i)) {
        const colours = await regions(kept, i * POSED_PX);
        const worst = Math.max(...seen[other]!.map((colour, region) => apart(colour, colours[region]!)));
        expect(worst, `${other} for ${name}`).toBeGreaterThan(TOLERANCE);
      }
    }
  });

  /** Rows from the top and columns from the left at which a pose differs from the neutral face, as shares. */
  const changed = (name: string) =>
    seen[name]!.flatMap((colour, i) =>
      apart(colour, seen.neutral![i]!) > 6
        ? [{ x: ((i % GRID) + 0.5) / GRID, y: (Math.floor(i / GRID) + 0.5) / GRID }]
        : [],
    );
  it('moves what its name says, and only that', () => {
    // The subject's left is on the right of the picture.
    for (const name of ['eyeBlinkLeft', 'eyeLookOutLeft']) {
      expect(changed(name).length, name).toBeGreaterThan(0);
      for (const { x, y } of changed(name)) {
        expect(x, name).toBeGreaterThan(0.5);
        expect(y, name).toBeLessThan(0.5);
      }
    }
    for (const name of ['jawOpen', 'mouthSmile', 'tongueOut']) {
      expect(changed(name).length, name).toBeGreaterThan(2);
      // An open jaw draws the cheeks down, up to the eyes.
      for (const { y } of changed(name)) expect(y, name).toBeGreaterThan(0.3);
    }
    const sides = changed('mouthSmile').map(({ x }) => x);
    expect(Math.min(...sides)).toBeLessThan(0.5);
    expect(Math.max(...sides)).toBeGreaterThan(0.5);
  });
});
