import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { resolveCreateOptions, resolveDetectOptions, resolveFitOptions } from '../lib/options.js';

describe('options', () => {
  it('have defaults, also for an explicit undefined', () => {
    const defaults = {
      maxPixels: 50_000_000,
      maxSide: 16_384,
      signal: undefined,
      detail: 'medium',
      displacementSize: 1024,
      highTriangles: 150_000,
      face: 'largest',
      focalLengthPx: undefined,
      regressor: true,
      texture: 'photo',
      hair: false,
      textureSize: 2048,
      minFacePx: undefined,
      device: undefined,
      onProgress: undefined,
    };
    expect(resolveFitOptions()).toEqual(defaults);
    expect(resolveFitOptions(undefined)).toEqual(defaults);
    const explicit = Object.fromEntries(Object.keys(defaults).map((name) => [name, undefined]));
    expect(resolveFitOptions(explicit)).toEqual(defaults);
    expect(resolveDetectOptions({})).toEqual({
      maxPixels: 50_000_000,
      maxSide: 16_384,
      minFacePx: undefined,
      signal: undefined,
    });
    expect(resolveCreateOptions({ device: undefined, threads: undefined })).toEqual({
      device: 'auto',
      inference: 'cpu',
      threads: 0,
      model: undefined,
      regressor: undefined,
      reference: undefined,
      method: 'hrn',
      models: undefined,
    });
  });

  it('keep what is given', () => {
    const { signal } = new AbortController();
    const onProgress = () => {};
    const given = {
      detail: 'high',
      displacementSize: 512,
      highTriangles: 50_000,
      face: 2,
      focalLengthPx: 900.5,
      regressor: false,
      textureSize: 1000,
      minFacePx: 40,
      signal,
      onProgress,
    } as const;
    expect(resolveFitOptions(given)).toMatchObject(given);
    expect(resolveCreateOptions({ models: pathToFileURL('/models') }).models).toBe('/models');
    for (const device of ['auto', 'cpu', 'cuda', 'cuda:12'] as const) {
      expect(resolveCreateOptions({ device, threads: 3 })).toMatchObject({ device, threads: 3 });
      expect(resolveFitOptions({ device }).device).toBe(device);
    }
  });

  it.each([
    [{ detail: 'fine' }, "expected 'coarse', 'medium' or 'high' for option detail, got 'fine'"],
    [{ displacementSize: 8192 }, 'expected a whole number from 512 to 4096 for option displacementSize, got 8192'],
    [{ highTriangles: 1 }, 'option highTriangles'],
    [{ face: -1 }, "expected 'largest' or an index from 0 for option face, got -1"],
    [{ face: 'all' }, "got 'all'"],
    [{ face: 1.5 }, 'got 1.5'],
    [{ focalLengthPx: Number.NaN }, 'expected a number from 1 to 1000000 for option focalLengthPx, got NaN'],
    [{ focalLengthPx: null }, 'got null'],
    [{ regressor: 'off' }, "expected true or false for option regressor, got 'off'"],
    [{ textureSize: 255 }, 'expected a whole number from 256 to 8192 for option textureSize, got 255'],
    [{ textureSize: '2048' }, "got '2048'"],
    [{ textureSize: 1e12 }, 'got 1000000000000'],
    [{ minFacePx: Number.POSITIVE_INFINITY }, 'got Infinity'],
    [{ maxPixels: 0 }, 'option maxPixels'],
    [{ maxSide: -1 }, 'option maxSide'],
    [{ device: 'gpu' }, "expected 'auto', 'cpu', 'cuda' or 'cuda:N' for option device, got 'gpu'"],
    [{ signal: {} }, 'expected an AbortSignal for option signal, got an object of class Object'],
    [{ onProgress: 1 }, 'expected a function for option onProgress, got 1'],
    [{ textursize: 512 }, 'there is no option textursize; the options are maxPixels'],
    [null, 'expected an object of options, got null'],
    ['medium', "got 'medium'"],
    [[], 'got an array'],
  ])('%j: INVALID_OPTION', (options, message) => {
    const attempt = () => resolveFitOptions(options as never);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ name: 'HrnError', code: 'INVALID_OPTION' }));
  });

  it.each([
    [{ device: 'gpu' }, 'INVALID_OPTION'],
    [{ device: 'cuda:x' }, 'INVALID_OPTION'],
    [{ threads: 0 }, 'INVALID_OPTION'],
    [{ threads: 257 }, 'INVALID_OPTION'],
    [{ models: '' }, 'INVALID_OPTION'],
    [{ models: new URL('https://example.org/') }, 'INVALID_OPTION'],
    [{ model: 7 }, 'INVALID_OPTION'],
    [{ model: {} }, 'INVALID_OPTION'],
    [{ regressor: false }, 'INVALID_OPTION'],
    [{ regressor: { onnx: 5 } }, 'INVALID_OPTION'],
    [{ regressor: { onnx: 'a.onnx', input: 'depth' } }, 'INVALID_OPTION'],
    [{ regressor: { onnx: 'a.onnx', cropPx: 5 } }, 'INVALID_OPTION'],
    [{ regressor: { onnx: 'a.onnx', crop: 5 } }, 'INVALID_OPTION'],
    [{ inference: 'gpu' }, 'INVALID_OPTION'],
    [{ device: 'cuda:-1' }, 'INVALID_OPTION'],
    [{ device: 'cuda:1000' }, 'INVALID_OPTION'],
  ])('create %j: %s', (options, code) => {
    expect(() => resolveCreateOptions(options as never)).toThrow(expect.objectContaining({ code }));
  });
});
