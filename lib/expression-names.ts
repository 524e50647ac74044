/** The expressions of the embedded head model: ARKit's 52 blend shapes, in the order in which Apple lists them. */
export const EXPRESSION_NAMES = [
  ...([
    'eyeBlinkLeft',
    'eyeLookDownLeft',
    'eyeLookInLeft',
    'eyeLookOutLeft',
    'eyeLookUpLeft',
    'eyeSquintLeft',
  ] as const),
  ...(['eyeWideLeft', 'eyeBlinkRight', 'eyeLookDownRight', 'eyeLookInRight', 'eyeLookOutRight'] as const),
  ...(['eyeLookUpRight', 'eyeSquintRight', 'eyeWideRight', 'jawForward', 'jawLeft', 'jawRight', 'jawOpen'] as const),
  ...(['mouthClose', 'mouthFunnel', 'mouthPucker', 'mouthLeft', 'mouthRight', 'mouthSmileLeft'] as const),
  ...(['mouthSmileRight', 'mouthFrownLeft', 'mouthFrownRight', 'mouthDimpleLeft', 'mouthDimpleRight'] as const),
  ...(['mouthStretchLeft', 'mouthStretchRight', 'mouthRollLower', 'mouthRollUpper', 'mouthShrugLower'] as const),
  ...(['mouthShrugUpper', 'mouthPressLeft', 'mouthPressRight', 'mouthLowerDownLeft', 'mouthLowerDownRight'] as const),
  ...(['mouthUpperUpLeft', 'mouthUpperUpRight', 'browDownLeft', 'browDownRight', 'browInnerUp'] as const),
  ...(['browOuterUpLeft', 'browOuterUpRight', 'cheekPuff', 'cheekSquintLeft', 'cheekSquintRight'] as const),
  ...(['noseSneerLeft', 'noseSneerRight', 'tongueOut'] as const),
] as const;

export type ExpressionName = (typeof EXPRESSION_NAMES)[number];

/** A weight, 0..1, for each expression; by other names where the head model is another one, which then lacks these. */
export type Expressions = Record<ExpressionName, number> & Record<string, number>;
