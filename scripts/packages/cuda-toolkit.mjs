// The CUDA compiler that the published linux-x64 addon is built with. Of CUDA 12, so that drivers from 525 on serve it:
// the compiler from Debian 13, headers and the static runtime from NVIDIA's Python packages, in one folder in .cache.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unpackWheel } from './python-package.mjs';

const FETCH = new URL('fetch-nvcc.sh', import.meta.url).pathname;
const RUNTIME = 'nvidia-cuda-runtime-cu12==12.9.79';
/** The first of the compiler's own version. */
const HEADERS = { cuda_nvcc: 'nvidia-cuda-nvcc-cu12==12.4.131', cuda_cccl: 'nvidia-cuda-cccl-cu12==12.9.27' };
/** Where the compiler looks for its parts, from the folder it lies in. */
const PROFILE = `TOP = $(_HERE_)/..
NVVMIR_LIBRARY_DIR = $(TOP)/nvvm/libdevice
PATH += $(TOP)/nvvm/bin:$(_HERE_):
INCLUDES += "-I$(TOP)/include" $(_SPACE_)
LIBRARIES =+ $(_SPACE_) "-L$(TOP)/lib64"
`;

/**
 * @param {string} cache folder to keep it in
 * @returns {string} path of nvcc
 */
export function nvcc(cache) {
  const folder = join(cache, 'cuda-12.4');
  const path = join(folder, 'bin', 'nvcc');
  if (existsSync(folder)) return path;
  const [work, made] = [`${folder}.work`, `${folder}.partial`];
  for (const old of [work, made]) rmSync(old, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const copy = (from, to) => cpSync(from, join(made, to), { recursive: true });

  execFileSync('sh', [FETCH, join(work, 'debian')], { stdio: ['ignore', 'inherit', 'inherit'] });
  const compiler = join(work, 'debian', 'usr', 'lib', 'nvidia-cuda-toolkit');
  for (const part of ['nvcc', 'crt']) copy(join(compiler, 'bin', part), `bin/${part}`);
  for (const part of ['cudafe++', 'ptxas', 'fatbinary', 'nvlink'])
    copy(join(work, 'debian/usr/bin', part), `bin/${part}`);
  copy(join(compiler, 'bin', 'cicc'), 'nvvm/bin/cicc');
  copy(join(compiler, 'libdevice'), 'nvvm/libdevice');
  writeFileSync(join(made, 'bin', 'nvcc.profile'), PROFILE);

  const runtime = join(unpackWheel(RUNTIME, join(work, 'runtime')), 'nvidia', 'cuda_runtime');
  copy(join(runtime, 'include'), 'include');
  copy(join(runtime, 'lib', 'libcudart_static.a'), 'lib64/libcudart_static.a');
  for (const [name, wheel] of Object.entries(HEADERS))
    copy(join(unpackWheel(wheel, join(work, name)), 'nvidia', name, 'include'), 'include');
  // nvcc names this library whenever it links; hrn launches nothing from the GPU and needs nothing of it.
  execFileSync('ar', ['rcs', join(made, 'lib64', 'libcudadevrt.a')]);
  renameSync(made, folder);
  rmSync(work, { recursive: true });
  return path;
}
