import { HrnError } from '../index.js';

/** Reads the numbers of an options object: the default where nothing is given, INVALID_OPTION where it is out of range. */
export function numbersOf<Options extends object>(options: Options) {
  const read = (name: keyof Options & string, min: number, max: number, byDefault: number, whole: boolean): number => {
    const value: unknown = options[name] ?? byDefault;
    const right = typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value));
    if (right) return value;
    const what = whole ? 'a whole number' : 'a number';
    throw new HrnError('INVALID_OPTION', `expected ${what} from ${min} to ${max} for option ${name}, got ${value}`, {
      details: { option: name },
    });
  };
  return {
    whole: (name: keyof Options & string, min: number, max: number, byDefault: number) =>
      read(name, min, max, byDefault, true),
    number: (name: keyof Options & string, min: number, max: number, byDefault: number) =>
      read(name, min, max, byDefault, false),
  };
}
