import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { HrnError } from '../errors.js';
import { missingPlatform, packageFolder, platformPackage } from './platform.js';

const require = createRequire(import.meta.url);

/** What ONNX Runtime's shared library is called in our packages. */
const LIBRARIES: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};
/** Folders in which onnxruntime-node keeps it, newer releases first. */
const PEER_FOLDERS = ['napi-v6', 'napi-v3'];

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
  const own = () => inPackage(platformPackage(), (name) => [join('onnxruntime', name)]);
  const peer = () =>
    inPackage('onnxruntime-node', (name, version) =>
      PEER_FOLDERS.flatMap((folder) => {
        // Older releases for macOS have the whole version in its name.
        const names = process.platform === 'darwin' ? [name, `libonnxruntime.${version}.dylib`] : [name];
        return names.map((one) => join('bin', folder, process.platform, process.arch, one));
      }),
    );
  const found = inference === 'cuda' ? (peer() ?? own()) : (own() ?? peer());
  if (found) return found;
  throw new HrnError('NATIVE_UNAVAILABLE', `hrn has no ONNX Runtime to run its networks with: ${missingPlatform()}`);
}

/** @param places where the library of that name may lie in a package of that version */
function inPackage(
  name: string,
  places: (library: string, version: string) => readonly string[],
): OnnxRuntime | undefined {
  const folder = packageFolder(name);
  const library = LIBRARIES[process.platform];
  if (folder === undefined || library === undefined) return undefined;
  const { version } = require(join(folder, 'package.json')) as { version: string };
  const found = places(library, version)
    .map((place) => join(folder, place))
    .find((path) => existsSync(path));
  return found === undefined ? undefined : { library: found, source: `${name} ${version}` };
}
