/** Heads into files, streams and bytes: what `face.write` and `face.encode` do. */
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { outputError, writeFilesAtomically } from './atomic-write.js';
import { HrnError } from './errors.js';
import { exporterFor } from './exporters/index.js';
import { atLevel } from './exporters/level.js';
import { type ExportOptions, exportOptionsOf, resolveExportOptions } from './exporters/options.js';
import { invalid } from './options.js';
import type { ReconstructionData } from './result-data.js';

/** Where `face.write` writes to: a path, a file: URL or a stream, which is ended. */
export type OutputTarget = string | URL | NodeWritable | WritableStream<Uint8Array>;

/** A Writable of node:stream, by what it is used for, so that programs without node's types can be compiled. */
export interface NodeWritable {
  write(chunk: Uint8Array): boolean;
  end(): unknown;
  once(event: string, listener: (...args: never[]) => void): unknown;
}

/** What `face.encode` takes besides the format. */
export interface EncodeOptions extends ExportOptions {
  /** The head at this level of detail. Default: the finest of `face.levels`. */
  level?: keyof ReconstructionData['levels'] | undefined;
  /** Aborting rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
}

/** What `face.write` takes besides the place. */
export interface WriteOptions extends EncodeOptions {
  /** The format of what goes to a stream; a path's extension names its own. */
  format?: string | undefined;
}

/** What `face.preview` takes besides the path. */
export interface PreviewOptions {
  /** `fit` (default): what became of the photo; `expressions`: the head neutral, smiling, eyes shut, mouth open. */
  show?: 'fit' | 'expressions' | undefined;
  /** Stops before anything is put in place and rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
}

/**
 * The bytes of a format of one file.
 *
 * @param format its name, with or without a dot
 * @throws HrnError UNSUPPORTED_FORMAT, INVALID_OPTION
 */
export async function encodeHead(
  result: ReconstructionData,
  format: string,
  options: EncodeOptions = {},
): Promise<Uint8Array> {
  if (typeof format !== 'string') throw invalid('the name of a format', 'format', format);
  const resolved = resolveExportOptions(exportOptionsOf(options));
  const path = `head.${format.replace(/^\./, '')}`;
  const exporter = await exporterFor(path);
  options.signal?.throwIfAborted();
  const files = await exporter.encode(atLevel(result, options.level), path, resolved);
  options.signal?.throwIfAborted();
  const [file, ...others] = files;
  if (!file || others.length > 0) {
    throw new HrnError(
      'UNSUPPORTED_FORMAT',
      `expected a format of one file, like glb, but ${format} is ${files.length} files: write it to a path`,
    );
  }
  return file.bytes;
}

/** As Reconstruction.write. */
export async function writeHead(
  result: ReconstructionData,
  target: OutputTarget,
  options: WriteOptions = {},
): Promise<void> {
  const { signal, format } = options;
  if (target instanceof Writable || target instanceof WritableStream) {
    if (format === undefined) throw invalid('the name of a format, since a stream has none', 'format', format);
    const bytes = await encodeHead(result, format, options);
    const sink = target instanceof Writable ? target : Writable.fromWeb(target);
    try {
      await pipeline(Readable.from([bytes], { objectMode: false }), sink, signal ? { signal } : {});
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw outputError(error, 'to the stream');
    }
    return;
  }
  const path = pathOf(target);
  const resolved = resolveExportOptions(exportOptionsOf(options));
  const exporter = await exporterFor(path);
  signal?.throwIfAborted();
  await writeFilesAtomically(await exporter.encode(atLevel(result, options.level), path, resolved), signal);
}

/** The PNG of Reconstruction.preview. Throws HrnError INVALID_OPTION. */
export async function drawPreview(
  result: ReconstructionData,
  { show = 'fit', signal }: PreviewOptions,
): Promise<Uint8Array> {
  if (show === 'fit') return (await import('./preview.js')).renderPreview(result, signal);
  if (show === 'expressions') return (await import('./preview/expressions.js')).renderExpressions(result, signal);
  throw invalid('fit or expressions', 'show', show);
}

/** The path that a string or file: URL names. Throws HrnError INVALID_OPTION. */
export function pathOf(target: unknown): string {
  if (typeof target === 'string') return target;
  if (target instanceof URL && target.protocol === 'file:') return fileURLToPath(target);
  throw invalid('a path, a file: URL or a stream', 'path', target);
}
