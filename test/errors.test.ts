import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { HrnError } from '../lib/errors.js';
import { native } from '../lib/native/load.js';
import { WARNING_CODES } from '../lib/warnings.js';

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8');
const union = async () => [...(await read('lib/errors.ts')).matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map((match) => match[1]);

describe('error codes', () => {
  it('each have a doc comment', async () => {
    const source = await read('lib/errors.ts');
    for (const code of await union()) expect(source).toMatch(new RegExp(`\\*/\\n {2}\\| '${code}'`));
  });

  it('are the codes of docs/errors.md, in that order', async () => {
    const documented = [...(await read('docs/errors.md')).matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);
    expect(documented).toEqual(await union());
  });

  it('contain those of native code', async () => {
    const codes = await union();
    for (const code of native().errorCodes()) expect(codes).toContain(code);
  });
});

describe('warning codes', () => {
  it('are those of docs/errors.md, in that order', async () => {
    const documented = [...(await read('docs/errors.md')).matchAll(/^\| warning `([A-Z_]+)` \|/gm)];
    expect(documented.map((match) => match[1])).toEqual([...WARNING_CODES]);
  });
});

describe('HrnError', () => {
  it('carries code, details and cause', () => {
    const cause = new Error('why');
    const error = new HrnError('NO_FACE', 'no face', { details: { faces: 0 }, cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'HrnError',
      code: 'NO_FACE',
      message: 'no face',
      details: { faces: 0 },
      cause,
    });
    expect('cause' in new HrnError('NO_FACE', 'no face')).toBe(false);
  });

  it('is what native code throws, with the stack of the caller', () => {
    function theCaller() {
      return new (native().Context)({ threads: 0 });
    }
    expect(theCaller).toThrow(HrnError);
    try {
      theCaller();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: 'expected a whole number from 1 to 256 for threads, got 0',
        stack: expect.stringContaining('theCaller'),
      });
    }
  });
});
