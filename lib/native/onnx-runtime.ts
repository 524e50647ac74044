import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { HrnError } from '../errors.js';
import { missingPlatform, packageFolder, platformPackage } from './platform.js';

const require = createRequire(import.meta.url);

/** What ONNX Runtime's shared library is called, in our packages and in onnxruntime-node. */
const LIBRARIES: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};

export interface OnnxRuntime {
  /** Path of the shared library. */
  library: string;
  /** Package and version that it came with. */
  source: string;
}

/**
 * ONNX Runtime's shared library: the one that came with hrn's package for this platform, else that of the package
 * onnxruntime-node, whose own addon is not loaded. A checkout has only the latter.
 *
 * @param inference what shall run the networks: `cuda` takes onnxruntime-node's first, as it alone has a CUDA provider
 * @throws HrnError NATIVE_UNAVAILABLE where neither is there
 */
export function onnxRuntime(inference: 'cpu' | 'cuda' = 'cpu'): OnnxRuntime {
  const library = LIBRARIES[process.platform];
  const own = () => inPackage(platformPackage(), ['onnxruntime', library]);
  const peer = () => inPackage('onnxruntime-node', ['bin', 'napi-v6', process.platform, process.arch, library]);
  const found = inference === 'cuda' ? (peer() ?? own()) : (own() ?? peer());
  if (found) return found;
  throw new HrnError('NATIVE_UNAVAILABLE', `hrn has no ONNX Runtime to run its networks with: ${missingPlatform()}`);
}

function inPackage(name: string, path: readonly (string | undefined)[]): OnnxRuntime | undefined {
  const folder = packageFolder(name);
  if (folder === undefined || path.includes(undefined)) return undefined;
  const library = join(folder, ...(path as string[]));
  if (!existsSync(library)) return undefined;
  const { version } = require(join(folder, 'package.json')) as { version: string };
  return { library, source: `${name} ${version}` };
}
