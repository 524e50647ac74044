/** Every code an HrnError can carry. docs/errors.md has the same table for readers; a test compares the two. */
export const HRN_ERROR_CODES = [
  'FILE_NOT_FOUND',
  'IS_DIRECTORY',
  'FILE_UNREADABLE',
  'NOT_AN_IMAGE',
  'IMAGE_EMPTY',
  'IMAGE_TRUNCATED',
  'IMAGE_TOO_LARGE',
  'IMAGE_TOO_SMALL',
  'INVALID_IMAGE',
  'NO_FACE',
  'FACE_INDEX',
  'FACE_TOO_SMALL',
  'FACE_NOT_VISIBLE',
  'FIT_FAILED',
  'INVALID_OPTION',
  'DEVICE_UNAVAILABLE',
  'MODEL_MISSING',
  'MODEL_CORRUPT',
  'OUTPUT_NOT_WRITABLE',
  'DISK_FULL',
  'UNSUPPORTED_FORMAT',
  'NATIVE_UNAVAILABLE',
  'DISPOSED',
  'CANCELLED',
  'INVALID_ARGUMENT',
  'OUT_OF_MEMORY',
  'INTERNAL',
] as const;

export type HrnErrorCode = (typeof HRN_ERROR_CODES)[number];

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
