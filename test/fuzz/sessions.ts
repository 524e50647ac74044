/** Networks that are open for the entry points of sessions. */
import { readFileSync } from 'node:fs';
import { native } from '../../lib/native/load.js';
import { onnxRuntime } from '../../lib/native/onnx-runtime.js';

const networkOf = (name: string) => readFileSync(new URL(`../../models/${name}.onnx`, import.meta.url));
export const network = networkOf('face-detection-short-range');

export const rawSession = () => new (native().Session)();
const openedOf = async (model: Uint8Array) => {
  const session = rawSession();
  await session.open({ library: onnxRuntime().library, model }).promise;
  return session;
};
export const opened = await openedOf(network);
export const denseNetwork = await openedOf(networkOf('dense-face'));
export const personNetwork = await openedOf(networkOf('person-segmentation'));
export const crop = { matrix: [1, 0, 0, 0, 1, 0], width: 128, height: 128, low: -1, high: 1, border: 'zero' };
export const largeCrop = { ...crop, width: 256, height: 256 };
