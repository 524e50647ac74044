import { availableParallelism } from 'node:os';
import type { NativeContext } from './native/binding.js';
import { native } from './native/load.js';
import { dressed } from './preview/dressed.js';
import { overlayWeights } from './preview/face-mask.js';
import { headSquare, photoSquare, type Square, turned } from './preview/framing.js';
import { joinPanels } from './preview/panels.js';
import { type Drawable, type RenderLook, render } from './render.js';
import type { Mesh, Pose, Raster, ReconstructionData } from './result-data.js';
import { Photo } from './stages/photo.js';

/** Side of a panel, pixels. */
const PANEL = 512;
const TURN_DEGREES = 30;
/** About the middle of a head, mm in the head frame: what the last panel turns about. */
const HEAD_CENTRE = [0, -10, -60] as const;
/** Per pixel and axis: smooth outlines. */
const SAMPLES = 3;
/** A cool near-white that stands out from skin. */
const CLAY = [0.96, 0.97, 1] as const;
/** The clay's contrast curve by 8-bit value: deepens the shadows, so that small relief shows. */
const RELIEF = Float32Array.from({ length: 256 }, (_, value) => 255 * (value / 255) ** 1.7);
/** Panels are small; more threads than this do not make them faster. */
const MAX_THREADS = 8;

/** Draws panels of one result; all of them share its native context. */
class PanelPainter {
  constructor(
    private readonly context: NativeContext,
    private readonly result: ReconstructionData,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** A colour per vertex. */
  private clay({ positions }: Mesh = this.result.mesh): Float32Array {
    return Float32Array.from(positions, (_, i) => CLAY[i % 3] as number);
  }

  /** The square of the photo, resampled to a panel without aliasing. */
  async photo({ x, y, size }: Square): Promise<Raster> {
    const photo = new Photo(this.context, this.result.input);
    try {
      const scale = size / PANEL;
      const crop = { width: PANEL, height: PANEL, low: 0, high: 255, border: 'replicate' } as const;
      const pixels = await photo.crop({ ...crop, matrix: [scale, 0, x, 0, scale, y] }, this.signal);
      const data = new Uint8Array(pixels.length);
      for (let i = 0; i < data.length; i++) data[i] = Math.round(pixels[i] as number);
      return { data, width: PANEL, height: PANEL, channels: 3 };
    } finally {
      photo.dispose();
    }
  }

  /** The mesh as the fitted camera sees it through the square. */
  mesh(positions: Float32Array, pose: Pose, square: Square, look: RenderLook, finer?: Mesh): Promise<Raster> {
    const mesh = finer ?? this.result.mesh;
    // Normals belong to the finest level only; without them the renderer takes those of the shape it is given.
    return this.draw({ positions, indices: mesh.indices, uvs: mesh.uvs }, pose, square, look);
  }

  /** What the fitted camera sees through the square. */
  draw(drawable: Drawable, pose: Pose, square: Square, look: RenderLook): Promise<Raster> {
    const { camera } = this.result;
    const scale = PANEL / square.size;
    const [cx, cy] = camera.principalPointPx;
    const view = {
      pose,
      camera: {
        focalLengthPx: camera.focalLengthPx * scale,
        principalPointPx: [(cx - square.x) * scale, (cy - square.y) * scale] as [number, number],
      },
      width: PANEL,
      height: PANEL,
      supersampling: SAMPLES,
    };
    return render(this.context, drawable, view, look, { signal: this.signal });
  }

  /** The shape in clay over the photo, fading out towards scalp and neck. */
  async overlay(
    positions: Float32Array,
    photo: Raster,
    square: Square,
    weights: Float32Array,
    finer?: Mesh,
  ): Promise<Raster> {
    const { pose } = this.result;
    const clay = await this.mesh(finer?.positions ?? positions, pose, square, { colours: this.clay(finer) }, finer);
    const mask = await this.mesh(positions, pose, square, { colours: weights, light: 'none' });
    const data = new Uint8Array(photo.data);
    for (let i = 0; i < PANEL * PANEL; i++) {
      const alpha = ((mask.data[4 * i] as number) * (clay.data[4 * i + 3] as number)) / (255 * 255);
      for (let k = 0; k < 3; k++) {
        const behind = photo.data[3 * i + k] as number;
        const shade = RELIEF[clay.data[4 * i + k] as number] as number;
        data[3 * i + k] = Math.round(behind + alpha * (shade - behind));
      }
    }
    return { data, width: PANEL, height: PANEL, channels: 3 };
  }
}

/** A dark studio wall, a little lighter behind the head. */
function backdrop(): Raster {
  const data = new Uint8Array(PANEL * PANEL * 3);
  for (let row = 0; row < PANEL; row++) {
    for (let column = 0; column < PANEL; column++) {
      const distance = Math.sqrt((column / PANEL - 0.5) ** 2 + (row / PANEL - 0.45) ** 2);
      const level = 72 - 64 * Math.min(distance, 0.75);
      data.set([level, level, level + 3], 3 * (row * PANEL + column));
    }
  }
  return { data, width: PANEL, height: PANEL, channels: 3 };
}

/**
 * A strip of square panels: input, coarse overlay, medium overlay (the coarse one again at `detail: 'coarse'`), at
 * `detail: 'high'` that of the detailed mesh, textured, textured and turned by 30 degrees.
 *
 * @returns a PNG file
 */
export async function renderPreview(result: ReconstructionData, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const context = new (native().Context)({ threads: Math.min(availableParallelism(), MAX_THREADS) });
  try {
    const { mesh, levels, pose, texture } = result;
    const painter = new PanelPainter(context, result, signal);
    const square = photoSquare(result);
    const photo = await painter.photo(square);
    const weights = overlayWeights(result.model);
    const greys = Float32Array.from({ length: 3 * weights.length }, (_, i) => weights[Math.floor(i / 3)] as number);
    const whole = await dressed(result, texture);
    const head = whole.drawable(mesh.positions);
    const look: RenderLook = { texture: whole.texture, light: 'none', background: backdrop() };
    const turnedPose = turned(pose, TURN_DEGREES, HEAD_CENTRE);
    return await joinPanels([
      photo,
      await painter.overlay(levels.coarse, photo, square, greys),
      await painter.overlay(levels.medium ?? levels.coarse, photo, square, greys),
      ...(levels.high ? [await painter.overlay(mesh.positions, photo, square, greys, levels.high)] : []),
      await painter.draw(head, pose, headSquare(result, pose), look),
      await painter.draw(head, turnedPose, headSquare(result, turnedPose), look),
    ]);
  } finally {
    context.dispose();
  }
}
