/** The eyes of a fitted head as its weights tell them: balls turned by the gaze that is told, lids shut where they are. */
import { closingBlink, hasLids, type Side } from '../blink.js';
import { decodeHalfs } from '../half-float.js';
import type { MorphableModel } from '../morphable-model.js';
import { partVertices } from '../part-vertices.js';
import { expressionWeights } from './expression-weights.js';
import { measuredEye } from './gaze.js';
import type { DenseLandmarks } from './landmarks.js';
import type { MouthState } from './mouth-state.js';
import type { RefinedHead } from './refine.js';

/** From here on an eye is shut, and lids that a fit leaves ajar are closed. */
const SHUT = 0.8;
/** What moves lids. */
const LID_SHAPES = ['eyeBlink', 'eyeWide', 'eyeSquint'];
const GAZE_SHAPES = ['eyeLookUp', 'eyeLookDown', 'eyeLookIn', 'eyeLookOut'];

/**
 * The fit spreads a gaze over shapes that pull apart, which leaves a ball smaller and turned elsewhere than its weights
 * say; and it closes lids by less than the eye is shut.
 *
 * @returns with the head an animator's weights of its expression, one for each of the model's
 */
export function settleEyes(
  model: MorphableModel,
  refined: RefinedHead,
  landmarks: Pick<DenseLandmarks, 'pixels' | 'eyes'>,
  mouth: MouthState | undefined,
): { head: RefinedHead; told: Float64Array } {
  const { expression, vertexCount } = model;
  const { names } = expression;
  const size = 3 * vertexCount;
  const skin = partVertices(model, 'skin');
  const balls = { Left: partVertices(model, 'leftEye'), Right: partVertices(model, 'rightEye') };
  const decoded = new Map<string, Float32Array>(gazesOf(model));
  const shape = (name: string): Float32Array => {
    const k = names.indexOf(name);
    const offsets = decoded.get(name) ?? decodeHalfs(expression.halfs, k * size, (k + 1) * size);
    decoded.set(name, offsets);
    return offsets;
  };
  const turnBalls = (positions: Float32Array, weights: ArrayLike<number>, sign: number) => {
    for (const side of ['Left', 'Right'] as const) {
      for (const stem of GAZE_SHAPES) {
        const k = names.indexOf(stem + side);
        const weight = k < 0 ? 0 : sign * weights[k]!;
        if (weight === 0) continue;
        const offsets = shape(stem + side);
        addTo(positions, balls[side], weight, offsets);
      }
    }
  };
  const straight = refined.positions.slice();
  turnBalls(straight, refined.expression, -1);
  const eyes = {
    left: measuredEye(model, refined, straight, landmarks, 'left'),
    right: measuredEye(model, refined, straight, landmarks, 'right'),
  };
  const told = expressionWeights(model, refined.expression, eyes, refined.positions, mouth);
  const settled = (before: Float32Array): Float32Array => {
    const positions = before.slice();
    turnBalls(positions, refined.expression, -1);
    turnBalls(positions, told, 1);
    const missing = (stem: string, side: Side) => {
      const k = names.indexOf(stem + side);
      const weight = k < 0 ? 0 : told[k]! - refined.expression[k]!;
      if (weight === 0) return;
      const offsets = shape(stem + side);
      addTo(positions, skin, weight, offsets);
    };
    for (const side of ['Left', 'Right'] as const) {
      const { shut } = side === 'Left' ? eyes.left : eyes.right;
      const blink = names.indexOf(`eyeBlink${side}`);
      if (blink < 0 || shut < SHUT || !hasLids(model)) continue;
      for (const stem of LID_SHAPES) missing(stem, side);
      const open = positions.slice();
      for (const [k, weight] of told.entries()) {
        if (weight === 0) continue;
        const offsets = shape(names[k]!);
        for (let i = 0; i < size; i++) open[i]! -= weight * offsets[i]!;
      }
      const generic = shape(`eyeBlink${side}`);
      const closing = closingBlink(model, open, generic, side);
      for (let i = 0; i < size; i++) positions[i]! += told[blink]! * (closing[i]! - generic[i]!);
    }
    return positions;
  };
  const coarsePositions = settled(refined.coarsePositions);
  const positions = refined.positions === refined.coarsePositions ? coarsePositions : settled(refined.positions);
  return { head: { ...refined, positions, coarsePositions }, told };
}

function addTo(positions: Float32Array, vertices: Uint32Array, weight: number, offsets: Float32Array): void {
  for (let n = 0; n < vertices.length; n++) {
    const x = 3 * vertices[n]!;
    positions[x]! += weight * offsets[x]!;
    positions[x + 1]! += weight * offsets[x + 1]!;
    positions[x + 2]! += weight * offsets[x + 2]!;
  }
}

/** Offsets of the shapes that turn balls, `[vertices][3]`, mm. */
type Gazes = ReadonlyMap<string, Float32Array>;

const known = new WeakMap<MorphableModel, Gazes>();

function gazesOf(model: MorphableModel): Gazes {
  const found = known.get(model);
  if (found) return found;
  const { names, halfs } = model.expression;
  const size = 3 * model.vertexCount;
  const shapes = GAZE_SHAPES.flatMap((stem) => [`${stem}Left`, `${stem}Right`]).filter((name) => names.includes(name));
  const gazes = new Map(
    shapes.map((name) => [name, decodeHalfs(halfs, names.indexOf(name) * size, (names.indexOf(name) + 1) * size)]),
  );
  known.set(model, gazes);
  return gazes;
}
