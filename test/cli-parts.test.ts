import { describe, expect, it } from 'vitest';
import { parseFace, parseFormats, parseNumber } from '../lib/cli/arguments.js';
import { failureLine } from '../lib/cli/failure.js';
import { outputNames } from '../lib/cli/output-names.js';
import { HrnError } from '../lib/errors.js';

describe('outputNames', () => {
  it.each([
    [
      ['photos/a.jpg', 'b.tar.png', '.hidden', 'noext'],
      ['a', 'b.tar', '.hidden', 'noext'],
    ],
    [
      ['x/a.jpg', 'y/a.png', 'z/A.webp'],
      ['a', 'a-2', 'A-3'],
    ],
    [
      ['x/a.jpg', 'y/a.jpg', 'a-2.jpg'],
      ['a', 'a-3', 'a-2'],
    ],
    [
      ['a-2.jpg', 'a-2.png', 'a.png', 'a.jpg'],
      ['a-2', 'a-2-2', 'a', 'a-3'],
    ],
  ])('%j become %j', (inputs, names) => {
    expect(outputNames(inputs)).toEqual(names);
  });

  it('never gives a name twice', () => {
    const inputs = Array.from({ length: 200 }, (_, i) => `${i}/${['a', 'A', 'a-2', 'a-3', 'b'][i % 5]}.png`);
    const names = outputNames(inputs).map((name) => name.toLowerCase());
    expect(new Set(names).size).toBe(inputs.length);
  });
});

describe('arguments', () => {
  it('reads faces, formats and numbers', () => {
    expect(['largest', 'all', '3'].map(parseFace)).toEqual(['largest', 'all', 3]);
    expect(parseFormats('glb, OBJ,glb')).toEqual(['glb', 'obj']);
    expect(['1', '2.5', '-3', '1e3'].map(parseNumber)).toEqual([1, 2.5, -3, 1000]);
  });

  it.each([
    () => parseFace('-1'),
    () => parseFace('biggest'),
    () => parseFormats('glb,fbx'),
    () => parseFormats(''),
    () => parseNumber(''),
    () => parseNumber('many'),
    () => parseNumber('Infinity'),
  ])('refuses what it does not understand: %s', (parse) => {
    expect(parse).toThrow(/^Expected /);
  });
});

describe('failureLine', () => {
  it('is one line with the code', () => {
    const error = new HrnError('NO_FACE', 'no face was found;\n  use another photo');
    expect(failureLine('a.png', error)).toBe('hrn: a.png: NO_FACE: no face was found; use another photo');
    expect(failureLine(undefined, new TypeError('x'))).toBe('hrn: INTERNAL: x');
  });
});
