import { describe, expect, it } from 'vitest';
import { NATIVE_EXPORTS } from '../lib/native/binding.js';
import { native } from '../lib/native/load.js';

describe('the addon', () => {
  it('exports exactly what lib/native/binding.ts lists', () => {
    expect(Object.keys(native()).sort()).toEqual([...NATIVE_EXPORTS].sort());
    for (const name of NATIVE_EXPORTS) expect(native()[name], name).toBeTypeOf('function');
  });

  it('has the CPU backend, and before it the CUDA backend where nvcc was found', async () => {
    const { runtimeVersion } = await native().probeCuda().promise;
    expect(native().backends()).toEqual(runtimeVersion > 0 ? ['cuda', 'cpu'] : ['cpu']);
  });
});

describe('Context', () => {
  it('has the threads asked for, and none after dispose', () => {
    const context = new (native().Context)({ threads: 3 });
    expect(context.threads).toBe(3);
    context.dispose();
    context.dispose();
    expect(context.threads).toBe(0);
  });

  it.each([
    [undefined],
    [null],
    [{}],
    [{ threads: '2' }],
    [{ threads: 1.5 }],
    [{ threads: -1 }],
    [{ threads: Number.NaN }],
    [{ threads: 1e9 }],
    [{ threads: 1, cudaDevice: -1 }],
    [{ threads: 1, cudaDevice: 'cuda:0' }],
    [() => 1],
  ])('refuses %j', (options) => {
    expect(() => new (native().Context)(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  it('is not confused by a foreign object', () => {
    const { Context } = native();
    const context = new Context({ threads: 1 });
    expect(() => Context.prototype.dispose.call({} as never)).toThrow(TypeError);
    expect(() => Context.prototype.dispose.call(new Map() as never)).toThrow(TypeError);
    for (const forged of [{}, Object.create(context), new Proxy(context, {}), new (native().Session)()]) {
      expect(() => native().cropImage(forged as never, undefined as never, undefined as never)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    }
    context.dispose();
    expect(() => native().cropImage(context, undefined as never, undefined as never)).toThrow(
      expect.objectContaining({ code: 'DISPOSED' }),
    );
  });
});
