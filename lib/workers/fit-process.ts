import { writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { create, type Hrn, HrnError, type Reconstruction } from '../index.js';
import type { FitSummary, FitTask, FromProcess, Output, ProcessSetup, TaskProgress, ToProcess } from './task.js';

// The program of one process of a FitPool: sets up an instance, then fits one photo after the other. It holds nothing that
// another process needs, so that a crash in native code or in a decoder costs the one fit.

/** Share of the time that the stages of the fit take; the files are the rest. */
const FIT_SHARE = 0.75;
/** Progress closer together than this is not worth a message. */
const PROGRESS_MS = 50;

let hrn: Hrn | undefined;
let running: { number: number; controller: AbortController } | undefined;

function send(message: FromProcess): void {
  if (process.connected) process.send?.(message, () => {});
}

function failure(error: unknown): { code: string; message: string } {
  const code = error instanceof HrnError ? error.code : 'INTERNAL';
  return { code, message: error instanceof Error ? error.message : String(error) };
}

/** Names by output; the levels are those that the head has. */
function filesOf(output: Output, face: Reconstruction): string[] {
  switch (output) {
    case 'obj':
      return ['head.obj', 'head.mtl', 'head_texture.png'];
    case 'preview':
      return ['preview.png'];
    case 'levels':
      return Object.keys(face.levels).map((level) => `${level}.ply`);
    default:
      return [`head.${output}`];
  }
}

async function writeOutput(output: Output, face: Reconstruction, folder: string, signal: AbortSignal): Promise<void> {
  switch (output) {
    case 'json':
      return writeFile(join(folder, 'head.json'), `${JSON.stringify(face, null, 2)}\n`, { signal });
    case 'preview':
      return face.preview(join(folder, 'preview.png'), { signal });
    case 'levels':
      for (const level of Object.keys(face.levels) as (keyof typeof face.levels)[]) {
        await face.write(join(folder, `${level}.ply`), { signal, level });
      }
      return;
    default:
      return face.write(join(folder, `head.${output}`), { signal });
  }
}

async function fit(
  task: FitTask,
  signal: AbortSignal,
  onProgress: (progress: TaskProgress) => void,
): Promise<FitSummary> {
  const face = await hrn!.fit(task.image, {
    ...task.options,
    signal,
    onProgress: ({ stage, fraction }) => onProgress({ stage, fraction: FIT_SHARE * fraction }),
  });
  const start = performance.now();
  const files: string[] = [];
  for (const [i, output] of task.outputs.entries()) {
    onProgress({ stage: 'write', fraction: FIT_SHARE + ((1 - FIT_SHARE) * i) / task.outputs.length });
    await writeOutput(output, face, task.folder, signal);
    files.push(...filesOf(output, face));
  }
  const timingsMs = { ...face.timingsMs, write: performance.now() - start };
  return { quality: { ...face.quality }, warnings: face.warnings, timingsMs, device: face.device, files };
}

async function run(number: number, task: FitTask): Promise<void> {
  const controller = new AbortController();
  running = { number, controller };
  let latest = 0;
  let stage = '';
  try {
    const summary = await fit(task, controller.signal, (progress) => {
      const now = performance.now();
      if (progress.stage === stage && now - latest < PROGRESS_MS) return;
      latest = now;
      stage = progress.stage;
      send({ type: 'progress', number, progress });
    });
    send({ type: 'done', number, summary });
  } catch (error) {
    const { code, message } = failure(error);
    const told = message.replaceAll(task.image, task.name).replaceAll(`${task.folder}${sep}`, '');
    send({ type: 'failed', number, code, message: told });
  } finally {
    running = undefined;
  }
}

async function setUp({ threads, device, models }: ProcessSetup): Promise<void> {
  try {
    hrn = await create({ threads, models, device: device as 'auto' | undefined });
    // Opens the detector: a missing model or runtime is known before the first photo comes.
    await hrn.detect({ data: new Uint8Array(64 * 64), width: 64, height: 64, channels: 1 });
    send({ type: 'ready' });
  } catch (error) {
    send({ type: 'unusable', ...failure(error) });
  }
}

process.on('message', (message: ToProcess) => {
  if (message.type === 'setup') void setUp(message.setup);
  else if (message.type === 'fit') void run(message.number, message.task);
  else if (running?.number === message.number)
    running.controller.abort(new HrnError('CANCELLED', 'the fit was stopped'));
});
// A terminal's Ctrl-C and a supervisor's SIGTERM reach every process of a group; the one that holds the pool decides when
// this one ends.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('SIGXFSZ', () => {});
// Nothing here is worth an orderly end, and a fit on other threads would see its runtime taken down under it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
