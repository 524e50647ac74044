/** Smoothed lattice noise over points in space, 0..1; the seed chooses the lattice. Written out: it is called often. */
export function valueNoise(x: number, y: number, z: number, seed: number): number {
  const i = Math.floor(x);
  const j = Math.floor(y);
  const k = Math.floor(z);
  const u = fade(x - i);
  const v = fade(y - j);
  const w = fade(z - k);
  const near = plane(i, j, k, u, v, seed);
  return near + w * (plane(i, j, k + 1, u, v, seed) - near);
}

function plane(i: number, j: number, k: number, u: number, v: number, seed: number): number {
  const a = lattice(i, j, k, seed);
  const b = lattice(i + 1, j, k, seed);
  const c = lattice(i, j + 1, k, seed);
  const d = lattice(i + 1, j + 1, k, seed);
  const low = a + u * (b - a);
  return low + v * (c + u * (d - c) - low);
}

function fade(t: number): number {
  return t * t * (3 - 2 * t);
}

function lattice(x: number, y: number, z: number, seed: number): number {
  let h = seed ^ Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca77) ^ Math.imul(z, 0xc2b2ae3d);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 0x100000000;
}
