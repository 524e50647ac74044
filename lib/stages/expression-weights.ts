/**
 * Weights that an animator can use, from those of the fit. The fit spreads an expression over all shapes that can make
 * it, a little of each and of its opposite; what is told is the sparsest mix that moves the face nearly as far.
 */
import { decodeHalfs } from '../half-float.js';
import type { MorphableModel } from '../morphable-model.js';
import type { EyeState, EyeStates } from './eye-state.js';
import { hasLips, lipGaps } from './lip-gap.js';
import type { MouthState } from './mouth-state.js';

/** Pairs of which a face can do one or the other. */
export const OPPOSITES: readonly (readonly [string, string])[] = [
  ['mouthLeft', 'mouthRight'],
  ['jawLeft', 'jawRight'],
  ...['Left', 'Right'].flatMap((side): [string, string][] => [
    [`eyeLookUp${side}`, `eyeLookDown${side}`],
    [`eyeLookIn${side}`, `eyeLookOut${side}`],
    [`eyeWide${side}`, `eyeBlink${side}`],
    [`mouthSmile${side}`, `mouthFrown${side}`],
    [`browDown${side}`, `browOuterUp${side}`],
  ]),
];

/** A model that has these has weights from 0 to 1 that add up as ARKit's do. */
const ARKIT = ['eyeBlinkLeft', 'eyeBlinkRight', 'jawOpen', 'mouthSmileLeft', 'eyeLookOutLeft'];
/** Price of a weight against the millimetres that it moves: on scripted portraits the errors of the weights are halved. */
const SPARSITY_MM = 0.3;
/** Frowning lips move the landmarks so little that the same price would leave nothing of them. */
const FAINT = /^mouthFrown/;
const FAINT_SHARE = 0.25;
/** What a fit takes for other people's lips and chins: over smiles in photos the upper lip was shrugged up by 0.9 and more. */
const MISTAKEN = /^mouth(Shrug|Press|Roll|Dimple|UpperUp)|^jawForward|^tongue/;
const MISTAKEN_SHARE = 1.8;
/**
 * What a millimetre between the lips counts beside one of all landmarks: lips that no weight parts stay parted in the
 * neutral face, however little of the face they are.
 */
const LIPS_SHARE = 3.5;
/** A gap well below this may be the fit's error, and counts by as much less. */
const SURE_GAP_MM = 1;
/**
 * What the picture shows of a shape of the mouth makes it cheaper than others that move the landmarks alike: what is not seen,
 * to this power, down to this share. Smiles in photos were dimples and raised upper lips without it; still cheaper ones leave
 * neutral faces with their mouths drawn.
 */
const [UNSEEN_POWER, SEEN_SHARE] = [4, 0.5];
/**
 * In a video a person's own errors are known, and brows that move do so by their expression: few points tell of them, so the
 * same price would leave nothing of them.
 */
const BROW = /^brow/;
const BROW_SHARE = 0.45;
/** What was told of the frame before is likely: the price of a weight is halved where this much of it was. */
const TOLD = 0.2;
const ROUNDS = 40;
/** Keeps shapes that move no landmark, such as the tongue, in place. */
const DAMPING = 1e-4;

/**
 * One weight per expression of the model; those of models without ARKit's expressions are left alone.
 *
 * @param positions the fitted head with its expression, `[vertices][3]`, mm: the weights part its lips as far as they are
 * @param mouth what the photo shows of it
 * @param before of a frame of a video: what was told of the one before, nothing for the first one. Reweighted least absolute
 *   weights (Candès, Wakin, Boyd 2008) over time: an expression that lasts comes to be told as large as it is
 */
export function expressionWeights(
  model: MorphableModel,
  weights: ArrayLike<number>,
  eyes: EyeStates,
  positions?: Float32Array,
  mouth?: MouthState,
  before?: ArrayLike<number>,
): Float64Array {
  const { names, min, max } = model.expression;
  const out = Float64Array.from(weights);
  const index = new Map(names.map((name, k) => [name, k]));
  if (!ARKIT.every((name) => index.has(name))) return out;
  const given = eyeWeights(eyes);
  for (const name of outdone(mouth)) given.set(name, 0);
  const isGiven = names.map((name) => given.has(name));
  for (const [name, weight] of given) {
    const k = index.get(name);
    if (k !== undefined) out[k] = weight;
  }
  cancelOpposites(out, index, given);
  const { count, products: motion, gaps, gapProducts } = motionProducts(model);
  const target = new Float64Array(count);
  for (let k = 0; k < count; k++) {
    let sum = 0;
    for (let j = 0; j < count; j++) sum += motion[k * count + j]! * out[j]!;
    target[k] = sum;
  }
  let products = motion;
  /** What parts lips costs more; what only draws them closer, as a smile does, does not. */
  const parting = new Float64Array(count);
  if (positions && gaps && gapProducts) {
    const shut = lipGaps(model.dense, model.mean);
    const parted = lipGaps(model.dense, positions).map((gap, column) => certain(gap - shut[column]!));
    const share = LIPS_SHARE / shut.length;
    products = motion.slice();
    for (let i = 0; i < products.length; i++) products[i]! += share * gapProducts[i]!;
    for (let k = 0; k < count; k++) {
      target[k]! += share * dot(gaps[k]!, parted);
      parting[k] = share * gaps[k]!.reduce((sum, gap) => sum + Math.max(0, gap) ** 2, 0);
    }
  }
  const price = names.map(
    (name, k) =>
      SPARSITY_MM *
      Math.sqrt(motion[k * count + k]! + parting[k]!) *
      shareOf(name, mouth?.get(name)) *
      (before ? shareInVideo(name, before[k] ?? 0) : 1),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (let k = 0; k < count; k++) {
      if (isGiven[k]) continue;
      let slope = -target[k]!;
      for (let j = 0; j < count; j++) slope += products[k * count + j]! * out[j]!;
      const own = products[k * count + k]!;
      out[k] = Math.min(max[k]!, Math.max(min[k]!, out[k]! - (slope + price[k]!) / (own + DAMPING)));
    }
  }
  cancelOpposites(out, index, given);
  return out;
}

function shareOf(name: string, seen: number | undefined): number {
  if (seen !== undefined) return Math.max(SEEN_SHARE, (1 - seen) ** UNSEEN_POWER);
  if (FAINT.test(name)) return FAINT_SHARE;
  return MISTAKEN.test(name) ? MISTAKEN_SHARE : 1;
}

function shareInVideo(name: string, before: number): number {
  return (TOLD / (TOLD + Math.abs(before))) * (BROW.test(name) ? BROW_SHARE : 1);
}

/** What is seen from here on leaves no room for its opposite. */
const CLEARLY_SEEN = 0.1;

/** Shapes whose opposite is seen more. */
function outdone(mouth: MouthState | undefined): string[] {
  const seen = (name: string) => mouth?.get(name) ?? 0;
  return OPPOSITES.flatMap(([a, b]) => {
    const [more, less] = seen(a) >= seen(b) ? [a, b] : [b, a];
    return seen(more) > CLEARLY_SEEN ? [less] : [];
  });
}

/** What the eyes' landmarks tell better than the fit. */
function eyeWeights({ left, right }: EyeStates): Map<string, number> {
  const of = ({ shut, outwards, up }: EyeState, side: string): [string, number][] => [
    [`eyeBlink${side}`, shut],
    [`eyeLookOut${side}`, Math.max(0, outwards)],
    [`eyeLookIn${side}`, Math.max(0, -outwards)],
    [`eyeLookUp${side}`, Math.max(0, up)],
    [`eyeLookDown${side}`, Math.max(0, -up)],
  ];
  return new Map([...of(left, 'Left'), ...of(right, 'Right')]);
}

/** What is given stays: its opposite gives way. */
function cancelOpposites(
  weights: Float64Array,
  index: ReadonlyMap<string, number>,
  given: ReadonlyMap<string, number>,
): void {
  for (const [a, b] of OPPOSITES) {
    const [i, j] = [index.get(a), index.get(b)];
    if (i === undefined || j === undefined) continue;
    const both = Math.min(weights[i]!, weights[j]!);
    if (both <= 0) continue;
    if (!given.has(a)) weights[i]! -= both;
    if (!given.has(b)) weights[j]! -= both;
  }
}

/** A gap without what may be error, mm. */
const certain = (gap: number) => gap ** 3 / (gap ** 2 + SURE_GAP_MM ** 2);

interface Motion {
  count: number;
  /** Scalar products of what the expressions do to the landmarks, `[count][count]`, mean over points, mm squared. */
  products: Float64Array;
  /** By how much each expression parts the lips, mm a column; absent where the model's landmarks do not tell. */
  gaps?: number[][];
  /** Scalar products of those, `[count][count]`. */
  gapProducts?: Float64Array;
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** By the expressions: heads of people who are tracked share the model's. */
const known = new WeakMap<MorphableModel['expression'], Motion>();

function motionProducts(model: MorphableModel): Motion {
  const { expression, dense, vertexCount } = model;
  const found = known.get(expression);
  if (found) return found;
  const { count } = expression;
  const size = 3 * dense.count;
  const gaps: number[][] = [];
  const motions = Array.from({ length: count }, (_, k) => {
    const offsets = decodeHalfs(expression.halfs, k * 3 * vertexCount, (k + 1) * 3 * vertexCount);
    if (hasLips(dense)) gaps.push(lipGaps(dense, offsets));
    return Float64Array.from({ length: size }, (_, i) => {
      const [point, axis] = [Math.floor(i / 3), i % 3];
      let sum = 0;
      for (let j = 3 * point; j < 3 * point + 3; j++) {
        sum += dense.weights[j]! * offsets[3 * dense.vertices[j]! + axis]!;
      }
      return sum;
    });
  });
  const products = new Float64Array(count * count);
  for (let k = 0; k < count; k++) {
    for (let j = 0; j <= k; j++) {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += motions[k]![i]! * motions[j]![i]!;
      products[k * count + j] = sum / size;
      products[j * count + k] = sum / size;
    }
  }
  const result: Motion = { count, products };
  if (hasLips(dense)) {
    result.gaps = gaps;
    result.gapProducts = products.map((_, i) => dot(gaps[Math.floor(i / count)]!, gaps[i % count]!));
  }
  known.set(expression, result);
  return result;
}
