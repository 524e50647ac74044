import { access, constants, mkdir } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { type OutputFile, outputError, writeFilesAtomically } from '../atomic-write.js';
import { HrnError } from '../errors.js';
import { exporterFor } from '../exporters/index.js';
import { type ExportOptions, resolveExportOptions } from '../exporters/options.js';
import type { Hrn } from '../hrn.js';
import type { CreateOptions, FitOptions } from '../options.js';
import type { Reconstruction } from '../result.js';
import { parseFace, parseFormats, parseNumber, parseTargets } from './arguments.js';
import { failureLine } from './failure.js';
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

Files, per image NAME: NAME.glb, NAME.obj with NAME.mtl and NAME_texture.png, NAME.usdz,
NAME.ply, NAME.stl, NAME.json, NAME_preview.png.
With --face all NAME is followed by the number of the face, largest first; where two images have the same name, the
second becomes NAME-2. Exit code: 0 if every image succeeded, 1 if one failed, 2 for a wrong command line.`;

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

function describe(faces: readonly Reconstruction[], seconds: number, files: readonly OutputFile[]): string {
  const error = Math.max(...faces.map((face) => face.quality.landmarkErrorPercent));
  const paths = files.map(({ path }) => relative('.', path) || path);
  const count = faces.length === 1 ? '' : `${faces.length} faces, `;
  return `${count}landmark error ${error.toFixed(2)} %, ${seconds.toFixed(1)} s -> ${paths.join(', ')}`;
}

/** Fits the images one after the other and reports each; tells whether all succeeded. */
async function fitImages(
  hrn: Hrn,
  images: readonly string[],
  flags: FitFlags,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<boolean> {
  const names = outputNames(images);
  const inputs = new Set(images.map((image) => resolve(image)));
  let allSucceeded = true;
  for (const [i, image] of images.entries()) {
    const start = performance.now();
    reporter.begin(basename(image), `${i + 1}/${images.length}`);
    try {
      const options: FitOptions = {
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
      const all = flags.face === 'all';
      const faces = all
        ? await hrn.fitAll(image, options)
        : [await hrn.fit(image, { ...options, face: flags.face as 'largest' | number })];
      const files: OutputFile[] = [];
      for (const [index, face] of faces.entries()) {
        const stem = join(flags.out, all ? `${names[i]}_${index}` : (names[i] as string));
        files.push(...(await encodeOutputs(face, stem, flags, signal)));
      }
      const clash = files.find(({ path }) => inputs.has(resolve(path)));
      if (clash) {
        throw new HrnError(
          'OUTPUT_NOT_WRITABLE',
          `${clash.path} is one of the input images: choose another folder with --out.`,
        );
      }
      await writeFilesAtomically(files, signal);
      reporter.done(`${image}: ${describe(faces, (performance.now() - start) / 1000, files)}`);
    } catch (error) {
      signal.throwIfAborted();
      allSucceeded = false;
      reporter.fail(failureLine(image, error));
    }
  }
  return allSucceeded;
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
        threads: flags.threads,
        models: flags.models,
      });
      try {
        if (!(await fitImages(hrn, images, flags, reporter, signal))) process.exitCode = 1;
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
  .argument('<images...>', 'JPEG, PNG, WebP, TIFF, AVIF or GIF files')
  .requiredOption('--out <dir>', 'folder for the results; made if missing')
  .option('--format <list>', 'formats to write: glb, obj, usdz, ply, stl, separated by commas', parseFormats, ['glb'])
  .option('--detail <level>', 'coarse or medium (default: medium)')
  .option('--device <name>', 'auto, cpu, cuda or cuda:N (default: auto)')
  .option('--inference <name>', 'what runs the networks: cpu or cuda (default: cpu)')
  .option('--face <which>', 'largest, all, or a number counted from the largest, 0', parseFace, 'largest')
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
  .option('--json', 'also write NAME.json with coefficients, pose, camera and quality')
  .option('--no-regressor', 'fit without the coefficient network')
  .option('--no-preview', 'do not write NAME_preview.png')
  .option('--quiet', 'print failures only')
  .addHelpText('after', EXAMPLES)
  .action(fit);
