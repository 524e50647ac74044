import { InvalidArgumentError } from 'commander';
import { FORMATS } from '../exporters/index.js';

/** A number from the command line; its range is the library's to check. */
export function parseNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** `largest`, `all` or the index of a face, 0 being the largest. */
export function parseFace(text: string): 'largest' | 'all' | number {
  if (text === 'largest' || text === 'all') return text;
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected largest, all or a number from 0.');
}

/** A list like `glb,obj`, without repeats. */
export function parseFormats(text: string): string[] {
  const formats = [...new Set(text.split(',').map((format) => format.trim().toLowerCase()))];
  const unknown = formats.filter((format) => !FORMATS.includes(format));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`Expected one or more of ${FORMATS.join(', ')}, separated by commas.`);
  }
  return formats;
}

/** `arkit`, `none`, or names of expressions like `jawOpen,eyeBlinkLeft`; whether they exist is the exporter's to say. */
export function parseTargets(text: string): 'arkit' | 'none' | string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('Expected arkit, none, or names separated by commas.');
  return text === 'arkit' || text === 'none' ? text : names;
}

/** Words separated by commas, in lower case. */
export function parseList(text: string): string[] {
  const words = text
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '');
  if (words.length === 0) throw new InvalidArgumentError('Expected words separated by commas.');
  return words;
}
