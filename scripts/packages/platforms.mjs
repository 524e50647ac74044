// The platforms that hrn has a package for: one list for the builds, the packages and the checks.

/**
 * @typedef {object} Platform
 * @property {string} name of the package, after `hrn-face-`: what node calls the platform and the processor
 * @property {string} os
 * @property {string} cpu
 * @property {string} [libc]
 * @property {string} library of ONNX Runtime, as lib/native/onnx-runtime.ts looks for it
 * @property {string} target that zig builds the addon for
 * @property {boolean} [cuda] with the GPU backend, and so by g++: NVIDIA's compiler takes no other. zig then only makes the
 *   libraries of the target's glibc
 */

/** @type {Platform[]} */
export const PLATFORMS = [
  {
    name: 'linux-x64',
    os: 'linux',
    cpu: 'x64',
    libc: 'glibc',
    library: 'libonnxruntime.so.1',
    target: 'x86_64-linux-gnu.2.28',
    cuda: true,
  },
  {
    name: 'linux-arm64',
    os: 'linux',
    cpu: 'arm64',
    libc: 'glibc',
    library: 'libonnxruntime.so.1',
    target: 'aarch64-linux-gnu.2.28',
  },
  { name: 'win32-x64', os: 'win32', cpu: 'x64', library: 'onnxruntime.dll', target: 'x86_64-windows-gnu' },
  { name: 'darwin-arm64', os: 'darwin', cpu: 'arm64', library: 'libonnxruntime.1.dylib', target: 'aarch64-macos.11.0' },
];

/**
 * The entry of that name, by default this machine's.
 *
 * @param {string} name
 */
export function platformNamed(name = `${process.platform}-${process.arch}`) {
  const found = PLATFORMS.find((platform) => platform.name === name);
  if (!found) throw new Error(`no platform ${name}; there are ${PLATFORMS.map((one) => one.name).join(', ')}`);
  return found;
}

/**
 * Where a platform's addon lies in its package: as prebuildify names it and node-gyp-build finds it.
 *
 * @param {Platform} platform
 */
export const addonPath = ({ name, libc }) => `prebuilds/${name}/${['hrn', libc, 'node'].filter(Boolean).join('.')}`;
