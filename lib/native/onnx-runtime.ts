import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { HrnError } from '../errors.js';

const require = createRequire(import.meta.url);

/** What the npm package calls ONNX Runtime's shared library, by platform. */
const LIBRARIES: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
};

/**
 * Path of ONNX Runtime's shared library inside the package onnxruntime-node; the package's own addon is not loaded.
 *
 * @throws HrnError NATIVE_UNAVAILABLE where the package is absent or has nothing for this platform
 */
export function onnxRuntimeLibrary(): string {
  const library = LIBRARIES[process.platform];
  if (library === undefined) {
    throw new HrnError('NATIVE_UNAVAILABLE', `hrn does not run networks on ${process.platform}; use linux or darwin`);
  }
  try {
    const root = dirname(require.resolve('onnxruntime-node/package.json'));
    return join(root, 'bin', 'napi-v6', process.platform, process.arch, library);
  } catch (cause) {
    throw new HrnError('NATIVE_UNAVAILABLE', 'the package onnxruntime-node is not installed; reinstall hrn-face', {
      cause,
    });
  }
}
