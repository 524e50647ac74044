/** Pictures of a mesh: previews, overlays on the photo, depth and visibility images. */
import type { NativeContext } from './native/binding.js';
import { type JobOptions, runJob } from './native/job.js';
import { native } from './native/load.js';
import type { Camera, Mesh, Pose, Raster } from './result-data.js';

export interface RenderView {
  pose: Pose;
  camera: Pick<Camera, 'focalLengthPx' | 'principalPointPx'>;
  /** Pixels. Times `supersampling` at most 8192. */
  width: number;
  height: number;
  /** Samples per pixel and axis, 1 to 4. Default 2. */
  supersampling?: number | undefined;
}

export interface RenderLook {
  /** sRGB-encoded 0..1, `[vertices][3]`. Without colours and texture the mesh is light grey. */
  colours?: Float32Array | undefined;
  /** Square, sampled at the mesh's UVs; wins over `colours`. */
  texture?: Raster | undefined;
  /**
   * `studio` (default): three white lights fixed to the camera, exposed so that colours which face it are as they are;
   * `none`: colours as they are; or `[3][9]` harmonics.
   */
  light?: 'studio' | 'none' | Float32Array | undefined;
  /** Of the mesh over the background, 0..1. Default 1. */
  opacity?: number | undefined;
  /** Red, green, blue, alpha 0..1, or an image of the picture's size. Default transparent. */
  background?: readonly [number, number, number, number] | Raster | undefined;
  /** Default true. Else both sides of triangles are drawn. */
  cullBackFaces?: boolean | undefined;
}

/** What is seen at the centre of each pixel. */
export interface Visibility {
  /** `[height][width]`, mm from the camera along its axis; Infinity where nothing is seen. */
  depth: Float32Array;
  /** `[height][width]`, -1 where nothing is seen. */
  triangleId: Int32Array;
  /** `[height][width][2]`: perspective-correct weights of the triangle's first two corners. */
  barycentrics: Float32Array;
}

/** What a mesh needs to be drawn; `normals` and `uvs` may be left out (area-weighted normals, no texture). */
export type Drawable = Pick<Mesh, 'positions' | 'indices'> & Partial<Pick<Mesh, 'normals' | 'uvs'>>;

/**
 * Draws a mesh, anti-aliased, over a background.
 *
 * @returns 8-bit sRGB with straight alpha.
 * @throws HrnError INVALID_ARGUMENT on arrays that do not fit together.
 */
export async function render(
  context: NativeContext,
  mesh: Drawable,
  view: RenderView,
  look: RenderLook = {},
  options: JobOptions = {},
): Promise<Raster> {
  const { texture, background, ...rest } = look;
  const scene = {
    ...sceneOf(mesh, view),
    ...rest,
    texture: texture && { data: texture.data, size: texture.width, channels: texture.channels },
    background: background as typeof background & readonly number[],
    supersampling: view.supersampling,
  };
  const { rgba } = await runJob(() => native().render(context, scene), options);
  return { data: rgba, width: view.width, height: view.height, channels: 4 };
}

/** The triangle, place on it and depth that each pixel shows. */
export async function renderVisibility(
  context: NativeContext,
  mesh: Drawable,
  view: RenderView,
  options: JobOptions & { cullBackFaces?: boolean | undefined } = {},
): Promise<Visibility> {
  const scene = {
    ...sceneOf(mesh, view),
    cullBackFaces: options.cullBackFaces,
    supersampling: 1,
    light: 'none' as const,
    geometry: true,
  };
  const { depth, triangleId, barycentrics } = await runJob(() => native().render(context, scene), options);
  return { depth: depth!, triangleId: triangleId!, barycentrics: barycentrics! };
}

function sceneOf(mesh: Drawable, view: RenderView) {
  return {
    positions: mesh.positions,
    indices: mesh.indices,
    normals: mesh.normals,
    uvs: mesh.uvs,
    rotation: view.pose.rotation,
    translation: view.pose.translation,
    focalLengthPx: view.camera.focalLengthPx,
    principalPointPx: view.camera.principalPointPx,
    width: view.width,
    height: view.height,
  };
}
