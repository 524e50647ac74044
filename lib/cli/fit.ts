import { access, constants, mkdir } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { type OutputFile, outputError, writeFilesAtomically } from '../atomic-write.js';
import { HrnError } from '../errors.js';
import { exporterFor } from '../exporters/index.js';
import { type ExportOptions, resolveExportOptions } from '../exporters/options.js';
import type { Hrn } from '../hrn.js';
import type { CreateOptions, FitOptions } from '../options.js';
import type { FaceOutcome } from '../photo-fits.js';
import type { Reconstruction } from '../result.js';
import { parseFace, parseFormats, parseNumber, parseTargets } from './arguments.js';
import { failureLine, warningLine } from './failure.js';
import { encodeViewPreviews, fitOnePerson, personStem } from './fit-views.js';
import { interruptible } from './interrupt.js';
import { outputNames } from './output-names.js';
import { createReporter, type Reporter } from './reporter.js';

/** The flags as commander hands them over. */
interface FitFlags {
  out: string;
  format: string[];
  detail?: string;
  device?: string;
  inference?: string;
  face: 'largest' | 'all' | number;
  views?: boolean;
  textureSize?: number;
  targets?: ExportOptions['targets'];
  skeleton: boolean;
  lod?: number;
  compress?: string;
  textureFormat?: string;
  minFacePx?: number;
  maxPixels?: number;
  maxSide?: number;
  focalLength?: number;
  threads?: number;
  models?: string;
  model?: string;
  json?: boolean;
  preview: boolean;
  regressor: boolean;
  quiet?: boolean;
}

const EXAMPLES = `
Examples:
  hrn fit photo.jpg --out out                      out/photo.glb and out/photo_preview.png
  hrn fit *.jpg --out out --format glb,obj --json  also OBJ with MTL and texture, and the numbers
  hrn fit group.jpg --out out --face all           every face: out/group_0.glb, out/group_1.glb, ...
  hrn fit --views a.jpg b.jpg c.jpg --out out      one person in three photos: out/a.glb, out/a_preview.png and a
                                                   preview for each photo, out/a_view_0_preview.png, ...

Files, per image NAME: NAME.glb, NAME.obj with NAME.mtl and NAME_texture.png, NAME.usdz,
NAME.ply, NAME.stl, NAME.json, NAME_preview.png.
With --face all NAME is followed by the number of the face, that of hrn detect; where two images have the same name, the
second becomes NAME-2. Exit code: 0 if every image succeeded, 1 if one failed, 3 if with --face all some faces of an
image failed and others did not, 2 for a wrong command line.`;

/** Makes the output folder, so that a wrong one is known before any fitting. */
async function prepareFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw outputError(error, folder);
  }
}

/** What of a head goes into its files. Throws HrnError INVALID_OPTION. */
function exportOptions({ targets, skeleton, lod, compress, textureFormat }: FitFlags) {
  return resolveExportOptions({
    targets,
    skeleton,
    lod: lod as ExportOptions['lod'],
    compression: compress as ExportOptions['compression'],
    textureFormat: textureFormat as ExportOptions['textureFormat'],
  });
}

async function encodeFormats(face: Reconstruction, stem: string, flags: FitFlags): Promise<OutputFile[]> {
  const options = exportOptions(flags);
  const { format } = flags;
  const files: OutputFile[] = [];
  for (const extension of format) {
    const path = `${stem}.${extension}`;
    files.push(...(await (await exporterFor(path)).encode(face, path, options)));
  }
  return files;
}

async function encodePreview(face: Reconstruction, stem: string, signal: AbortSignal): Promise<OutputFile> {
  const { renderPreview } = await import('../preview.js');
  return { path: `${stem}_preview.png`, bytes: await renderPreview(face, signal) };
}

/** Everything asked for of one head, not yet written. Formats are made while native threads draw the preview. */
async function encodeOutputs(
  face: Reconstruction,
  stem: string,
  flags: FitFlags,
  signal: AbortSignal,
): Promise<OutputFile[]> {
  signal.throwIfAborted();
  const [formats, preview] = await Promise.all([
    encodeFormats(face, stem, flags),
    flags.preview ? encodePreview(face, stem, signal) : undefined,
  ]);
  const json = { path: `${stem}.json`, bytes: Buffer.from(`${JSON.stringify(face, null, 2)}\n`) };
  return [...formats, ...(flags.json ? [json] : []), ...(preview ? [preview] : [])];
}

function describe(face: Reconstruction, seconds: number, files: readonly OutputFile[]): string {
  const paths = files.map(({ path }) => relative('.', path) || path);
  const error = face.quality.landmarkErrorPercent.toFixed(2);
  return `landmark error ${error} %, ${seconds.toFixed(1)} s -> ${paths.join(', ')}`;
}

/** What became of one image, or of one of its faces. */
type Outcome = 'done' | 'failed' | 'left out';

/** Fits the images one after the other and reports each face as it is written. */
class ImageFits {
  readonly #inputs: ReadonlySet<string>;

  constructor(
    private readonly hrn: Hrn,
    images: readonly string[],
    private readonly flags: FitFlags,
    private readonly reporter: Reporter,
    private readonly signal: AbortSignal,
  ) {
    this.#inputs = new Set(images.map((image) => resolve(image)));
  }

  /** @returns one outcome for each face that was asked for */
  async fit(image: string, name: string): Promise<Outcome[]> {
    try {
      if (this.flags.face === 'all') return await this.#fitEach(image, name);
      const start = performance.now();
      const face = await this.hrn.fit(image, { ...this.#options(), face: this.flags.face });
      await this.#write(face, image, join(this.flags.out, name), start);
      return ['done'];
    } catch (error) {
      this.signal.throwIfAborted();
      this.reporter.fail(failureLine(image, error));
      return ['failed'];
    }
  }

  /** All images as photos of one person. */
  async fitTogether(images: readonly string[]): Promise<Outcome[]> {
    try {
      const start = performance.now();
      const { onProgress: _, ...options } = this.#options();
      const face = await fitOnePerson(this.hrn, images, options, this.reporter);
      const stem = personStem(this.flags.out, images);
      const previews = this.flags.preview ? await encodeViewPreviews(face, stem, this.signal) : [];
      await this.#write(face, `${face.views.length} views`, stem, start, previews);
      return ['done'];
    } catch (error) {
      this.signal.throwIfAborted();
      this.reporter.fail(failureLine(images.join(' '), error));
      return ['failed'];
    }
  }

  async #fitEach(image: string, name: string): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    let start = performance.now();
    for await (const outcome of this.hrn.fitEach(image, this.#options())) {
      outcomes.push(await this.#faceOutcome(outcome, image, name, start));
      start = performance.now();
    }
    const counted = (which: Outcome) => outcomes.filter((outcome) => outcome === which).length;
    const [failed, small] = [counted('failed'), counted('left out')];
    const rest = [failed ? `${failed} failed` : '', small ? `${small} too small` : ''].filter((part) => part !== '');
    const faces = outcomes.length === 1 ? 'face' : 'faces';
    const told = rest.length > 0 ? ` (${rest.join(', ')})` : '';
    this.reporter.done(`${image}: ${counted('done')} of ${outcomes.length} ${faces} fitted${told}`);
    return outcomes;
  }

  async #faceOutcome(outcome: FaceOutcome, image: string, name: string, start: number): Promise<Outcome> {
    const { index, face, error } = outcome;
    const subject = `${image} face ${index}`;
    if (face) {
      await this.#write(face, subject, join(this.flags.out, `${name}_${index}`), start);
      return 'done';
    }
    this.reporter.fail(failureLine(subject, error));
    return error.code === 'FACE_TOO_SMALL' ? 'left out' : 'failed';
  }

  async #write(
    face: Reconstruction,
    subject: string,
    stem: string,
    start: number,
    more: readonly OutputFile[] = [],
  ): Promise<void> {
    const files = [...(await encodeOutputs(face, stem, this.flags, this.signal)), ...more];
    const clash = files.find(({ path }) => this.#inputs.has(resolve(path)));
    if (clash) {
      throw new HrnError(
        'OUTPUT_NOT_WRITABLE',
        `${clash.path} is one of the input images: choose another folder with --out.`,
      );
    }
    await writeFilesAtomically(files, this.signal);
    this.reporter.done(`${subject}: ${describe(face, (performance.now() - start) / 1000, files)}`);
    if (face.warnings.length > 0) this.reporter.warn(warningLine(subject, face.warnings));
  }

  #options(): FitOptions {
    const { flags, signal, reporter } = this;
    return {
      detail: flags.detail as FitOptions['detail'],
      focalLengthPx: flags.focalLength,
      regressor: flags.regressor,
      textureSize: flags.textureSize,
      minFacePx: flags.minFacePx,
      maxPixels: flags.maxPixels,
      maxSide: flags.maxSide,
      signal,
      onProgress: ({ stage, fraction }) => reporter.progress(stage, fraction),
    };
  }
}

/** 0: all done; 1: an image gave nothing; 3: some faces of an image are missing. */
function exitCode(outcomes: readonly (readonly Outcome[])[]): number {
  if (outcomes.some((ofImage) => !ofImage.includes('done'))) return 1;
  return outcomes.some((ofImage) => ofImage.includes('failed')) ? 3 : 0;
}

async function fit(images: string[], flags: FitFlags): Promise<void> {
  const reporter = createReporter(flags.quiet ?? false);
  await interruptible(async (signal) => {
    try {
      exportOptions(flags);
      await prepareFolder(flags.out);
      const { create } = await import('../hrn.js');
      const hrn = await create({
        device: flags.device as CreateOptions['device'],
        inference: flags.inference as CreateOptions['inference'],
        threads: flags.threads,
        models: flags.models,
        model: flags.model,
      });
      try {
        const fits = new ImageFits(hrn, images, flags, reporter, signal);
        const names = outputNames(images);
        const outcomes: Outcome[][] = flags.views ? [await fits.fitTogether(images)] : [];
        for (const [i, image] of flags.views ? [] : images.entries()) {
          reporter.begin(basename(image), `${i + 1}/${images.length}`);
          outcomes.push(await fits.fit(image, names[i]!));
        }
        process.exitCode = exitCode(outcomes);
      } finally {
        await hrn.dispose();
      }
    } catch (error) {
      signal.throwIfAborted();
      process.exitCode = 1;
      reporter.fail(failureLine(undefined, error));
    } finally {
      reporter.close();
    }
  });
}

export const fitCommand = new Command('fit')
  .description('make a textured 3D head of each photo')
  .argument('<images...>', 'JPEG, PNG, WebP, TIFF, AVIF, HEIC or GIF')
  .requiredOption('--out <dir>', 'folder for the results; made if missing')
  .option('--format <list>', 'formats to write: glb, obj, usdz, ply, stl, separated by commas', parseFormats, ['glb'])
  .option('--detail <level>', 'coarse or medium (default: medium)')
  .option('--device <name>', 'auto, cpu, cuda or cuda:N (default: auto)')
  .option('--inference <name>', 'what runs the networks: cpu or cuda (default: cpu)')
  .option('--face <which>', 'largest, all, or the number that hrn detect gives it', parseFace, 'largest')
  .option('--views', 'the images are photos of one person: one head of all of them, named after the first')
  .option('--texture-size <px>', 'side of the square texture (default: 2048)', parseNumber)
  .option('--targets <list>', 'morph targets of a GLB: arkit, none, or names separated by commas', parseTargets)
  .option('--no-skeleton', 'leave the nodes for neck, skull, jaw and eyes out of a GLB')
  .option(
    '--lod <n>',
    'level of detail of the files: 0 (default), 1 or 2, which has a tenth of the triangles',
    parseNumber,
  )
  .option('--compress <how>', 'compression of a GLB: none (default) or meshopt')
  .option('--texture-format <name>', 'image format in a GLB: jpeg (default), png or webp')
  .option('--min-face-px <px>', 'refuse faces smaller than this (default: 100)', parseNumber)
  .option('--max-pixels <n>', 'refuse images of more pixels (default: 50000000)', parseNumber)
  .option('--max-side <px>', 'refuse images with a longer side (default: 16384)', parseNumber)
  .option('--focal-length <px>', 'focal length in pixels, if known; else from EXIF or estimated', parseNumber)
  .option('--threads <n>', 'threads to use (default: all cores)', parseNumber)
  .option('--models <dir>', 'folder with the models (default: the embedded ones)')
  .option('--model <file>', 'a head model that `hrn models import` wrote, in place of the embedded one')
  .option('--json', 'also write NAME.json with coefficients, pose, camera and quality')
  .option('--no-regressor', 'fit without the coefficient network')
  .option('--no-preview', 'do not write NAME_preview.png')
  .option('--quiet', 'print failures only')
  .addHelpText('after', EXAMPLES)
  .action(fit);
