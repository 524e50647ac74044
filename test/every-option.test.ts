/** Every documented option reaches the place where it acts, and a wrong value of any is refused. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fitCommand } from '../lib/cli/fit.js';
import { create, type Hrn } from '../lib/hrn.js';
import { loadHead } from '../lib/models/head.js';
import { locateModels } from '../lib/models/locate.js';
import { readModel } from '../lib/models/manifest.js';
import {
  type CreateOptions,
  type FitOptions,
  type ResolvedCreateOptions,
  type ResolvedFitOptions,
  resolveCreateOptions,
  resolveFitOptions,
} from '../lib/options.js';
import type { Reconstruction } from '../lib/result.js';
import { runCli } from './cli-process.js';
import { astronaut, mirrored, sideBySide } from './photos.js';

const PHOTO = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
const QUICK = { detail: 'coarse', textureSize: 256 } as const;

let hrn: Hrn;
let plain: Reconstruction;
let folder: string;
beforeAll(async () => {
  hrn = await create({ device: 'cpu', threads: 2 });
  plain = await hrn.fit(PHOTO, QUICK);
  folder = await mkdtemp(join(tmpdir(), 'hrn-options-'));
});
afterAll(async () => {
  await hrn.dispose();
  await rm(folder, { recursive: true, force: true });
});

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error) => error.code ?? error.name,
  );

describe('fit', () => {
  const fit = (options: FitOptions) => hrn.fit(PHOTO, { ...QUICK, ...options });
  const high = (options: FitOptions) =>
    fit({ detail: 'high', displacementSize: 512, highTriangles: 50_000, ...options });

  /** By name of the option: what shows that it acts. */
  const effects: Record<keyof ResolvedFitOptions, () => Promise<void>> = {
    detail: async () => {
      expect(plain.deformationMap).toBeUndefined();
      expect((await fit({ detail: 'medium' })).deformationMap).toBeDefined();
    },
    displacementSize: async () => expect((await high({})).displacementMap!.size).toBe(512),
    highTriangles: async () => {
      const triangles = (await high({ highTriangles: 90_000 })).levels.high!.indices.length / 3;
      expect(Math.abs(triangles / 90_000 - 1)).toBeLessThan(0.35);
    },
    face: async () => expect(await codeOf(fit({ face: 1 }))).toBe('FACE_INDEX'),
    focalLengthPx: async () => {
      const { camera } = await fit({ focalLengthPx: 900 });
      expect(camera).toMatchObject({ focalLengthPx: 900, focalLengthSource: 'option' });
    },
    regressor: async () => {
      const without = await fit({ regressor: false });
      expect(without.coefficients.identity).not.toEqual(plain.coefficients.identity);
      expect(without.timingsMs.regress).toBeUndefined();
    },
    textureSize: async () => expect((await fit({ textureSize: 300 })).texture.width).toBe(300),
    texture: async () => {
      expect(plain.albedo).toBeUndefined();
      expect((await fit({ texture: 'both' })).albedo!.width).toBe(256);
    },
    hair: async () => {
      expect(plain.hair).toBeUndefined();
      expect((await fit({ hair: true })).hair!.indices.length).toBeGreaterThan(3000);
    },
    minFacePx: async () => expect(await codeOf(fit({ minFacePx: 200 }))).toBe('FACE_TOO_SMALL'),
    maxPixels: async () => expect(await codeOf(fit({ maxPixels: 512 * 511 }))).toBe('IMAGE_TOO_LARGE'),
    maxSide: async () => expect(await codeOf(fit({ maxSide: 511 }))).toBe('IMAGE_TOO_LARGE'),
    device: async () => {
      expect((await fit({ device: 'cpu' })).device).toMatch(/^cpu/);
      expect(['DEVICE_UNAVAILABLE', 'done']).toContain(await codeOf(fit({ device: 'cuda:99' })));
    },
    signal: async () => {
      const reason = new Error('enough');
      await expect(fit({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    },
    onProgress: async () => {
      const stages = new Set<string>();
      await fit({ onProgress: ({ stage }) => stages.add(stage) });
      expect(stages.size).toBeGreaterThan(4);
    },
  };
  it.each(Object.keys(resolveFitOptions()) as (keyof ResolvedFitOptions)[])('%s', async (name) => {
    expect(Object.keys(effects), `no effect is known of ${name}: add it to this test`).toContain(name);
    await effects[name]();
  });

  const wrong: Record<keyof ResolvedFitOptions, unknown> = {
    detail: 'fine',
    displacementSize: 100,
    highTriangles: 1,
    face: 'left',
    focalLengthPx: -1,
    regressor: 'yes',
    textureSize: 255,
    texture: 'shiny',
    hair: 'long',
    minFacePx: 0,
    maxPixels: 0,
    maxSide: 1.5,
    device: 'gpu',
    signal: {},
    onProgress: 'often',
  };
  it.each(Object.keys(resolveFitOptions()) as (keyof ResolvedFitOptions)[])('a wrong %s is refused', async (name) => {
    await expect(hrn.fit(PHOTO, { [name]: wrong[name] } as FitOptions)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(name),
    });
  });
});

describe('create', () => {
  const fitWith = async (options: CreateOptions) => {
    const own = await create({ device: 'cpu', ...options });
    try {
      return await own.fit(PHOTO, QUICK);
    } finally {
      await own.dispose();
    }
  };
  const missing = () => join(folder, 'missing');

  const effects: Record<keyof ResolvedCreateOptions, () => Promise<void>> = {
    device: async () => {
      expect((await fitWith({ device: 'cpu' })).device).toBe('cpu');
      expect(['DEVICE_UNAVAILABLE', 'done']).toContain(await codeOf(fitWith({ device: 'cuda:99' })));
    },
    inference: async () => expect((await fitWith({ inference: 'cuda' })).inference).toMatch(/^cuda|^cpu \(/),
    threads: async () => {
      const threads = async () => (await readdir('/proc/self/task').catch(() => [])).length;
      const counted = async (count: number) => {
        const before = await threads();
        const own = await create({ device: 'cpu', threads: count });
        await own.fit(PHOTO, QUICK);
        const during = (await threads()) - before;
        await own.dispose();
        return during;
      };
      // Where the system tells: as many more threads as were asked for.
      if ((await threads()) > 0) expect((await counted(9)) - (await counted(2))).toBeGreaterThanOrEqual(5);
    },
    model: async () => {
      const model = await loadHead(await readModel(locateModels(), 'head.safetensors'));
      expect((await fitWith({ model: { ...model } })).timingsMs.regress).toBeUndefined();
      expect(plain.timingsMs.regress).toBeDefined();
    },
    regressor: async () => {
      expect(await codeOf(fitWith({ regressor: { onnx: missing() } }))).toBe('MODEL_MISSING');
    },
    reference: async () => expect(await codeOf(fitWith({ reference: missing() }))).toMatch(/^MODEL_/),
    method: async () =>
      expect(await codeOf(fitWith({ reference: missing(), method: 'inference+fitting' }))).toMatch(/^MODEL_/),
    models: async () => expect(await codeOf(fitWith({ models: missing() }))).toBe('MODEL_MISSING'),
  };
  it.each(Object.keys(resolveCreateOptions()) as (keyof ResolvedCreateOptions)[])('%s', async (name) => {
    expect(Object.keys(effects), `no effect is known of ${name}: add it to this test`).toContain(name);
    await effects[name]();
  });

  it.each(Object.keys(resolveCreateOptions()) as (keyof ResolvedCreateOptions)[])(
    'a wrong %s is refused',
    async (name) => {
      expect(await codeOf(create({ [name]: Symbol('wrong') } as unknown as CreateOptions))).toBe('INVALID_OPTION');
    },
  );
});

describe('hrn fit', () => {
  const at = (...names: string[]) => join(folder, ...names);
  const flagsOf = () => fitCommand.options.map(({ long }) => long!);
  const shown = new Set<string>();
  /** Runs with these flags, which then count as shown by what the test expects. */
  const run = (flags: Record<string, string | true>, images: string[] = [PHOTO]) => {
    for (const name of Object.keys(flags)) shown.add(name);
    const args = Object.entries(flags).flatMap(([name, value]) => (value === true ? [name] : [name, value]));
    return runCli(['fit', ...images, ...args]);
  };
  const recordOf = (stdout: string) => JSON.parse(stdout.trim().split('\n')[0]!);
  const glb = async (path: string) => {
    const bytes = await readFile(path);
    return JSON.parse(bytes.subarray(20, 20 + bytes.readUInt32LE(12)).toString());
  };

  it('shapes files and result by its flags', async () => {
    const out = at('many');
    const done = await run({
      '--out': out,
      '--format': 'glb,obj',
      '--detail': 'coarse',
      '--texture-size': '256',
      '--texture': 'both',
      '--texture-format': 'png',
      '--targets': 'jawOpen,mouthSmileLeft',
      '--no-skeleton': true,
      '--hair': true,
      '--no-eye-parts': true,
      '--lod': '2',
      '--compress': 'meshopt',
      '--focal-length': '900',
      '--device': 'cpu',
      '--inference': 'cpu',
      '--threads': '1',
      '--json': true,
      '--jsonl': true,
      '--no-regressor': true,
      '--no-preview': true,
      '--turntable': true,
      '--expressions': true,
    });
    expect(done, done.stderr).toMatchObject({ code: 0 });
    expect((await readdir(out)).sort()).toEqual(
      [
        '.glb',
        '.json',
        '.mtl',
        '.obj',
        '_albedo.png',
        '_expressions.png',
        '_hair.png',
        '_texture.png',
        '_turntable.webp',
      ].map((end) => `astronaut${end}`),
    );
    // Four expressions from two sides.
    const strip = await sharp(join(out, 'astronaut_expressions.png')).metadata();
    expect(strip).toMatchObject({ width: 4 * 512 + 3 * 6, height: 2 * 512 + 6 });
    const { result } = recordOf(done.stdout);
    expect(result).toMatchObject({ camera: { focalLengthPx: 900, focalLengthSource: 'option' }, device: 'cpu' });
    expect(JSON.parse(await readFile(join(out, 'astronaut.json'), 'utf8')).timingsMs.regress).toBeUndefined();
    const file = await glb(join(out, 'astronaut.glb'));
    expect(file.meshes[0].extras.targetNames).toEqual(['jawOpen', 'mouthSmileLeft']);
    expect(file.extensionsUsed).toContain('EXT_meshopt_compression');
    expect(file.images[0].mimeType).toBe('image/png');
    const nodes = file.nodes.map(({ name }: { name: string }) => name);
    for (const name of ['jaw', 'corneas', 'lashes']) expect(nodes).not.toContain(name);
    expect(nodes).toContain('hair');
    // Hair is an object of its own behind the head.
    const [head, hair] = (await readFile(join(out, 'astronaut.obj'), 'utf8')).split(/^o hair$/m);
    expect(hair).toMatch(/^v /m);
    const vertices = head!.match(/^v /gm)!.length;
    expect(vertices).toBeLessThan(0.3 * (plain.mesh.positions.length / 3));
  });

  it('takes the face, the detail and the places that it is told', async () => {
    const { data, ...size } = sideBySide(await astronaut(), await mirrored(await astronaut(), 400));
    const two = at('two.png');
    await sharp(data, { raw: { width: size.width, height: size.height, channels: size.channels } })
      .png()
      .toFile(two);
    const one = await run({ '--out': at('one'), '--face': '1', '--min-face-px': '60', '--quiet': true, '--detail': 'high',
      '--displacement-size': '512', '--high-triangles': '50000', '--texture-size': '256', '--format': 'ply', '--json': true,
      '--displacement-map': true }, [two]); // biome-ignore format: a command line
    expect(one, one.stderr).toMatchObject({ code: 0, stdout: '' });
    const record = JSON.parse(await readFile(at('one', 'two.json'), 'utf8'));
    expect(record.face.index).toBe(1);
    expect(record.timingsMs.detail).toBeGreaterThan(0);
    expect(await sharp(at('one', 'two_displacement.png')).metadata()).toMatchObject({ width: 512, depth: 'ushort' });
    const again = await run({ '--out': at('one'), '--resume': true, '--max-pixels': '1000' }, [two]);
    expect(again, again.stderr).toMatchObject({ code: 1 });
    expect(again.stderr).toContain('IMAGE_TOO_LARGE');
    const small = await run({ '--out': at('one'), '--max-side': '100' }, [two]);
    expect(small.stderr).toContain('IMAGE_TOO_LARGE');
    const views = await run({ '--views': true, '--out': at('views'), '--max-side': '100' }, [two, PHOTO]);
    expect(views.stderr).toContain('IMAGE_TOO_LARGE');
    for (const name of ['--models', '--model', '--reference'])
      expect((await run({ '--out': at('none'), [name]: at('missing') })).stderr, name).toMatch(/MODEL_|FILE_/);
    const method = await run({ '--out': at('none'), '--reference': at('missing'), '--method': 'inference+fitting' });
    expect(method.stderr).toMatch(/MODEL_|FILE_/);
  });

  it('has no flag that this test does not show', () => {
    expect(flagsOf().filter((name) => !shown.has(name))).toEqual([]);
  });

  const wrong: Record<string, string> = {
    '--format': 'fbx',
    '--detail': 'fine',
    '--displacement-size': '5',
    '--high-triangles': 'many',
    '--device': 'gpu',
    '--inference': 'banana',
    '--face': 'left',
    '--texture-size': '1',
    '--targets': 'smirk',
    '--lod': '7',
    '--compress': 'zip',
    '--texture': 'shiny',
    '--texture-format': 'bmp',
    '--min-face-px': '0',
    '--max-pixels': '-1',
    '--max-side': '0.5',
    '--focal-length': 'long',
    '--threads': '0',
    '--method': 'guess',
  };
  it('exits with 2 for a wrong value of any flag that has a range', { timeout: 60_000 }, async () => {
    const takesValue = fitCommand.options.filter(({ required }) => required).map(({ long }) => long!);
    const places = ['--out', '--models', '--model', '--reference'];
    expect(takesValue.filter((name) => !places.includes(name) && !(name in wrong))).toEqual([]);
    const codes: Record<string, number | null> = {};
    for (const [name, value] of Object.entries(wrong)) {
      codes[name] = (await runCli(['fit', PHOTO, '--out', at('wrong'), name, value])).code;
    }
    expect(codes).toEqual(Object.fromEntries(Object.keys(wrong).map((name) => [name, 2])));
  });
});
