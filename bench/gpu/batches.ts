/**
 * Several processes, and several fits in flight in each: `batches.js [--quick]` prints a line of JSON per arrangement.
 * Every process is warm before the clock starts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: given } = parseArgs({ options: { quick: { type: 'boolean' } } });
const index = new URL('../../dist/index.js', import.meta.url).href;
const photo = fileURLToPath(new URL('../../examples/astronaut.png', import.meta.url));
const ARRANGEMENTS: readonly [processes: number, inFlight: number][] = given.quick
  ? [[1, 1]]
  : [
      [1, 1],
      [1, 4],
      [1, 16],
      [1, 32],
      [2, 8],
      [4, 4],
      [8, 2],
    ];
/** Of all processes together, so that the clock runs for seconds. */
const FITS = given.quick ? 1 : 64;

/** Warms up, says so, waits for a line, fits `count` times with `inFlight` at a time, says which device it was. */
const worker = (count: number, inFlight: number) => `
  const hrn = await import(${JSON.stringify(index)});
  const options = ${given.quick ? "{ detail: 'coarse', textureSize: 256 }" : '{}'};
  const fit = () => hrn.fit(${JSON.stringify(photo)}, options);
  const { device } = await fit();
  if (${inFlight} > 1) await Promise.all(Array.from({ length: ${Math.min(count, inFlight)} }, fit));
  console.log('ready');
  await new Promise((resolve) => process.stdin.once('data', resolve));
  let left = ${count};
  await Promise.all(Array.from({ length: ${inFlight} }, async () => { while (left-- > 0) await fit(); }));
  console.log(device);
  process.exit(0);`;

for (const [processes, inFlight] of ARRANGEMENTS) {
  const each = Math.max(1, Math.round(FITS / processes));
  const crews = Array.from({ length: processes }, () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', worker(each, inFlight)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
  });
  const next = async ({ child, lines }: { child: ChildProcess; lines: AsyncIterator<string> }) => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`a process ended with ${(child.exitCode ?? (await once(child, 'exit'))[0]) as number}`);
    return value;
  };
  try {
    await Promise.all(crews.map(next));
    const start = performance.now();
    for (const { child } of crews) child.stdin.write('go\n');
    const devices = await Promise.all(crews.map(next));
    const seconds = (performance.now() - start) / 1000;
    const facesPerSecond = (processes * each) / seconds;
    console.log(
      JSON.stringify({ processes, inFlight, fits: processes * each, facesPerSecond, devices: [...new Set(devices)] }),
    );
  } catch (error) {
    for (const { child } of crews) child.kill();
    throw error;
  }
}
