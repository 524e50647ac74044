/**
 * What a fit does whose GPU fails under it, and the next one: `lost-device.js [--quick]` prints a line of JSON. The fault
 * comes from gpu_fault.cu (a real GPU) or from HRN_EMULATED_GPU=fail=N.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as hrn from '../../lib/index.js';

const { values: given } = parseArgs({ options: { quick: { type: 'boolean' } } });
const photo = fileURLToPath(new URL('../../examples/astronaut.png', import.meta.url));
const fault = process.env.HRN_GPU_FAULT;
/** Where the first fit is when the device fails: its loops run for milliseconds on a GPU. */
const FITS = 200;
const options: hrn.FitOptions = given.quick ? { detail: 'coarse', textureSize: 256 } : {};

const instance = await hrn.create({ device: 'auto' });
const { device } = instance;
const codes: string[] = [];
for (let i = 0; i < FITS && codes.length === 0; i++) {
  const onProgress = ({ stage }: { stage: string }) => {
    if (fault !== undefined && i === 1 && stage === 'refine') writeFileSync(fault, '');
  };
  await instance.fit(photo, { ...options, onProgress }).catch((error: unknown) => {
    codes.push(error instanceof hrn.HrnError ? error.code : String(error));
  });
}
const next = await instance.fit(photo, options).then(
  (face) => face.device,
  (error: unknown) => String(error),
);
console.log(JSON.stringify({ device, lost: codes[0] ?? 'not lost', next }));
// A device that was lost cannot always be let go of.
process.exit(0);
