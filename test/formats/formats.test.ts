import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HrnError } from '../../lib/errors.js';
import { inFile } from '../../lib/formats/errors.js';
import { Hdf5 } from '../../lib/formats/hdf5.js';
import { parseMatlab } from '../../lib/formats/matlab.js';
import { parseNpy } from '../../lib/formats/npy.js';
import { Npz } from '../../lib/formats/npz.js';
import { unpickleArrays } from '../../lib/formats/numpy-pickle.js';
import { parseObj } from '../../lib/formats/obj.js';
import { isSafetensors, readSafetensorsCheckpoint } from '../../lib/formats/safetensors-checkpoint.js';
import { readTorchCheckpoint } from '../../lib/formats/torch-checkpoint.js';

const folder = fileURLToPath(new URL('fixtures/', import.meta.url));
const fixture = (name: string) => readFile(`${folder}${name}`);
const grid = [-0.5, -0.25, 0, 0.25, 0.5, 0.75];
const cube = Array.from({ length: 24 }, (_, i) => i);
const coded = (code: string) => expect.objectContaining({ code });

describe('.npy', () => {
  it.each([
    ['cube_f4.npy', [2, 3, 4], cube],
    ['grid_fortran_f8.npy', [2, 3], grid],
    ['big_endian_i2.npy', [3], [1, -2, 300]],
    ['half.npy', [2], [0.5, -1.25]],
  ])('%s', async (name, shape, values) => {
    const array = parseNpy(await fixture(name));
    expect(array).toMatchObject({ shape });
    expect('data' in array && [...array.data]).toEqual(values);
  });

  it('texts, and objects without running anything', async () => {
    expect(parseNpy(await fixture('names.npy'))).toEqual({ shape: [2], texts: ['jawOpen', 'blink é'] });
    const content = parseNpy(await fixture('objects.npy')) as { objects: Map<string, { data: Float64Array }> };
    expect([...content.objects.get('weights')!.data]).toEqual(grid);
  });

  it('arrays beside tensors, which stay unread', async () => {
    const content = parseNpy(await fixture('tensors.npy')) as { objects: Map<string, { data?: Float64Array }> };
    expect([...content.objects.get('faces')!.data!]).toEqual([3, 4]);
    expect(content.objects.get('dynamic')).not.toHaveProperty('data');
  });
});

describe('.npz', () => {
  it.each(['plain.npz', 'deflated.npz'])('%s', async (name) => {
    const npz = await Npz.open(await fixture(name));
    expect([...(await npz.numbers('cube', [2, null, 4])).data]).toEqual(cube);
    await expect(npz.numbers('cube', [2, 3])).rejects.toEqual(coded('MODEL_FORMAT'));
    await expect(npz.read('missing')).rejects.toEqual(coded('MODEL_FORMAT'));
  });

  it('reads 64-bit integers and texts', async () => {
    const ids = await (await Npz.open(await fixture('deflated.npz'))).numbers('ids', [3]);
    expect([...ids.data]).toEqual([1, 2, 2 ** 40]);
    expect(await (await Npz.open(await fixture('plain.npz'))).texts('names')).toEqual(['a', 'bc']);
  });
});

describe('MATLAB 5', () => {
  it('reads numbers of any stored type, plain and compressed', async () => {
    const plain = await parseMatlab(await fixture('plain.mat'));
    expect(plain.get('grid')!.shape).toEqual([2, 3]);
    expect([...plain.get('grid')!.data]).toEqual(grid);
    expect([...plain.get('tri')!.data]).toEqual([1, 2, 3]);
    expect([...plain.get('cube')!.data]).toEqual(cube);
    const compressed = await parseMatlab(await fixture('compressed.mat'));
    expect([...compressed.get('grid')!.data]).toEqual(grid);
    expect([...compressed.get('whole')!.data]).toEqual([300, -7]);
    expect(String.fromCharCode(...compressed.get('name')!.data)).toBe('front');
    expect(compressed.has('cell')).toBe(false);
  });

  it('tells a version 7.3 file', async () => {
    await expect(parseMatlab(await fixture('groups.h5'))).rejects.toEqual(coded('MODEL_FORMAT'));
  });
});

describe('HDF5', () => {
  it('reads plain and compressed datasets', async () => {
    const file = await Hdf5.open(await fixture('groups.h5'));
    expect([...file.numbers('shape/model/mean').data]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...file.numbers('shape/model/pcaBasis').data]).toEqual(grid);
    expect([...file.numbers('cells').data]).toEqual([0, 1, 2]);
    expect(() => file.numbers('shape/absent')).toThrow(coded('MODEL_FORMAT'));
    expect(() => file.numbers('shape')).toThrow(coded('MODEL_CORRUPT'));
  });
});

describe('pickles', () => {
  it.each(['arrays_2.pkl', 'arrays_5.pkl'])('%s', async (name) => {
    const map = unpickleArrays(await fixture(name)) as Map<string, unknown>;
    expect(map.get('n')).toBe(2.5);
    expect(map.get('names')).toEqual(['a', null]);
    expect([...(map.get('v') as { data: Float64Array }).data]).toEqual(grid);
    expect([...(map.get('f') as { data: Uint32Array }).data]).toEqual([0, 1, 2]);
  });

  it('of protocol 0', async () => {
    const map = unpickleArrays(await fixture('text.pkl')) as Map<string, unknown>;
    expect(map.get('a')).toEqual([1, -2, 2.5, true, null, 2n ** 70n]);
    expect(map.get('b')).toEqual([1, 2]);
  });

  it('holding chumpy arrays and sparse matrices', async () => {
    const map = unpickleArrays(await fixture('chumpy_sparse.pkl')) as Map<
      string,
      { shape: number[]; data: Float64Array }
    >;
    expect(map.get('shapedirs')!.shape).toEqual([2, 3, 4]);
    expect([...map.get('J_regressor')!.data]).toEqual([0, 1.5, 0, 2.5, 0, 0]);
  });

  it('never run what they ask for', async () => {
    const evil = await fixture('evil.pkl');
    expect(() => unpickleArrays(evil)).toThrow(coded('MODEL_UNSAFE'));
    expect(() => unpickleArrays(evil)).toThrow(/posix\.system|nt\.system|os\.system/);
  });
});

describe('checkpoints', () => {
  it.each(['zip.pth', 'old.pth', 'weights.safetensors'])('%s', async (name) => {
    const bytes = await fixture(name);
    expect(isSafetensors(bytes)).toBe(name === 'weights.safetensors');
    const tensors = isSafetensors(bytes) ? readSafetensorsCheckpoint(bytes) : await readTorchCheckpoint(bytes);
    expect([...tensors.keys()].sort()).toEqual([
      'alpha',
      'bf16',
      'half',
      'net.bn.num_batches_tracked',
      'net.conv.weight',
    ]);
    const weight = tensors.get('net.conv.weight')!;
    expect(weight.shape).toEqual([6, 2]);
    expect([...weight.data]).toEqual([0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]);
    expect([...tensors.get('half')!.data]).toEqual([0.5, -1.5]);
    expect([...tensors.get('bf16')!.data]).toEqual([0.5, -1.5]);
    expect([...tensors.get('alpha')!.data]).toEqual([0.25]);
    expect([...tensors.get('net.bn.num_batches_tracked')!.data]).toEqual([7]);
  });

  it('refuses other files', async () => {
    await expect(readTorchCheckpoint(await fixture('plain.npz'))).rejects.toEqual(coded('MODEL_FORMAT'));
    await expect(readTorchCheckpoint(await fixture('arrays_2.pkl'))).rejects.toEqual(coded('MODEL_FORMAT'));
  });
});

describe('OBJ', () => {
  it('reads vertices and faces of any size, also counted from the end', () => {
    const text = '# x\nv 0 0 0\nv 1 0 0 \r\nv 1 1 0.5\nv 0 1 0\nvt 0 0\nf 1/1/1 2/1 3//2 4\nf -4 -3 -2\n';
    const { positions, faces } = parseObj(text, { faces: true });
    expect([...positions.slice(6, 9)]).toEqual([1, 1, 0.5]);
    expect(faces).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2],
    ]);
    expect(() => parseObj('v 1 2\n', { faces: true })).toThrow(coded('MODEL_CORRUPT'));
    expect(() => parseObj('v 1 2 3\nf 1 2 3\n', { faces: true })).toThrow(coded('MODEL_CORRUPT'));
  });
});

/** Every reader, and the fixtures that it takes. */
const READERS: readonly [pattern: RegExp, read: (bytes: Uint8Array) => unknown][] = [
  [/\.npy$/, parseNpy],
  [/\.mat$/, parseMatlab],
  [/\.pkl$/, unpickleArrays],
  [/\.pth$/, readTorchCheckpoint],
  [/\.safetensors$/, readSafetensorsCheckpoint],
  [
    /\.npz$/,
    async (bytes) => {
      const npz = await Npz.open(bytes);
      for (const name of npz.names()) await npz.read(name);
    },
  ],
  [
    /\.h5$/,
    async (bytes) => {
      const file = await Hdf5.open(bytes);
      for (const path of ['shape/model/mean', 'shape/model/pcaBasis', 'cells']) file.numbers(path);
    },
  ],
];

describe('damaged files', () => {
  it('end in an HrnError or are read, never in anything else', async () => {
    for (const name of await readdir(folder)) {
      const bytes = await fixture(name);
      const [, read] = READERS.find(([pattern]) => pattern.test(name))!;
      const flips = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
      const damage = fc.tuple(
        flips,
        fc.oneof({ weight: 3, arbitrary: fc.constant(bytes.length) }, { weight: 1, arbitrary: fc.nat(bytes.length) }),
      );
      await fc.assert(
        fc.asyncProperty(damage, async ([changes, length]) => {
          const copy = Uint8Array.from(bytes.subarray(0, length));
          for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
          try {
            await inFile('damaged', () => read(copy));
          } catch (error) {
            expect(error).toBeInstanceOf(HrnError);
            expect((error as HrnError).code).toMatch(/^MODEL_/);
          }
        }),
        { numRuns: 120, seed: 17 },
      );
    }
  });
});
