import { ARKIT_ORDER } from '../exporters/arkit.js';
import type { TrackedFrame } from './frame.js';

/** Eyes turned so far where a look's weight is 1, radians: the model's shapes (docs/head-model.md). */
const LOOK_RADIANS = { aside: (26 * Math.PI) / 180, up: (22 * Math.PI) / 180 } as const;
const HEAD_AND_EYES = [
  ...['HeadYaw', 'HeadPitch', 'HeadRoll', 'LeftEyeYaw', 'LeftEyePitch', 'LeftEyeRoll'],
  ...['RightEyeYaw', 'RightEyePitch', 'RightEyeRoll'],
];
/** Of the time code, whose frames are whole numbers. */
const TIMECODE_FPS = 60;

/**
 * In the layout that Apple's Live Link Face writes: time code, number of values, the 52 blend shapes in Apple's order with
 * a capital letter, then angles of head and eyes in radians. Frames that do not show the person are left out.
 */
export function liveLinkCsv(frames: readonly TrackedFrame[]): string {
  const names = ARKIT_ORDER.map((name) => name.charAt(0).toUpperCase() + name.slice(1));
  const header = ['Timecode', 'BlendshapeCount', ...names, ...HEAD_AND_EYES].join(',');
  const count = names.length + HEAD_AND_EYES.length;
  const rows = frames
    .filter(({ status }) => status === 'tracked')
    .map((frame) => {
      const values = [
        ...ARKIT_ORDER.map((name) => frame.expression[name] ?? 0),
        ...headAngles(frame),
        ...eyeAngles(frame),
      ];
      return [timecode(frame.timeSeconds), count, ...values.map((value) => value.toFixed(6))].join(',');
    });
  return `${[header, ...rows].join('\n')}\n`;
}

/** HH:MM:SS:FF.fff, the last being thousandths of a frame. */
function timecode(seconds: number): string {
  const whole = Math.floor(seconds);
  const frame = (seconds - whole) * TIMECODE_FPS;
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const part = String(Math.floor((frame % 1) * 1000)).padStart(3, '0');
  return `${two(whole / 3600)}:${two((whole / 60) % 60)}:${two(whole % 60)}:${two(frame)}.${part}`;
}

/** Yaw to the subject's left, pitch down, roll towards the left shoulder. */
function headAngles({ pose: { rotation: r } }: TrackedFrame): [number, number, number] {
  // The head's own axes as the camera sees them: forward is the third column, up the second.
  const yaw = Math.atan2(r[2]!, -r[8]!);
  const pitch = Math.asin(Math.min(1, Math.max(-1, r[5]!)));
  const roll = Math.atan2(r[1]!, -r[4]!);
  return [yaw, pitch, roll];
}

function eyeAngles({ expression }: TrackedFrame): number[] {
  const look = (way: string, side: string) => expression[`eyeLook${way}${side}`] ?? 0;
  return (['Left', 'Right'] as const).flatMap((side) => {
    // To the subject's left is outwards for the left eye and inwards for the right one.
    const outwards = LOOK_RADIANS.aside * (look('Out', side) - look('In', side));
    const pitch = LOOK_RADIANS.up * (look('Down', side) - look('Up', side));
    return [side === 'Left' ? outwards : -outwards, pitch, 0];
  });
}
