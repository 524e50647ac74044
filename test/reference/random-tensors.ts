/** Random tensors that the oracle (PyTorch, on the reference's own code) draws in the same way: see docs/reference.md. */
import type { NdArray } from '../../lib/formats/nd-array.js';

/** Evenly between -scale and scale, from a hash of the name and the index. */
export function randoms(name: string, count: number, scale: number, shift = 0): Float32Array {
  let seed = 0;
  for (let i = 0; i < name.length; i++) seed = (Math.imul(seed, 31) + name.charCodeAt(i)) >>> 0;
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let x = (Math.imul(i, 2654435761) + seed) >>> 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x45d9f3b) >>> 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x45d9f3b) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    out[i] = shift + Math.fround((x / 4294967296 - 0.5) * 2 * scale);
  }
  return out;
}

/** A checkpoint with weights of sizes that keep activations in range. */
export function randomTensors(shapes: Readonly<Record<string, number[]>>): Map<string, NdArray> {
  const tensors = new Map<string, NdArray>();
  for (const [name, shape] of Object.entries(shapes)) {
    const count = shape.reduce((product, n) => product * n, 1);
    const data = () => {
      if (name.endsWith('running_var')) return randoms(name, count, 1).map((x) => 1 + 0.5 * x);
      if (name.includes('running_mean')) return randoms(name, count, 0.1);
      if (shape.length === 1)
        return name.endsWith('weight') ? randoms(name, count, 1).map((x) => 1 + 0.3 * x) : randoms(name, count, 0.05);
      const fan = count / shape[0]!;
      return randoms(name, count, Math.sqrt(3 / fan) * 1.2);
    };
    tensors.set(name, { shape, data: data() });
  }
  return tensors;
}
