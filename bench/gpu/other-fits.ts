/**
 * Fits beside the medium one: `other-fits.js [--device cuda] [--quick]` prints a line of JSON for a warm fit at high detail
 * and one for a track of a portrait that moves, its frames as they come.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import * as hrn from '../../lib/index.js';

const { values: given } = parseArgs({
  options: { quick: { type: 'boolean' }, device: { type: 'string', default: 'auto' } },
});
const photo = fileURLToPath(new URL('../../examples/astronaut.png', import.meta.url));
const FITS = given.quick ? 0 : 7;
const FRAMES = given.quick ? 2 : 150;
/** The first frames fit the person. */
const WARM_FRAMES = given.quick ? 1 : 30;
const FRAME_PX = 480;
const small = given.quick ? ({ detail: 'coarse', textureSize: 256 } as const) : {};

await using instance = await hrn.create({ device: given.device as hrn.DeviceRequest });
const portrait = await sharp(photo).resize(1024).png().toBuffer();
const times: number[] = [];
let stagesMs: Record<string, number> = {};
for (let i = 0; i <= FITS; i++) {
  const start = performance.now();
  const face = await instance.fit(portrait, { detail: 'high', ...small });
  if (i > 0 || given.quick) times.push(performance.now() - start);
  stagesMs = face.timingsMs;
}
times.sort((a, b) => a - b);
console.log(JSON.stringify({ device: instance.device, highMs: times[times.length >> 1], stagesMs }));

async function* frames(): AsyncGenerator<hrn.RawFrame> {
  const { data, info } = await sharp(photo)
    .resize(FRAME_PX + 20)
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  for (let i = 0; i < FRAMES; i++) {
    const [left, top] = [Math.sin(i / 9), Math.cos(i / 7)].map((wave) => Math.round(10 + 10 * wave)) as [
      number,
      number,
    ];
    const raw = sharp(data, { raw: { width: info.width, height: info.height, channels: 3 } });
    const frame = await raw.extract({ left, top, width: FRAME_PX, height: FRAME_PX }).toBuffer();
    yield { data: frame, width: FRAME_PX, height: FRAME_PX, channels: 3 };
  }
}
let [seen, since] = [0, 0];
for await (const _ of instance.track(frames(), { fps: 25, smooth: false })) {
  if (++seen === WARM_FRAMES) since = performance.now();
}
const framesPerSecond = (1000 * (seen - WARM_FRAMES)) / (performance.now() - since);
console.log(JSON.stringify({ device: instance.device, frames: seen, framesPerSecond }));
