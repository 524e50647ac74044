#!/usr/bin/env node
import { constants } from 'node:os';
import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.js';
import { detectCommand } from './detect.js';
import { doctorCommand } from './doctor.js';
import { enqueueCommand } from './enqueue.js';
import { fitCommand } from './fit.js';
import { modelsCommand } from './models.js';
import { queueCommand } from './queue.js';
import { sampleCommand } from './sample.js';
import { serveCommand } from './serve.js';
import { trackCommand } from './track.js';
import { workerCommand } from './worker.js';

const EXAMPLES = `
Examples:
  hrn fit photo.jpg --out out    out/photo.glb and out/photo_preview.png
  hrn track talk.mp4 --out out   an animated head of a video
  hrn detect photo.jpg --json    where the faces are
  hrn sample --seed 1 --out out  a synthetic portrait to try it on
  hrn serve                      a page and an HTTP service on this machine
  hrn doctor                     is everything in place?

\`hrn help COMMAND\` tells the rest.`;

const program = new Command('hrn')
  .description('One portrait photo in, a textured 3D head out.')
  .version(VERSION)
  .addHelpText('after', EXAMPLES)
  .showHelpAfterError('(hrn --help tells what is possible)');
for (const command of [
  fitCommand,
  trackCommand,
  detectCommand,
  sampleCommand,
  modelsCommand,
  serveCommand,
  enqueueCommand,
  workerCommand,
  queueCommand,
  doctorCommand,
]) {
  for (const part of [command, ...command.commands]) part.copyInheritedSettings(program).exitOverride();
  program.addCommand(command);
}

// A file-size limit (ulimit -f) then fails the write, which is reported and cleaned up, instead of ending the process.
if ('SIGXFSZ' in constants.signals) process.on('SIGXFSZ', () => {});

// Who reads the output may have seen enough (hrn ... | head): what is said from then on is lost, the work is not.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await program.exitOverride().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed it; 2 tells a wrong command line from a failed image.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
