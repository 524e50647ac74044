/**
 * Every code an HrnError can carry.
 *
 * docs/errors.md is the same list with advice; a test keeps the two in step.
 */
export type HrnErrorCode =
  /** There is no file at the given path. */
  | 'FILE_NOT_FOUND'
  /** The path names a directory where an image file was expected. */
  | 'IS_DIRECTORY'
  /** The file exists but cannot be read: permissions, an I/O error, or a pipe or device instead of a file. */
  | 'FILE_UNREADABLE'
  /** The file or buffer holds zero bytes. */
  | 'IMAGE_EMPTY'
  /** The bytes are not an image in a format that hrn reads. */
  | 'NOT_AN_IMAGE'
  /** The image is cut off or damaged. */
  | 'IMAGE_TRUNCATED'
  /** More pixels, a longer side or more bytes than allowed; found from the header, before decoding. */
  | 'IMAGE_TOO_LARGE'
  /** Too few pixels to hold a face. */
  | 'IMAGE_TOO_SMALL'
  /** An image argument of the wrong type, or raw pixels of the wrong shape or range. */
  | 'INVALID_IMAGE'
  /** No face was found. */
  | 'NO_FACE'
  /** The option `face` asks for a face beyond those found. */
  | 'FACE_INDEX'
  /** The face is smaller than `minFacePx`. */
  | 'FACE_TOO_SMALL'
  /** The landmark network does not see a whole face: profile view, or covered. */
  | 'FACE_NOT_VISIBLE'
  /** Fewer than two of several photos show the face of one person. */
  | 'TOO_FEW_VIEWS'
  /** Photos that were to show one person do not go together. */
  | 'VIEWS_DISAGREE'
  /** The fit did not reach a plausible head. */
  | 'FIT_FAILED'
  /** An option, or a command-line argument, has a wrong type, value or name. */
  | 'INVALID_OPTION'
  /** The asked-for device does not exist here or cannot be used; the message says why. */
  | 'DEVICE_UNAVAILABLE'
  /** The GPU failed in the middle of a job: lost, reset, or its driver reported an error. */
  | 'DEVICE_FAILED'
  /** A video needs the system's ffmpeg, which is not on the PATH or cannot be run. */
  | 'FFMPEG_MISSING'
  /** A video cannot be decoded, or not beyond some frame. */
  | 'VIDEO_UNREADABLE'
  /** A model file is not where it should be. */
  | 'MODEL_MISSING'
  /** A model file's hash or content is wrong. */
  | 'MODEL_CORRUPT'
  /** A file of somebody else's model is of another kind than asked for, or lacks a part. */
  | 'MODEL_FORMAT'
  /** A pickle asks for something besides arrays, which would be code to run. */
  | 'MODEL_UNSAFE'
  /** A model file, or something in it, is larger than any model. */
  | 'MODEL_TOO_LARGE'
  /** An imported head could not be laid over the embedded one. */
  | 'REGISTRATION_FAILED'
  /** An output file or folder cannot be written: it does not exist, is in the way, or permissions. */
  | 'OUTPUT_NOT_WRITABLE'
  /** The disk, or the quota, is full. */
  | 'DISK_FULL'
  /** No exporter writes this file name extension. */
  | 'UNSUPPORTED_FORMAT'
  /** The native addon or ONNX Runtime cannot be loaded. */
  | 'NATIVE_UNAVAILABLE'
  /** Used after dispose(). */
  | 'DISPOSED'
  /** A native job was stopped without an abort signal, because its worker or process is going away. */
  | 'CANCELLED'
  /** A native entry point was given something it does not take, for instance an inconsistent custom model. */
  | 'INVALID_ARGUMENT'
  /** Memory ran out. */
  | 'OUT_OF_MEMORY'
  /** A process that fits ended in the middle of a job; it was replaced. */
  | 'WORKER_DIED'
  /** A fit took longer than it was given. */
  | 'FIT_TIMEOUT'
  /** A package that only this command or function needs is not installed; the message names it. */
  | 'DEPENDENCY_MISSING'
  /** A service that was named cannot be reached or used: an address to listen at, Redis, S3, a web address. */
  | 'SERVICE_UNAVAILABLE'
  /** A defect of hrn. */
  | 'INTERNAL';

export interface HrnErrorOptions {
  /** Facts behind the message, for programs. */
  details?: Readonly<Record<string, unknown>> | undefined;
  cause?: unknown;
}

/** What hrn throws. The message says what was expected, what was got and what to do; programs switch on `code`. */
export class HrnError extends Error {
  override readonly name = 'HrnError';
  readonly code: HrnErrorCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: HrnErrorCode, message: string, options: HrnErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.details = options.details;
  }
}
