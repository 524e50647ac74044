import { HrnError } from '../index.js';
import { OUTPUTS, type Output, type TaskOptions } from './task.js';

/** The options that may come as JSON, and what each is; ranges are the fit's to check. */
const TYPES: Readonly<Record<keyof TaskOptions, 'string' | 'number' | 'boolean' | 'face'>> = {
  detail: 'string',
  face: 'face',
  focalLengthPx: 'number',
  regressor: 'boolean',
  textureSize: 'number',
  minFacePx: 'number',
  maxPixels: 'number',
  maxSide: 'number',
};

/** What is made where nothing is asked for. */
export const DEFAULT_OUTPUTS: readonly Output[] = ['glb', 'json', 'preview'];

/**
 * Options of a fit out of an object that somebody else wrote.
 *
 * @throws HrnError INVALID_OPTION for an unknown name or a wrong type
 */
export function taskOptionsOf(given: Readonly<Record<string, unknown>>): TaskOptions {
  for (const [name, value] of Object.entries(given)) {
    const type = Object.hasOwn(TYPES, name) ? TYPES[name as keyof TaskOptions] : undefined;
    if (type === undefined) {
      throw invalid(`there is no option ${name}; the options are ${Object.keys(TYPES).join(', ')}`, name);
    }
    const right = type === 'face' ? value === 'largest' || Number.isInteger(value) : typeof value === type;
    if (!right) throw invalid(`expected a ${type} for option ${name}, got ${JSON.stringify(value)}`, name);
  }
  return given as TaskOptions;
}

/** Throws HrnError INVALID_OPTION. */
export function outputsOf(given: readonly unknown[]): Output[] {
  const wrong = given.find((one) => !OUTPUTS.includes(one as Output));
  if (wrong === undefined && given.length > 0) return [...new Set(given as Output[])];
  throw invalid(`expected some of ${OUTPUTS.join(', ')} for option outputs, got ${String(wrong ?? 'none')}`, 'outputs');
}

function invalid(message: string, option: string): HrnError {
  return new HrnError('INVALID_OPTION', message, { details: { option } });
}
