/** A tracked video as files: animated GLB, a JSON line a frame, Live Link Face's CSV. */
import { type OutputFile, writeFilesAtomically } from '../atomic-write.js';
import { HrnError } from '../errors.js';
import { ARKIT_ORDER } from '../exporters/arkit.js';
import { encodeMovingGlb } from '../exporters/glb.js';
import type { HeadMotion } from '../exporters/motion.js';
import { type ExportOptions, exportOptionsOf, resolveExportOptions } from '../exporters/options.js';
import type { ViewsReconstruction } from '../views/result.js';
import type { TrackedFrame } from './frame.js';
import { liveLinkCsv } from './live-link.js';
import { quaternionOf } from './rotation.js';
import type { TrackedPerson } from './track.js';

export const TRACK_FORMATS = ['glb', 'jsonl', 'csv'] as const;
export type TrackFormat = (typeof TRACK_FORMATS)[number];

/** One person and everything that it does in a video. */
export class Animation {
  readonly person: ViewsReconstruction;
  readonly frames: readonly TrackedFrame[];

  constructor(person: ViewsReconstruction, frames: readonly TrackedFrame[]) {
    this.person = person;
    this.frames = frames;
  }

  /**
   * Reads the track of one person to its end.
   *
   * @throws HrnError VIDEO_UNREADABLE where it has no frames, INVALID_OPTION where it is of several people: see allOf()
   */
  static async of(track: AsyncIterable<TrackedPerson>): Promise<Animation> {
    const [animation, ...others] = await Animation.allOf(track);
    if (others.length > 0) {
      throw new HrnError(
        'INVALID_OPTION',
        `expected the track of one person, got those of ${others.length + 1}; use animationsOf() where option people is above 1`,
      );
    }
    return animation!;
  }

  /**
   * Reads the tracks of all people to their end: one animation a person, who is seen most first.
   *
   * @throws HrnError VIDEO_UNREADABLE where there are no frames
   */
  static async allOf(tracks: AsyncIterable<TrackedPerson>): Promise<Animation[]> {
    const people: { person: ViewsReconstruction; frames: TrackedFrame[] }[] = [];
    for await (const { track, person, frame } of tracks) {
      people[track] ??= { person, frames: [] };
      people[track].frames.push(frame);
    }
    if (people.length === 0) throw new HrnError('VIDEO_UNREADABLE', 'the video has no frames; get the file again');
    return people.map(({ person, frames }) => new Animation(person, frames));
  }

  /**
   * Writes the format that the extension names: `.glb`, `.jsonl` or `.csv`. The file appears whole or not at all.
   *
   * @throws HrnError UNSUPPORTED_FORMAT, OUTPUT_NOT_WRITABLE, DISK_FULL
   */
  async write(path: string, { signal, ...options }: ExportOptions & { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    await writeFilesAtomically([await this.encode(path, options)], signal);
  }

  async encode(path: string, options: ExportOptions = {}): Promise<OutputFile> {
    const format = TRACK_FORMATS.find((one) => path.toLowerCase().endsWith(`.${one}`));
    if (format === 'glb') {
      const resolved = resolveExportOptions(exportOptionsOf(options));
      return { path, bytes: await encodeMovingGlb(this.person, this.motion(), resolved) };
    }
    if (format === 'csv') return { path, bytes: Buffer.from(liveLinkCsv(this.frames)) };
    if (format === 'jsonl') return { path, bytes: Buffer.from(this.frames.map(jsonLine).join('')) };
    throw new HrnError(
      'UNSUPPORTED_FORMAT',
      `expected a path that ends in ${TRACK_FORMATS.map((one) => `.${one}`).join(', ')} for a track, got ${path}`,
    );
  }

  /** Keys of the frames that show the person, in glTF's axes; before the first one there are none. */
  motion(): HeadMotion {
    const seen = this.frames.filter(({ status }) => status === 'tracked');
    const { names } = this.person.model.expression;
    const rotations = new Float32Array(4 * seen.length);
    for (const [i, { pose }] of seen.entries()) {
      // From y down, z away to y up, z backwards.
      const turn = quaternionOf(pose.rotation.map((value, k) => (k < 3 ? value : -value)));
      const before = rotations.subarray(4 * i - 4, 4 * i);
      const along = i === 0 ? 1 : turn.reduce((sum, value, k) => sum + value * before[k]!, 0);
      rotations.set(along < 0 ? turn.map((value) => -value) : turn, 4 * i);
    }
    return {
      timesSeconds: Float32Array.from(seen, ({ timeSeconds }) => timeSeconds - (seen[0]?.timeSeconds ?? 0)),
      weights: Float32Array.from(seen.flatMap(({ expression }) => names.map((name) => expression[name] ?? 0))),
      rotations,
      translations: Float32Array.from(
        seen.flatMap(({ pose: { translation } }) => translation.map((value, k) => (k === 0 ? value : -value))),
      ),
    };
  }
}

/** A frame as a line of JSON. */
export function jsonLine(frame: TrackedFrame): string {
  const round = (value: number, digits: number) => Number(value.toFixed(digits));
  const expression = Object.fromEntries(
    Object.entries(frame.expression)
      .sort(([a], [b]) => ARKIT_ORDER.indexOf(a) - ARKIT_ORDER.indexOf(b))
      .map(([name, value]) => [name, round(value, 4)]),
  );
  return `${JSON.stringify({
    ...frame,
    timeSeconds: round(frame.timeSeconds, 6),
    expression,
    pose: {
      rotation: frame.pose.rotation.map((value) => round(value, 6)),
      translation: frame.pose.translation.map((value) => round(value, 3)),
    },
    lighting: [0, 9, 18].map((first) =>
      Array.from(frame.lighting.subarray(first, first + 9), (value) => round(value, 4)),
    ),
  })}\n`;
}
