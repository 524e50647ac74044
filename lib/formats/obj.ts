import { corruptFile, tooLarge } from './errors.js';

export interface ObjMesh {
  /** `[vertices][3]`, as in the file. */
  positions: Float32Array;
  /** Faces of three or more corners. */
  faces: number[][];
}

const MAX_VERTICES = 5_000_000;

/**
 * Reads vertices and faces of a Wavefront OBJ file; with `faces: false` the vertices alone.
 *
 * @throws HrnError MODEL_CORRUPT, MODEL_TOO_LARGE
 */
export function parseObj(text: string, options: { faces: boolean }): ObjMesh {
  const positions: number[] = [];
  const faces: number[][] = [];
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    if (text.charCodeAt(start) === 118 && text.charCodeAt(start + 1) === 32) {
      const [x, y, z] = text
        .slice(start + 2, end)
        .trim()
        .split(/\s+/, 3);
      positions.push(Number(x), Number(y), Number(z));
      if (positions.length > 3 * MAX_VERTICES)
        throw tooLarge('the number of vertices', positions.length / 3, MAX_VERTICES);
    } else if (options.faces && text.charCodeAt(start) === 102 && text.charCodeAt(start + 1) === 32) {
      const corners = text
        .slice(start + 2, end)
        .trim()
        .split(/\s+/);
      faces.push(corners.map((corner) => cornerOf(corner, positions.length / 3)));
    }
    start = end + 1;
  }
  if (positions.length === 0) throw corruptFile('OBJ', 'it holds no vertices');
  if (!positions.every(Number.isFinite)) throw corruptFile('OBJ', 'a vertex is not three numbers');
  const count = positions.length / 3;
  for (const face of faces) {
    if (face.length < 3 || face.length > 64 || !face.every((v) => Number.isInteger(v) && v >= 0 && v < count)) {
      throw corruptFile('OBJ', `a face names vertices ${face.slice(0, 4).map((v) => v + 1)} of ${count}`);
    }
  }
  return { positions: Float32Array.from(positions), faces };
}

/** "12/7/3" names vertex 12, "-1" the last one so far. */
function cornerOf(text: string, countSoFar: number): number {
  const index = Number.parseInt(text, 10);
  return index < 0 ? countSoFar + index : index - 1;
}
