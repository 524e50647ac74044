import type { MorphableModel } from '../../lib/morphable-model.js';
import type { NativeCamera } from '../../lib/native/refine.js';

/** What render() draws of the model. */
export function tinyScene(model: MorphableModel, camera: NativeCamera) {
  return {
    positions: model.mean,
    indices: model.triangles,
    normals: model.mean,
    uvs: model.uvs,
    cullBackFaces: true,
    rotation: [...camera.rotation],
    translation: [...camera.translation],
    focalLengthPx: camera.focalPx,
    principalPointPx: [24, 24],
    width: 48,
    height: 48,
    supersampling: 1,
    colours: new Float32Array(model.mean.length).fill(0.5),
    texture: { data: new Uint8Array(8 * 8 * 3), size: 8, channels: 3 },
    light: new Float32Array(27).fill(0.5),
    opacity: 0.5,
    background: [0, 0, 0, 1],
    geometry: true,
  };
}

/** What blendShapes() takes of it. */
export function tinyShapes({ mean, triangles, expression }: MorphableModel) {
  const stored = expression.halfs.slice(0, mean.length);
  const offsets = new Float32Array(mean.length).fill(0.5);
  return { positions: mean, indices: triangles, shapes: [stored, offsets], leastMm: 1e-3, leastNormal: 4e-3 };
}

/** What ownOffsets() takes of it. */
export function tinyLaugh({ vertexCount, expression }: MorphableModel) {
  return {
    shapes: expression.halfs,
    missing: new Float32Array(expression.count).fill(0.2),
    rest: new Float32Array(3 * vertexCount).fill(0.1),
    worn: new Uint32Array([0, expression.count - 1]),
    weights: new Float32Array([0.5, 0.1]),
    vertices: new Uint32Array([0, 2, vertexCount - 1]),
  };
}

/** What spreadValues() and layoutMap() take of it. */
export function tinyValues({ vertexCount, triangles, uvs }: MorphableModel) {
  const values = new Float32Array(vertexCount).map((_, v) => (v % 7) / 7);
  const free = new Uint8Array(vertexCount).map((_, v) => v % 3);
  const drawn = { values, uvs, indices: triangles, softening: 2, size: 16, background: 9 };
  return { spread: { values, free, indices: triangles, steps: 3 }, drawn };
}
