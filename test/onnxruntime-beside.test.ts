import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const index = new URL('../dist/index.js', import.meta.url).href;
const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
const model = fileURLToPath(new URL('../models/face-detection-short-range.onnx', import.meta.url));

// hrn opens the library that onnxruntime-node ships; a program that uses that package too has both in one process.
const USE_HRN = `{
  const faces = await (await import('${index}')).detect(${JSON.stringify(astronaut)});
  console.log(faces.length);
}`;
const USE_ORT = `{
  const ort = (await import('onnxruntime-node')).default;
  const session = await ort.InferenceSession.create(${JSON.stringify(model)});
  const input = new ort.Tensor('float32', new Float32Array(128 * 128 * 3), [1, 128, 128, 3]);
  console.log(Object.keys(await session.run({ [session.inputNames[0]]: input })).length > 0);
  await session.release();
}`;

describe('beside onnxruntime-node', () => {
  it.each([
    ['first', USE_HRN + USE_ORT + USE_HRN, '1\ntrue\n1\n'],
    ['second', USE_ORT + USE_HRN + USE_ORT, 'true\n1\ntrue\n'],
  ])('hrn works, loaded %s', async (_, program, expected) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    });
    expect(stdout).toBe(expected);
  });
});
