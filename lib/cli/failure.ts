import { HrnError } from '../errors.js';
import type { FaceWarning } from '../warnings.js';

/** A failure as one line: what it is about, the code to look up, what happened and what to do. */
export function failureLine(subject: string | undefined, error: unknown): string {
  const { code, message } = failureRecord(error);
  return ['hrn', subject, code, message.replace(/\s*\n\s*/g, ' ')].filter((part) => part !== undefined).join(': ');
}

/** For lines of JSON. */
export function failureRecord(error: unknown): { code: string; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  return { code: error instanceof HrnError ? error.code : 'INTERNAL', message };
}

/** 2, as for any wrong command line, where a value of an option is refused; else 1. */
export function exitCodeOf(error: unknown): 1 | 2 {
  return error instanceof HrnError && error.code === 'INVALID_OPTION' ? 2 : 1;
}

/** The warnings of one head as one line. */
export function warningLine(subject: string, warnings: readonly FaceWarning[]): string {
  return `hrn: ${subject}: warning: ${warnings.map(({ code, message }) => `${code}: ${message}`).join('; ')}`;
}
