/**
 * `npm run bench:parity [-- PHOTO...]`: how far fits move when their start changes in the seventh digit; and, where there
 * is a GPU, whole fits on the CPU and on the GPU, and how far the two meshes are apart on the face. Fails where one moves
 * by STEADINESS_LIMIT_MM or differs by LIMIT_MM or more in the mean. `--devices` compares the devices only, `--coarse` fits
 * coarsely, with small textures; both for .ci/gpu, which also reads the lines of JSON.
 */
import { parseArgs } from 'node:util';
import { decodeImage } from '../../lib/image.js';
import * as hrn from '../../lib/index.js';
import { native } from '../../lib/native/load.js';
import { compare, inputs, LIMIT_MM } from './compare.js';
import { STEADINESS_LIMIT_MM, SteadinessProbe } from './steadiness.js';

const { values: given, positionals } = parseArgs({
  options: { devices: { type: 'boolean' }, coarse: { type: 'boolean' } },
  allowPositionals: true,
});
const images = inputs(positionals);
if (!given.devices) await steadiness();

const { devices } = await native().probeCuda().promise;
if (devices.some((device) => device.reason === '')) {
  await using instance = await hrn.create({ device: 'cuda' });
  console.log(`${instance.device} against cpu`);
  const options: hrn.FitOptions = given.coarse ? { detail: 'coarse', textureSize: 256 } : {};
  // Times are those of warm fits.
  const warm = await images[0]![1]();
  for (const device of ['cpu', 'cuda'] as const) await instance.fit(warm, { ...options, device });
  let worst = 0;
  for (const [name, load] of images) {
    const parity = await compare(instance, name, await load(), options);
    worst = Math.max(worst, parity.meanMm);
    const distances = `mean ${parity.meanMm.toFixed(4)} mm, max ${parity.maxMm.toFixed(3)} mm`;
    const times = `fit ${parity.cpuMs.toFixed(0)} ms on the CPU, ${parity.gpuMs.toFixed(0)} ms on the GPU`;
    console.log(`${name.padEnd(20)} ${distances}; ${times}`);
    if (given.devices) console.log(JSON.stringify(parity));
  }
  console.log(`worst mean ${worst.toFixed(4)} mm, limit ${LIMIT_MM} mm`);
  if (!(worst < LIMIT_MM)) process.exitCode = 1;
} else {
  console.log('no GPU: not compared with one');
}

async function steadiness(): Promise<void> {
  console.log('a start changed in the seventh digit, on the CPU');
  const probe = new SteadinessProbe();
  let farthest = 0;
  for (const [name, load] of images) {
    const distances = await probe.distances(await decodeImage(await load(), { maxPixels: 1e9, maxSide: 1e5 }));
    farthest = Math.max(farthest, ...distances);
    console.log(`${name.padEnd(20)} ${distances.map((mm) => mm.toFixed(5)).join(' ')} mm`);
  }
  probe.dispose();
  console.log(`farthest ${farthest.toFixed(5)} mm, limit ${STEADINESS_LIMIT_MM} mm`);
  if (!(farthest < STEADINESS_LIMIT_MM)) process.exitCode = 1;
}
