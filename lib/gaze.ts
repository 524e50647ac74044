/** Where eyes look, in degrees, as ARKit's eyeLook weights tell it. */

/** What the model's eyeLook shapes turn an eye by at weight 1, degrees. */
export const FULL_GAZE_DEGREES = { across: 26, up: 22 } as const;

/** A line of sight in the head frame, degrees: `yaw` to the subject's left, `pitch` up; both 0 straight ahead. */
export interface Gaze {
  yaw: number;
  pitch: number;
}

/** Of both eyes; undefined for models without the eyeLook expressions. */
export function gazeOf(expression: Readonly<Record<string, number>>): { left: Gaze; right: Gaze } | undefined {
  if (expression.eyeLookInLeft === undefined || expression.eyeLookInRight === undefined) return undefined;
  const weight = (name: string) => expression[name] ?? 0;
  const of = (side: 'Left' | 'Right'): Gaze => {
    const [toTemple, toNose] = [weight(`eyeLookOut${side}`), weight(`eyeLookIn${side}`)];
    return {
      yaw: FULL_GAZE_DEGREES.across * (side === 'Left' ? toTemple - toNose : toNose - toTemple),
      pitch: FULL_GAZE_DEGREES.up * (weight(`eyeLookUp${side}`) - weight(`eyeLookDown${side}`)),
    };
  };
  return { left: of('Left'), right: of('Right') };
}
