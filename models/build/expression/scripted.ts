/** Expressions as faces make them: a few shapes at a time, to their full extent, never two that pull apart. */
import type { ExpressionBasis } from '../../../lib/morphable-model.js';
import type { Random } from '../../../lib/sample/random.js';

const NEUTRAL = 0.15;
/** Chance that a group takes part. */
const EYES_SHUT = 0.16;
const WINK = 0.06;
const GAZE = 0.35;
const MOST_SHAPES = 5;

/** Of each list at most one. */
const EXCLUSIVE = [
  ['mouthSmile', 'mouthFrown', 'mouthPucker', 'mouthFunnel', 'mouthStretch'],
  ['jawOpen', 'mouthClose', 'mouthPress', 'mouthRollLower', 'mouthRollUpper'],
  ['browDown', 'browInnerUp', 'browOuterUp'],
  ['eyeWide', 'eyeSquint'],
  ['cheekPuff', 'mouthFunnel', 'jawOpen'],
];

export function scriptedExpression({ names, min, max }: ExpressionBasis, random: Random): Float32Array {
  const weights = new Float32Array(names.length);
  const set = (name: string, weight: number) => {
    const k = names.indexOf(name);
    if (k >= 0) weights[k] = Math.min(max[k]!, Math.max(min[k]!, weight));
  };
  if (random.chance(NEUTRAL)) return weights;
  const stems = [...new Set(names.map((name) => name.replace(/(Left|Right)$/, '')))].filter(
    (stem) => !/^eye(Blink|Look)|^tongue|^mouth$|^jaw$/.test(stem),
  );
  const drawn: string[] = [];
  for (let i = random.integer(MOST_SHAPES + 1); i > 0; i--) {
    const stem = stems[random.integer(stems.length)]!;
    if (EXCLUSIVE.some((list) => list.includes(stem) && list.some((other) => drawn.includes(other)))) continue;
    drawn.push(stem);
    const weight = random.uniform(0.1, 1);
    const together = random.chance(0.8);
    const side = random.chance(0.5) ? 'Left' : 'Right';
    if (names.includes(stem)) set(stem, weight);
    else {
      for (const one of ['Left', 'Right']) {
        set(stem + one, together ? weight * random.uniform(0.85, 1) : one === side ? weight : 0);
      }
    }
  }
  // mouthLeft and its like end in a side without being one of a pair.
  for (const stem of ['mouth', 'jaw']) {
    if (!random.chance(0.08)) continue;
    const [left, right] = [`${stem}Left`, `${stem}Right`];
    const weight = random.uniform(0.15, 1);
    const isLeft = random.chance(0.5);
    set(left, isLeft ? weight : 0);
    set(right, isLeft ? 0 : weight);
  }
  if (random.chance(0.07)) {
    set('jawOpen', Math.max(weights[names.indexOf('jawOpen')]!, random.uniform(0.15, 0.6)));
    set('tongueOut', random.uniform(0.3, 1));
  }
  if (random.chance(GAZE)) {
    const [across, up] = [random.uniform(-1, 1), random.uniform(-0.8, 0.8)];
    for (const [side, outwards] of [
      ['Left', across],
      ['Right', -across],
    ] as const) {
      set(`eyeLookOut${side}`, outwards);
      set(`eyeLookIn${side}`, -outwards);
      set(`eyeLookUp${side}`, up);
      set(`eyeLookDown${side}`, -up);
    }
  }
  if (random.chance(EYES_SHUT)) {
    const weight = random.uniform(0.75, 1);
    for (const side of ['Left', 'Right']) set(`eyeBlink${side}`, weight * random.uniform(0.92, 1));
  } else if (random.chance(WINK)) {
    set(random.chance(0.5) ? 'eyeBlinkLeft' : 'eyeBlinkRight', random.uniform(0.75, 1));
  } else if (random.chance(0.3)) {
    const weight = random.uniform(0, 0.5);
    for (const side of ['Left', 'Right']) set(`eyeBlink${side}`, weight);
  }
  return weights;
}
