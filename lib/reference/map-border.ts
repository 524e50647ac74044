/**
 * What the reference does to a fitted offset map: blurred by 15 x 15 around the vertices that left the face mask, and
 * faded out at the border of the face in the map.
 *
 * @param map `[size][size][3]`, rows from v = 1
 * @param uvs `[V][2]`, origin bottom left
 * @param outside vertices that left the mask
 */
export function fadedMap(map: Float32Array, size: number, uvs: Float32Array, outside: Uint32Array): Float32Array {
  const edge = blurred(dilated(marked(uvs, outside, size), size, ellipse(8)), size, 5, 1);
  const all = Uint32Array.from({ length: uvs.length / 2 }, (_, v) => v);
  const covered = eroded(dilated(marked(uvs, all, size), size, ellipse(5)), size, ellipse(8));
  const face = blurred(covered, size, 17, 1);
  const soft = blurred(map, size, 15, 3);
  return map.map((value, i) => {
    const texel = Math.floor(i / 3);
    return face[texel]! * (soft[i]! * edge[texel]! + value * (1 - edge[texel]!));
  });
}

/** A mask one texel smaller, blurred by 11 x 11: where a displacement map may act. */
export function softened(mask: Float32Array, size: number): Float32Array {
  const square = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx): [number, number] => [dy, dx]));
  return blurred(eroded(mask, size, square), size, 11, 1);
}

/** 1 in the texels that hold one of the vertices. */
function marked(uvs: Float32Array, vertices: Uint32Array, size: number): Float32Array {
  const out = new Float32Array(size * size);
  const clamp = (i: number) => Math.min(size - 1, Math.max(0, i));
  for (const v of vertices) {
    const [x, y] = [clamp(Math.floor(uvs[2 * v]! * size)), clamp(size - 1 - Math.floor(uvs[2 * v + 1]! * size))];
    out[y * size + x] = 1;
  }
  return out;
}

/** Offsets within an ellipse of a square of n, as OpenCV draws them: its middle is at n / 2, rounded down. */
function ellipse(n: number): [number, number][] {
  const middle = Math.floor(n / 2);
  const out: [number, number][] = [];
  for (let row = 0; row < n; row++) {
    const dy = row - middle;
    if (Math.abs(dy) > middle) continue;
    const half = Math.round(middle * Math.sqrt(1 - (dy * dy) / (middle * middle)));
    const [from, to] = [Math.max(middle - half, 0), Math.min(middle + half + 1, n)];
    for (let column = from; column < to; column++) out.push([dy, column - middle]);
  }
  return out;
}

function dilated(mask: Float32Array, size: number, shape: readonly [number, number][]): Float32Array {
  return extreme(mask, size, shape, Math.max, 0);
}

function eroded(mask: Float32Array, size: number, shape: readonly [number, number][]): Float32Array {
  return extreme(mask, size, shape, Math.min, 1);
}

/** What lies outside the map does not count. */
function extreme(
  mask: Float32Array,
  size: number,
  shape: readonly [number, number][],
  pick: (a: number, b: number) => number,
  start: number,
): Float32Array {
  const out = new Float32Array(mask.length).fill(start);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      for (const [dy, dx] of shape) {
        const [r, c] = [y + dy, x + dx];
        if (r < 0 || c < 0 || r >= size || c >= size) continue;
        out[y * size + x] = pick(out[y * size + x]!, mask[r * size + c]!);
      }
  return out;
}

/** Mean over a square of n (odd); the border is mirrored without repeating its texels. */
function blurred(map: Float32Array, size: number, n: number, channels: number): Float32Array {
  const half = (n - 1) / 2;
  const mirror = (i: number) => {
    const at = Math.abs(i);
    return at < size ? at : 2 * (size - 1) - at;
  };
  const along = (from: Float32Array, horizontal: boolean) => {
    const out = new Float32Array(from.length);
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++)
        for (let k = 0; k < channels; k++) {
          let sum = 0;
          for (let d = -half; d <= half; d++) {
            const [r, c] = horizontal ? [y, mirror(x + d)] : [mirror(y + d), x];
            sum += from[(r * size + c) * channels + k]!;
          }
          out[(y * size + x) * channels + k] = sum / n;
        }
    return out;
  };
  return along(along(map, true), false);
}
