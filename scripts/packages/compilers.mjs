// What scripts/build-native.mjs is told by the environment, so that it builds for a platform.
import { join } from 'node:path';
import { nvcc } from './cuda-toolkit.mjs';
import { root } from './manifests.mjs';
import { glibcStubs, zigTools } from './zig.mjs';

const cache = join(root, '.cache');

/**
 * @param {import('./platforms.mjs').Platform} platform
 * @returns {Record<string, string>}
 */
export function compilers({ name, cuda, target }) {
  const tools = zigTools(cache);
  if (!cuda) return { HRN_TARGET: name, HRN_ZIG_TARGET: target, HRN_ZIG_TOOLS: tools, HRN_CUDA: 'OFF' };
  return {
    HRN_TARGET: name,
    HRN_GLIBC_STUBS: glibcStubs(tools, target),
    HRN_CUDA: 'ON',
    HRN_CUDA_ARCHITECTURES: 'PREBUILD',
    CUDACXX: process.env.CUDACXX ?? nvcc(cache),
  };
}
