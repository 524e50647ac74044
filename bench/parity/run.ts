/**
 * `npm run bench:parity [-- PHOTO...]`: whole fits on the CPU and on the GPU, and how far the two meshes are apart on the
 * face. Fails where a fit differs by LIMIT_MM or more in the mean. Needs a GPU.
 */
import * as hrn from '../../lib/index.js';
import { compare, inputs, LIMIT_MM } from './compare.js';

await using instance = await hrn.create({ device: 'cuda' });
console.log(`${instance.device} against cpu`);
let worst = 0;
for (const [name, load] of inputs(process.argv.slice(2))) {
  const { meanMm, maxMm, cpuMs, gpuMs } = await compare(instance, name, await load());
  worst = Math.max(worst, meanMm);
  const distances = `mean ${meanMm.toFixed(4)} mm, max ${maxMm.toFixed(3)} mm`;
  console.log(
    `${name.padEnd(20)} ${distances}; fit ${cpuMs.toFixed(0)} ms on the CPU, ${gpuMs.toFixed(0)} ms on the GPU`,
  );
}
console.log(`worst mean ${worst.toFixed(4)} mm, limit ${LIMIT_MM} mm`);
if (!(worst < LIMIT_MM)) process.exitCode = 1;
