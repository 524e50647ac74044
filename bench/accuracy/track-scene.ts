/** Synthetic videos: a head of the model driven by a script of expressions, pose and light. */
import type { MorphableModel } from '../../lib/morphable-model.js';
import { cameraBefore, type SampleCamera } from '../../lib/sample/camera.js';
import { drawHeadPortrait } from '../../lib/sample/head-portrait.js';
import { randomLighting } from '../../lib/sample/lighting.js';
import { Random } from '../../lib/sample/random.js';
import { addBasis, randomHead } from '../../lib/sample/random-head.js';
import type { RawFrame } from '../../lib/track/sources.js';

export interface SceneFrame {
  image: RawFrame;
  /** Of the model's expressions. */
  weights: Float32Array;
  camera: SampleCamera;
}

const FACE_CENTRE_MM = [0, -25, 60] as const;
const REFLECTANCE = 0.35;
/** Frames a second of the script. */
export const SCENE_FPS = 25;

/** What each expression does, by time in seconds. */
const SCRIPT: Readonly<Record<string, (t: number) => number>> = {
  jawOpen: (t) => 0.45 * Math.max(0, Math.sin(2 * Math.PI * 0.9 * t)),
  mouthSmileLeft: (t) => 0.5 * rise(t, 1.2, 2) * (1 - rise(t, 3, 3.6)),
  mouthSmileRight: (t) => 0.5 * rise(t, 1.2, 2) * (1 - rise(t, 3, 3.6)),
  browInnerUp: (t) => 0.6 * rise(t, 2.4, 2.8) * (1 - rise(t, 3.2, 3.8)),
  eyeBlinkLeft: (t) => blink(t, 0.8) + blink(t, 2.2) + blink(t, 4),
  eyeBlinkRight: (t) => blink(t, 0.8) + blink(t, 2.2) + blink(t, 4),
  mouthPucker: (t) => 0.5 * rise(t, 3.7, 4) * (1 - rise(t, 4.3, 4.6)),
};

function rise(t: number, from: number, to: number): number {
  const x = Math.min(1, Math.max(0, (t - from) / (to - from)));
  return x * x * (3 - 2 * x);
}
function blink(t: number, at: number): number {
  return 0.9 * Math.exp(-(((t - at) / 0.07) ** 2));
}

export async function* scene(
  model: MorphableModel,
  seed: number,
  frames: number,
  sizePx: number,
): AsyncGenerator<SceneFrame, void> {
  const person = randomHead(model, new Random(seed));
  const neutral = model.mean.slice();
  addBasis(neutral, model.identity, person.identity);
  const first = randomLighting(new Random(seed + 1), REFLECTANCE);
  const last = randomLighting(new Random(seed + 2), REFLECTANCE);
  const focalPx = 1.3 * sizePx;
  for (let i = 0; i < frames; i++) {
    const t = i / SCENE_FPS;
    const weights = Float32Array.from(model.expression.names, (name) => SCRIPT[name]?.(t) ?? 0);
    const positions = neutral.slice();
    addBasis(positions, model.expression, weights);
    const camera = cameraBefore(
      FACE_CENTRE_MM,
      520 + 30 * Math.sin(1.1 * t),
      [0.04 * sizePx * Math.sin(1.7 * t), 0.02 * sizePx * Math.sin(2.3 * t)],
      { yaw: 22 * Math.sin(1.3 * t), pitch: 7 * Math.sin(1.9 * t), roll: 5 * Math.sin(0.9 * t) },
      focalPx,
      [sizePx / 2, sizePx / 2],
    );
    const share = frames > 1 ? i / (frames - 1) : 0;
    const lighting = first.map((value, k) => (1 - share) * value + share * last[k]!);
    const head = { ...person, expression: weights, positions };
    // The backdrop stays as it is: the same numbers for every frame.
    const data = await drawHeadPortrait(model, head, camera, lighting, sizePx, new Random(seed + 3));
    yield { image: { data, width: sizePx, height: sizePx, channels: 3, timeSeconds: t }, weights, camera };
  }
}
