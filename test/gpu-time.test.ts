import { describe, expect, it } from 'vitest';
import { gpuTime, kernelName, readTrace } from '../bench/gpu/gpu-time.js';

const MS = 1_000_000;
const api = (name: string, start: number, end: number) => `api ${name} ${start * MS} ${end * MS} 7`;
const gpu = (kind: string, start: number, end: number, name: string) => `gpu ${kind} ${start * MS} ${end * MS} ${name}`;

describe('where a fit’s time goes on a GPU', () => {
  it('is told apart by what a job asked of the runtime while the device worked', () => {
    const trace = [
      api('cudaMallocAsync_v11020', 10, 11),
      api('cudaMemcpyAsync_v3020', 11, 12),
      api('cudaLaunchKernelExC_v11060', 13, 14),
      gpu('kernel', 13, 17, 'void hrn::cuda::each_kernel<hrn::fit::Fused::Place, hrn::fit::FusedArgs>(long, int)'),
      gpu('copy', 16, 18, 'down'),
      api('cudaStreamQuery_v3020', 15, 16),
      api('cudaStreamQuery_v3020', 16.02, 18),
      // Of another job, which needs no GPU.
      api('cudaStreamQuery_v3020', 100, 110),
    ].join('\n');
    const spans = [
      { fit: 0, job: 'photometricFit', startNs: 10 * MS, endNs: 20 * MS },
      { fit: 0, job: 'cropImage', startNs: 0, endNs: 5 * MS },
      { fit: 0, job: 'whole fit', startNs: 0, endNs: 25 * MS },
    ];
    const figures = Object.fromEntries(gpuTime(readTrace(trace), spans).map(({ name, value }) => [name, value]));
    expect(figures).toMatchObject({
      'photometricFit: wall': 10,
      'photometricFit: GPU at work': 5,
      'photometricFit: launches': 1,
      'photometricFit: kernels': 2,
      'photometricFit: memory': 1,
      'photometricFit: copying': 1,
      'photometricFit: launching': 1,
      'photometricFit: waiting': 3,
      'photometricFit: host alone': 4,
      'whole fit: GPU at work': 5,
      'fit::Fused::Place, 1 times a fit': 4,
    });
    expect(Object.keys(figures).some((name) => name.startsWith('cropImage'))).toBe(false);
  });

  it('names kernels by what they compute', () => {
    const reduction = 'void hrn::cuda::reduce_kernel<hrn::fit::(anonymous namespace)::Energy, 1, int>(long, int)';
    expect(kernelName(reduction)).toBe('fit::Energy');
    expect(kernelName('hrn::fit::(anonymous namespace)::gram_tiles(float const*, long)')).toBe('fit::gram_tiles');
  });
});
