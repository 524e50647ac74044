import { access, constants, mkdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { type OutputFile, outputError, writeFilesAtomically } from '../atomic-write.js';
import { HrnError } from '../errors.js';
import { exporterFor } from '../exporters/index.js';
import { chosenTargets, type ExportOptions, resolveExportOptions } from '../exporters/options.js';
import { EXPRESSION_NAMES } from '../expression-names.js';
import type { Hrn } from '../hrn.js';
import { type CreateOptions, type FitOptions, resolveFitOptions } from '../options.js';
import type { FaceOutcome } from '../photo-fits.js';
import type { Reconstruction } from '../result.js';
import { parseFace, parseFormats, parseNumber, parseTargets } from './arguments.js';
import { exitCodeOf, failureLine, failureRecord, warningLine } from './failure.js';
import { expandFolders } from './fit-folder.js';
import { FitJournal } from './fit-journal.js';
import { fitInOrder, type ImageFitter, type Outcome } from './fit-run.js';
import { encodeViewPreviews, fitOnePerson } from './fit-views.js';
import { type CliImage, readImages } from './inputs.js';
import { interruptible } from './interrupt.js';
import { outputNames } from './output-names.js';
import { createReporter, type Reporter } from './reporter.js';

/** The flags as commander hands them over. */
interface FitFlags {
  out: string;
  format: string[];
  detail?: string;
  displacementSize?: number;
  highTriangles?: number;
  device?: string;
  inference?: string;
  face: 'largest' | 'all' | number;
  views?: boolean;
  textureSize?: number;
  targets?: ExportOptions['targets'];
  skeleton: boolean;
  eyeParts: boolean;
  lod?: number;
  compress?: string;
  textureFormat?: string;
  texture?: string;
  hair?: boolean;
  minFacePx?: number;
  maxPixels?: number;
  maxSide?: number;
  focalLength?: number;
  threads?: number;
  models?: string;
  model?: string;
  reference?: string;
  method?: string;
  json?: boolean;
  jsonl?: boolean;
  preview: boolean;
  turntable?: boolean;
  expressions?: boolean;
  displacementMap?: boolean;
  regressor: boolean;
  quiet?: boolean;
  resume?: boolean;
}

const EXAMPLES = `
Examples:
  hrn fit photo.jpg --out out                      out/photo.glb and out/photo_preview.png
  hrn fit *.jpg --out out --format glb,obj --json  also OBJ with MTL and texture, and the numbers
  hrn fit 'photos/**/*.jpg' -o out --jsonl         a line of JSON for each face
  hrn fit - -o - --format ply <photo.jpg >head.ply from stdin to stdout
  hrn fit group.jpg --out out --face all           every face: out/group_0.glb, out/group_1.glb, ...
  hrn fit --views a.jpg b.jpg c.jpg --out out      one person in three photos: out/a.glb, out/a_preview.png and a
                                                   preview for each photo, out/a_view_0_preview.png, ...
  hrn fit photos --out out --resume                every image of a folder; again after an interruption, the rest

IMAGE is a file, a folder, a pattern in quotes, or - for stdin (NAME is then stdin). --out - writes the one file of one image to
stdout. Files, per image NAME: NAME.glb, NAME.obj with NAME.mtl and NAME_texture.png, NAME.usdz,
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
function exportOptions({ targets, skeleton, eyeParts, lod, compress, textureFormat, texture }: FitFlags) {
  return resolveExportOptions({
    targets,
    skeleton,
    eyeParts,
    lod: lod as ExportOptions['lod'],
    compression: compress as ExportOptions['compression'],
    textureFormat: textureFormat as ExportOptions['textureFormat'],
    baseColor: texture === 'albedo' ? 'albedo' : 'photo',
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

async function encodeTurntable(face: Reconstruction, stem: string, signal: AbortSignal): Promise<OutputFile> {
  const { renderTurntable } = await import('../turntable.js');
  return { path: `${stem}_turntable.webp`, bytes: await renderTurntable(face, signal) };
}

async function encodeAlbedo({ albedo }: Reconstruction, stem: string): Promise<OutputFile[]> {
  if (!albedo) return [];
  const { encodePng } = await import('../exporters/texture.js');
  return [{ path: `${stem}_albedo.png`, bytes: await encodePng(albedo) }];
}

async function encodeMap({ displacementMap }: Reconstruction, stem: string): Promise<OutputFile[]> {
  if (!displacementMap) return [];
  const { encodeDisplacement } = await import('../exporters/displacement-map.js');
  return [{ path: `${stem}_displacement.png`, bytes: await encodeDisplacement(displacementMap) }];
}

async function encodePreview(face: Reconstruction, stem: string, signal: AbortSignal): Promise<OutputFile> {
  const { renderPreview } = await import('../preview.js');
  return { path: `${stem}_preview.png`, bytes: await renderPreview(face, signal) };
}

async function encodeExpressions(face: Reconstruction, stem: string, signal: AbortSignal): Promise<OutputFile> {
  const { renderExpressions } = await import('../preview/expressions.js');
  return { path: `${stem}_expressions.png`, bytes: await renderExpressions(face, signal) };
}

/** Everything asked for of one head, not yet written. Formats are made while native threads draw the preview. */
async function encodeOutputs(
  face: Reconstruction,
  stem: string,
  flags: FitFlags,
  signal: AbortSignal,
): Promise<OutputFile[]> {
  signal.throwIfAborted();
  const [formats, preview, turntable, expressions, albedo, map] = await Promise.all([
    encodeFormats(face, stem, flags),
    flags.preview ? encodePreview(face, stem, signal) : undefined,
    flags.turntable ? encodeTurntable(face, stem, signal) : undefined,
    flags.expressions ? encodeExpressions(face, stem, signal) : undefined,
    flags.texture === 'both' ? encodeAlbedo(face, stem) : [],
    flags.displacementMap ? encodeMap(face, stem) : [],
  ]);
  const json = { path: `${stem}.json`, bytes: Buffer.from(`${JSON.stringify(face, null, 2)}\n`) };
  const pictures = [preview, turntable, expressions].filter((file) => file !== undefined);
  return [...formats, ...albedo, ...map, ...(flags.json ? [json] : []), ...pictures];
}

function describe(face: Reconstruction, seconds: number, files: readonly OutputFile[]): string {
  const paths = files.map(({ path }) => relative('.', path) || path);
  const error = face.quality.landmarkErrorPercent.toFixed(2);
  return `landmark error ${error} %, ${seconds.toFixed(1)} s -> ${paths.join(', ')}`;
}

/** Fits the images one after the other and reports each face as it is written. */
class ImageFits implements ImageFitter {
  readonly written: string[] = [];
  readonly #inputs: ReadonlySet<string>;

  constructor(
    private readonly hrn: Hrn,
    images: readonly CliImage[],
    private readonly flags: FitFlags,
    private readonly reporter: Reporter,
    private readonly signal: AbortSignal,
  ) {
    this.#inputs = new Set(images.map(({ name }) => resolve(name)));
  }

  async fit(image: CliImage, name: string): Promise<Outcome[]> {
    try {
      if (this.flags.face === 'all') return await this.#fitEach(image, name);
      const start = performance.now();
      const face = await this.hrn.fit(image.source, {
        ...fitOptions(this.flags),
        ...this.#hooks(),
        face: this.flags.face,
      });
      await this.#write(face, { image: image.name }, name, start);
      return ['done'];
    } catch (error) {
      this.signal.throwIfAborted();
      this.#fail({ image: image.name }, error);
      return ['failed'];
    }
  }

  /** All images as photos of one person, whose files are called after the first. */
  async fitTogether(images: readonly CliImage[], name: string): Promise<Outcome[]> {
    try {
      const start = performance.now();
      const options = { ...fitOptions(this.flags), signal: this.signal };
      const face = await fitOnePerson(this.hrn, images, options, this.reporter);
      const previews = (stem: string) => encodeViewPreviews(face, stem, this.signal);
      await this.#write(face, { image: `${face.views.length} views` }, name, start, previews);
      return ['done'];
    } catch (error) {
      this.signal.throwIfAborted();
      this.#fail({ image: images.map((image) => image.name).join(' ') }, error);
      return ['failed'];
    }
  }

  async #fitEach(image: CliImage, name: string): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    let start = performance.now();
    for await (const outcome of this.hrn.fitEach(image.source, { ...fitOptions(this.flags), ...this.#hooks() })) {
      outcomes.push(await this.#faceOutcome(outcome, image.name, name, start));
      start = performance.now();
    }
    const counted = (which: Outcome) => outcomes.filter((outcome) => outcome === which).length;
    const [failed, small] = [counted('failed'), counted('left out')];
    const rest = [failed ? `${failed} failed` : '', small ? `${small} too small` : ''].filter((part) => part !== '');
    const faces = outcomes.length === 1 ? 'face' : 'faces';
    const told = rest.length > 0 ? ` (${rest.join(', ')})` : '';
    this.reporter.done(`${image.name}: ${counted('done')} of ${outcomes.length} ${faces} fitted${told}`);
    return outcomes;
  }

  async #faceOutcome(outcome: FaceOutcome, image: string, name: string, start: number): Promise<Outcome> {
    const { index, face, error } = outcome;
    const subject = { image, face: index };
    if (face) {
      await this.#write(face, subject, `${name}_${index}`, start);
      return 'done';
    }
    this.#fail(subject, error);
    return error.code === 'FACE_TOO_SMALL' ? 'left out' : 'failed';
  }

  #fail(subject: Subject, error: unknown): void {
    this.reporter.record({ ...subject, error: failureRecord(error) });
    this.reporter.fail(failureLine(subjectText(subject), error));
  }

  /** @param morePreviews besides the head's own */
  async #write(
    face: Reconstruction,
    subject: Subject,
    name: string,
    start: number,
    morePreviews?: (stem: string) => Promise<OutputFile[]>,
  ): Promise<void> {
    const toStdout = this.flags.out === STDOUT;
    const stem = toStdout ? name : join(this.flags.out, name);
    const files = await encodeOutputs(face, stem, this.flags, this.signal);
    if (morePreviews && this.flags.preview) files.push(...(await morePreviews(stem)));
    const clash = files.find(({ path }) => this.#inputs.has(resolve(path)));
    if (clash) {
      throw new HrnError(
        'OUTPUT_NOT_WRITABLE',
        `${clash.path} is one of the input images: choose another folder with --out.`,
      );
    }
    if (toStdout) await writeToStdout(files[0]!.bytes);
    else await writeFilesAtomically(files, this.signal);
    this.written.push(...files.map(({ path }) => path));
    const seconds = (performance.now() - start) / 1000;
    this.reporter.record({ ...subject, seconds, files: files.map(({ path }) => path), result: face });
    this.reporter.done(`${subjectText(subject)}: ${describe(face, seconds, files)}`);
    if (face.warnings.length > 0) this.reporter.warn(warningLine(subjectText(subject), face.warnings));
  }

  #hooks(): Pick<FitOptions, 'signal' | 'onProgress'> {
    return { signal: this.signal, onProgress: ({ stage, fraction }) => this.reporter.progress(stage, fraction) };
  }
}

/** What a line is about: an image, or one of its faces. */
interface Subject {
  image: string;
  face?: number;
}

const subjectText = ({ image, face }: Subject): string => (face === undefined ? image : `${image} face ${face}`);

/** In place of a folder. */
const STDOUT = '-';

function writeToStdout(bytes: Uint8Array): Promise<void> {
  return new Promise((done) => process.stdout.write(bytes, () => done()));
}

/** Options of every fit. */
function fitOptions(flags: FitFlags): Omit<FitOptions, 'face' | 'onProgress'> {
  return {
    detail: flags.detail as FitOptions['detail'],
    displacementSize: flags.displacementSize,
    highTriangles: flags.highTriangles,
    focalLengthPx: flags.focalLength,
    regressor: flags.regressor,
    textureSize: flags.textureSize,
    texture: flags.texture as FitOptions['texture'],
    hair: flags.hair,
    minFacePx: flags.minFacePx,
    maxPixels: flags.maxPixels,
    maxSide: flags.maxSide,
  };
}

/** What no fit has to begin for. Throws HrnError INVALID_OPTION. */
function checkFlags(flags: FitFlags, images: readonly CliImage[]): void {
  const { targets } = exportOptions(flags);
  // An imported model's expressions are not known yet: the exporter tells of those.
  if (flags.model === undefined && flags.models === undefined) chosenTargets(targets, EXPRESSION_NAMES);
  resolveFitOptions(fitOptions(flags));
  if (flags.displacementMap && flags.detail !== 'high')
    throw new HrnError('INVALID_OPTION', 'expected --detail high with --displacement-map');
  if (flags.out !== STDOUT) return;
  if (flags.resume) throw new HrnError('INVALID_OPTION', 'expected a folder for --out with --resume, got -');
  const one = images.length === 1 && flags.face !== 'all' && flags.format.length === 1 && !flags.format.includes('obj');
  if (!one || flags.json || flags.jsonl) {
    throw new HrnError(
      'INVALID_OPTION',
      'expected one image, one face and one format of one file for --out -, and no JSON',
    );
  }
  flags.preview = false;
}

/** 0: all done; 1: an image gave nothing; 3: some faces of an image are missing. */
function exitCode(outcomes: readonly (readonly Outcome[])[]): number {
  if (outcomes.some((ofImage) => !ofImage.includes('done'))) return 1;
  return outcomes.some((ofImage) => ofImage.includes('failed')) ? 3 : 0;
}

async function fit(args: string[], flags: FitFlags): Promise<void> {
  const reporter = createReporter(flags.quiet ?? false, flags.jsonl ? 'jsonl' : flags.out === STDOUT ? 'file' : 'text');
  await interruptible(async (signal) => {
    try {
      const { inputs, folders } = await expandFolders(args);
      const images = await readImages(inputs);
      checkFlags(flags, images);
      if (flags.out !== STDOUT) await prepareFolder(flags.out);
      const { create } = await import('../hrn.js');
      const hrn = await create({
        device: flags.device as CreateOptions['device'],
        inference: flags.inference as CreateOptions['inference'],
        threads: flags.threads,
        models: flags.models,
        model: flags.model,
        reference: flags.reference,
        method: flags.method as CreateOptions['method'],
      });
      try {
        const fits = new ImageFits(hrn, images, flags, reporter, signal);
        const resume = flags.resume ?? false;
        const noted = (folders > 0 && flags.out !== STDOUT) || resume;
        const journal = noted ? await FitJournal.open(flags.out, flags) : undefined;
        process.exitCode = exitCode(
          flags.views
            ? [await fits.fitTogether(images, outputNames(images.map((image) => image.name))[0]!)]
            : await fitInOrder(fits, images, { journal, resume, reporter }),
        );
      } finally {
        await hrn.dispose();
      }
    } catch (error) {
      signal.throwIfAborted();
      process.exitCode = exitCodeOf(error);
      reporter.fail(failureLine(undefined, error));
    } finally {
      reporter.close();
    }
  });
}

export const fitCommand = new Command('fit')
  .description('make a textured 3D head of each photo')
  .argument('<images...>', 'JPEG, PNG, WebP, TIFF, AVIF, HEIC or GIF; folders; a pattern in quotes; - for stdin')
  .requiredOption('-o, --out <dir>', 'folder for the results; made if missing; - for stdout')
  .option('--format <list>', 'formats to write: glb, obj, usdz, ply, stl, separated by commas', parseFormats, ['glb'])
  .option('--detail <level>', 'coarse, medium or high (default: medium)')
  .option('--displacement-size <px>', 'side of the displacement map at --detail high (default: 1024)', parseNumber)
  .option('--displacement-map', 'at --detail high also write NAME_displacement.png, 16 bits; its scale is in the JSON')
  .option('--high-triangles <n>', 'of the mesh at --detail high, about (default: 150000)', parseNumber)
  .option('--device <name>', 'auto, cpu, cuda or cuda:N (default: auto)')
  .option('--inference <name>', 'what runs the networks: cpu or cuda (default: cpu)')
  .option('--face <which>', 'largest, all, or the number that hrn detect gives it', parseFace, 'largest')
  .option('--views', 'the images are photos of one person: one head of all of them, named after the first')
  .option('--texture-size <px>', 'side of the square texture (default: 2048)', parseNumber)
  .option('--targets <list>', 'morph targets of a GLB: arkit, none, or names separated by commas', parseTargets)
  .option('--no-skeleton', 'leave the nodes for neck, skull, jaw and eyes out of a GLB')
  .option('--no-eye-parts', 'leave corneas, lashes and wet lines out of a GLB')
  .option(
    '--lod <n>',
    'level of detail of the files: 0 (default), 1 or 2, which has a tenth of the triangles',
    parseNumber,
  )
  .option('--compress <how>', 'compression of a GLB: none (default) or meshopt')
  .option('--texture <kind>', 'photo (default), albedo: without light, or both: also NAME_albedo.png')
  .option('--hair', 'also a simple volume of hair, where the photo shows hair')
  .option('--texture-format <name>', 'image format in a GLB: jpeg (default), png or webp')
  .option('--min-face-px <px>', 'refuse faces smaller than this (default: 45)', parseNumber)
  .option('--max-pixels <n>', 'refuse images of more pixels (default: 50000000)', parseNumber)
  .option('--max-side <px>', 'refuse images with a longer side (default: 16384)', parseNumber)
  .option('--focal-length <px>', 'focal length in pixels, if known; else from EXIF or estimated', parseNumber)
  .option('--threads <n>', 'threads to use (default: all cores)', parseNumber)
  .option('--models <dir>', 'folder with the models (default: the embedded ones)')
  .option('--model <file>', 'a head model that `hrn models import` wrote, in place of the embedded one')
  .option('--reference <dir>', "HRN's own files: fit by its own method with them")
  .option('--method <name>', 'with --reference: hrn (default) or inference+fitting')
  .option('--json', 'also write NAME.json with coefficients, pose, camera and quality')
  .option('--jsonl', 'print a line of JSON for each face in place of text')
  .option('--no-regressor', 'fit without the coefficient network')
  .option('--turntable', 'also write NAME_turntable.webp, the head turning once')
  .option('--expressions', 'also write NAME_expressions.png: neutral, smile, eyes shut, mouth open')
  .option('--no-preview', 'do not write NAME_preview.png')
  .option('--resume', 'leave out what an earlier run into the same folder has done')
  .option('-q, --quiet', 'print failures only')
  .addHelpText('after', EXAMPLES)
  .action(fit);
