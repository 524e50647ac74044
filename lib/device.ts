import { HrnError } from './errors.js';
import type { CudaDevice, CudaStatus } from './native/binding.js';
import { native } from './native/load.js';
import type { DeviceRequest } from './options.js';

/** Where fits run. */
export interface Device {
  /** `cpu` or `cuda:N`. */
  name: string;
  /** N of `cuda:N`. */
  cudaDevice?: number;
  /** The GPU's name, or why `auto` took the CPU; absent where the CPU was asked for. */
  why?: string;
}

/** `cpu`, `cpu (no NVIDIA driver is installed)`, `cuda:0 (NVIDIA H100)`. */
export function deviceText({ name, why }: Device): string {
  return why === undefined ? name : `${name} (${why})`;
}

/**
 * The device that a request comes down to on this machine.
 *
 * @throws HrnError DEVICE_UNAVAILABLE where a CUDA device is asked for and cannot be used; the message says why
 */
export async function chooseDevice(request: DeviceRequest): Promise<Device> {
  if (request === 'cpu') return { name: 'cpu' };
  return pick(request, await native().probeCuda().promise);
}

/** The choice by itself. */
export function pick(request: DeviceRequest, status: CudaStatus): Device {
  if (request === 'cpu') return { name: 'cpu' };
  const found = search(request, status);
  if (typeof found !== 'string') return { name: `cuda:${found.index}`, cudaDevice: found.index, why: found.name };
  if (request === 'auto') return { name: 'cpu', why: found };
  throw new HrnError(
    'DEVICE_UNAVAILABLE',
    `device ${request} cannot be used: ${found}; use device 'cpu' or 'auto' (\`hrn doctor\` lists the devices)`,
    { details: { device: request, reason: found } },
  );
}

/** The device, or why there is none. */
function search(request: DeviceRequest, { devices, reason }: CudaStatus): CudaDevice | string {
  if (devices.length === 0) return reason;
  if (request.startsWith('cuda:')) {
    const index = Number(request.slice('cuda:'.length));
    const device = devices.find((candidate) => candidate.index === index);
    if (device === undefined)
      return `there is no such device, only ${devices.map((d) => `cuda:${d.index}`).join(', ')}`;
    return device.reason === '' ? device : `${device.name}: ${device.reason}`;
  }
  return (
    devices.find((device) => device.reason === '') ??
    devices.map((device) => `${device.name}: ${device.reason}`).join('; ')
  );
}
