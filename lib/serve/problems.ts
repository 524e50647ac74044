import { HrnError } from '../index.js';

/** Codes that only the service answers with, and their HTTP status; docs/serve.md lists them. */
export const SERVICE_CODES = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  NOT_READY: 409,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  QUEUE_FULL: 429,
  INTERNAL: 500,
  SHUTTING_DOWN: 503,
  DISK_FULL: 507,
} as const;
export type ServiceCode = keyof typeof SERVICE_CODES;

/** Status of a fit's own errors, where a client waits for it. */
const FIT_STATUS: Readonly<Record<string, number>> = {
  IMAGE_EMPTY: 422,
  NOT_AN_IMAGE: 415,
  IMAGE_TRUNCATED: 422,
  IMAGE_TOO_LARGE: 413,
  IMAGE_TOO_SMALL: 422,
  INVALID_IMAGE: 422,
  NO_FACE: 422,
  FACE_INDEX: 422,
  FACE_TOO_SMALL: 422,
  FACE_NOT_VISIBLE: 422,
  FIT_FAILED: 422,
  INVALID_OPTION: 400,
  DISK_FULL: 507,
  FIT_TIMEOUT: 504,
  CANCELLED: 410,
  SERVICE_UNAVAILABLE: 502,
};

/** What a request is refused with. */
export class Problem extends Error {
  readonly code: ServiceCode;
  readonly retryAfterS: number | undefined;

  constructor(code: ServiceCode, message: string, retryAfterS?: number) {
    super(message);
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

export interface ErrorBody {
  error: { code: string; message: string };
}

export function statusOfFitError(code: string): number {
  return FIT_STATUS[code] ?? 500;
}

const DISK_FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Status and body for anything that a handler threw. Messages of defects stay in the log: they may name paths. */
export function answerOf(error: unknown): { status: number; body: ErrorBody; retryAfterS?: number | undefined } {
  const answer = (status: number, code: string, message: string) => ({ status, body: { error: { code, message } } });
  if (error instanceof Problem) {
    return { ...answer(SERVICE_CODES[error.code], error.code, error.message), retryAfterS: error.retryAfterS };
  }
  if (error instanceof HrnError) return answer(statusOfFitError(error.code), error.code, error.message);
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message: string };
  if (DISK_FULL.has(code ?? '')) return answer(507, 'DISK_FULL', 'the disk of the service is full; try again later');
  if (code === 'ECONNRESET') return answer(400, 'BAD_REQUEST', 'the request broke off');
  // What fastify and its plugins refuse before a handler sees it.
  if (statusCode === 413) return answer(413, 'BODY_TOO_LARGE', message);
  if (statusCode === 415) return answer(415, 'UNSUPPORTED_MEDIA_TYPE', message);
  if (statusCode === 404) return answer(404, 'NOT_FOUND', message);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return answer(statusCode, 'BAD_REQUEST', message);
  }
  return answer(500, 'INTERNAL', 'the service failed; its log says why');
}
