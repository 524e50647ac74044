/** How the reference cuts the face out of the photo: five points are laid on a standard face. */
export interface Alignment {
  /** Scale of the photo's pixels to the crop's. */
  scale: number;
  /** Size of the scaled photo. */
  width: number;
  height: number;
  /** The crop's corner in it. */
  left: number;
  top: number;
  side: number;
  /** `[68][2]`, pixels of the crop, y up. */
  landmarks: Float32Array;
}

/** Distance between the standard face's parts in a crop of 224. */
const RESCALE = 102;
const CROP_PX = 224;

/** Eyes, nose tip, mouth corners: `[5][n]` of 68 points of n coordinates. */
export function fivePoints(points: ArrayLike<number>, n: number): Float64Array {
  const mean = (...indices: number[]) =>
    Array.from({ length: n }, (_, k) => indices.reduce((sum, i) => sum + points[n * i + k]!, 0) / indices.length);
  return Float64Array.from([...mean(36, 39), ...mean(42, 45), ...mean(30), ...mean(48), ...mean(54)]);
}

/**
 * @param points `[68][2]` of the photo, y up
 * @param standard `[5][3]`
 */
export function align(
  points: Float32Array,
  standard: Float64Array,
  photo: { width: number; height: number },
  side: number,
): Alignment {
  const { scale: found, x, y } = weakPerspective(fivePoints(points, 2), standard);
  const scale = (RESCALE * side) / CROP_PX / found;
  const [w0, h0] = [photo.width, photo.height];
  const [width, height] = [Math.trunc(w0 * scale), Math.trunc(h0 * scale)];
  const left = Math.trunc(width / 2 - side / 2 + (x - w0 / 2) * scale);
  const top = Math.trunc(height / 2 - side / 2 + (h0 / 2 - y) * scale);
  const landmarks = points.map((value, i) =>
    i % 2 === 0
      ? (value - x + w0 / 2) * scale - (width / 2 - side / 2)
      : (value - y + h0 / 2) * scale - (height / 2 - side / 2),
  );
  return { scale, width, height, left, top, side, landmarks };
}

/** Size and place of the standard points in the picture: least squares of a projection without perspective. */
function weakPerspective(picture: Float64Array, standard: Float64Array): { scale: number; x: number; y: number } {
  const rows = [0, 1].map((axis) => {
    // Normal equations of four unknowns: a row of three, and the place.
    const matrix = Array.from({ length: 4 }, () => new Float64Array(5));
    for (let i = 0; i < 5; i++) {
      const row = [standard[3 * i]!, standard[3 * i + 1]!, standard[3 * i + 2]!, 1];
      for (let a = 0; a < 4; a++) {
        for (let b = 0; b < 4; b++) matrix[a]![b]! += row[a]! * row[b]!;
        matrix[a]![4]! += row[a]! * picture[2 * i + axis]!;
      }
    }
    return eliminated(matrix);
  });
  const length = (row: number[]) => Math.hypot(row[0]!, row[1]!, row[2]!);
  return { scale: (length(rows[0]!) + length(rows[1]!)) / 2, x: rows[0]![3]!, y: rows[1]![3]! };
}

function eliminated(matrix: Float64Array[]): number[] {
  const n = matrix.length;
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let r = i + 1; r < n; r++) if (Math.abs(matrix[r]![i]!) > Math.abs(matrix[pivot]![i]!)) pivot = r;
    [matrix[i], matrix[pivot]] = [matrix[pivot]!, matrix[i]!];
    for (let r = 0; r < n; r++) {
      if (r === i) continue;
      const factor = matrix[r]![i]! / matrix[i]![i]!;
      for (let c = i; c <= n; c++) matrix[r]![c]! -= factor * matrix[i]![c]!;
    }
  }
  return matrix.map((row, i) => row[n]! / row[i]!);
}
