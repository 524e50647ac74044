import { mkdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { Command } from 'commander';
import { outputError, writeFilesAtomically } from '../atomic-write.js';
import { HrnError } from '../errors.js';
import type { CreateOptions, TrackOptions } from '../options.js';
import type { TrackedFrame } from '../track/frame.js';
import type { ViewsReconstruction } from '../views/result.js';
import { parseNumber } from './arguments.js';
import { exitCodeOf, failureLine } from './failure.js';
import { interruptible } from './interrupt.js';
import { createReporter } from './reporter.js';

interface TrackFlags {
  out: string;
  fps?: number;
  people?: number;
  focalLength?: number;
  textureSize?: number;
  minFacePx?: number;
  device?: string;
  threads?: number;
  models?: string;
  smooth: boolean;
  preview: boolean;
  quiet?: boolean;
}

const EXAMPLES = `
Examples:
  hrn track talk.mp4 --out out         out/talk.glb, out/talk.jsonl, out/talk.csv and out/talk_preview.mp4
  hrn track 'frames/*.png' --fps 30 --out out
  hrn track two.mp4 --people 2 --out out   out/two.glb and so on, and out/two_person_2.glb and so on

A video needs ffmpeg on the PATH; frames do not, but for the preview. A video that breaks off gives what came before.
Exit code: 0 if all frames were read, 1 if not, 2 for a wrong command line.`;

async function track(video: string, flags: TrackFlags): Promise<void> {
  const reporter = createReporter(flags.quiet ?? false);
  await interruptible(async (signal) => {
    try {
      await mkdir(flags.out, { recursive: true }).catch((error) => {
        throw outputError(error, flags.out);
      });
      const { create } = await import('../hrn.js');
      const hrn = await create({
        device: flags.device as CreateOptions['device'],
        threads: flags.threads,
        models: flags.models,
      });
      try {
        const start = performance.now();
        const name = basename(video, extname(video)).replace(/[*?]/g, '') || 'track';
        reporter.begin(basename(video), 'track');
        const options: TrackOptions = {
          fps: flags.fps,
          people: flags.people,
          focalLengthPx: flags.focalLength,
          textureSize: flags.textureSize,
          minFacePx: flags.minFacePx,
          smooth: flags.smooth,
          signal,
          onProgress: ({ stage, done, total }) =>
            reporter.progress(stage, total ? Math.min(1, (stage === 'person' ? 0.3 : 0.3 + 0.7) * (done / total)) : 0),
        };
        const people: { person: ViewsReconstruction; frames: TrackedFrame[] }[] = [];
        let broken: unknown;
        try {
          for await (const { track: place, person, frame } of hrn.track(video, options)) {
            people[place] ??= { person, frames: [] };
            people[place].frames.push(frame);
          }
        } catch (error) {
          if (!(error instanceof HrnError && error.code === 'VIDEO_UNREADABLE' && people.length > 0)) throw error;
          broken = error;
        }
        if (people.length === 0)
          throw broken ?? new HrnError('VIDEO_UNREADABLE', `${video} has no frames; get the file again`);
        const { Animation } = await import('../track/animation.js');
        const animations = people.map(({ person, frames }) => new Animation(person, frames));
        const stems = animations.map((_, i) => join(flags.out, i === 0 ? name : `${name}_person_${i + 1}`));
        const files = [];
        for (const [i, animation] of animations.entries())
          for (const format of ['glb', 'jsonl', 'csv']) files.push(await animation.encode(`${stems[i]}.${format}`));
        await writeFilesAtomically(files, signal);
        if (flags.preview)
          for (const [i, animation] of animations.entries())
            await hrn.writeTrackPreview(animation, video, `${stems[i]}_preview.mp4`, options);
        const seconds = (performance.now() - start) / 1000;
        const told = animations.map(({ frames }, i) => {
          const lost = frames.filter(({ status }) => status === 'lost').length;
          return `${frames.length} frames${lost > 0 ? `, ${lost} without the face` : ''} -> ${stems[i]}.glb, .jsonl, .csv`;
        });
        reporter.done(`${video}: ${told.join('; ')}, ${seconds.toFixed(1)} s`);
        if (broken) {
          process.exitCode = 1;
          reporter.fail(failureLine(video, broken));
        }
      } finally {
        await hrn.dispose();
      }
    } catch (error) {
      signal.throwIfAborted();
      process.exitCode = exitCodeOf(error);
      reporter.fail(failureLine(video, error));
    } finally {
      reporter.close();
    }
  });
}

export const trackCommand = new Command('track')
  .description('make an animated 3D head of a video')
  .argument('<video>', "a video file, a folder of frames or a pattern such as 'frames/*.png'")
  .requiredOption('--out <dir>', 'folder for the results; made if missing')
  .option('--fps <n>', "frames a second of a folder's frames (default: 25)", parseNumber)
  .option('--people <n>', 'how many people to follow at most, those who are seen most (default: 1)', parseNumber)
  .option('--focal-length <px>', 'focal length in pixels, if known; else estimated', parseNumber)
  .option('--texture-size <px>', 'side of the square texture (default: 2048)', parseNumber)
  .option('--min-face-px <px>', 'refuse faces smaller than this (default: 45)', parseNumber)
  .option('--device <name>', 'auto, cpu, cuda or cuda:N (default: auto)')
  .option('--threads <n>', 'threads to use (default: all cores)', parseNumber)
  .option('--models <dir>', 'folder with the models (default: the embedded ones)')
  .option('--no-smooth', 'leave the jitter in')
  .option('--no-preview', 'do not write NAME_preview.mp4')
  .option('--quiet', 'print failures only')
  .addHelpText('after', EXAMPLES)
  .action(track);
