import { HrnError } from '../errors.js';
import type { FaceWarning } from '../warnings.js';

/** A failure as one line: what it is about, the code to look up, what happened and what to do. */
export function failureLine(subject: string | undefined, error: unknown): string {
  const code = error instanceof HrnError ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  return ['hrn', subject, code, message.replace(/\s*\n\s*/g, ' ')].filter((part) => part !== undefined).join(': ');
}

/** The warnings of one head as one line. */
export function warningLine(subject: string, warnings: readonly FaceWarning[]): string {
  return `hrn: ${subject}: warning: ${warnings.map(({ code, message }) => `${code}: ${message}`).join('; ')}`;
}
