import { execFile, spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import { validateBytes } from 'gltf-validator';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, MAIN, runCli } from './cli-process.js';
import { mirrored, astronaut as photo, sideBySide } from './photos.js';
import { reconstructionSchema } from './reconstruction-schema.js';

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
/** The quickest fit that still goes through every stage. */
const QUICK = ['--detail', 'coarse', '--texture-size', '256', '--no-preview'];

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-cli-fit-'));
  await mkdir(at('other'));
  await copyFile(astronaut, at('other', 'Astronaut.png'));
  await writeFile(at('notes.txt'), 'not an image');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('good and bad images together', () => {
  let run: Finished;
  beforeAll(async () => {
    const images = [at('missing.jpg'), astronaut, at('notes.txt'), at('other', 'Astronaut.png')];
    run = await runCli(['fit', ...images, '--out', at('new', 'out'), '--format', 'glb,obj,ply', '--json']);
  });

  it('does the good ones, names each failure on a line of its own, and exits with 1', () => {
    expect(run.code).toBe(1);
    const failures = run.stderr.trimEnd().split('\n');
    expect(failures).toHaveLength(2);
    expect(failures[0]).toMatch(/^hrn: .*missing\.jpg: FILE_NOT_FOUND: ./);
    expect(failures[1]).toMatch(/^hrn: .*notes\.txt: NOT_AN_IMAGE: ./);
    const results = run.stdout.trimEnd().split('\n');
    expect(results).toHaveLength(2);
    expect(results[0]).toMatch(/astronaut\.png: landmark error \d\.\d\d %, \d+\.\d s -> .*astronaut\.glb/);
  });

  it('writes the documented files, none over another, and nothing else', async () => {
    const files = ['.glb', '.json', '.mtl', '.obj', '.ply', '_preview.png', '_texture.png'];
    const expected = [...files.map((end) => `astronaut${end}`), ...files.map((end) => `Astronaut-2${end}`)].sort();
    expect((await readdir(at('new', 'out'))).sort()).toEqual(expected);
  });

  it('writes the same bytes for the same photo', async () => {
    for (const end of ['.glb', '.ply', '_texture.png', '_preview.png']) {
      const [first, second] = await Promise.all(
        ['astronaut', 'Astronaut-2'].map((name) => readFile(at('new', 'out', `${name}${end}`))),
      );
      expect(Buffer.compare(first!, second!), end).toBe(0);
    }
  });

  it('writes a GLB that passes the Khronos validator, with the 52 expressions', async () => {
    const bytes = await readFile(at('new', 'out', 'astronaut.glb'));
    const { issues } = await validateBytes(bytes);
    expect(issues.messages.filter(({ severity }) => severity <= 1)).toEqual([]);
    const json = JSON.parse(bytes.subarray(20, 20 + bytes.readUInt32LE(12)).toString());
    expect(json.meshes[0].extras.targetNames).toHaveLength(52);
    expect(json.meshes[0].extras.targetNames).toEqual(expect.arrayContaining(['jawOpen', 'eyeBlinkLeft', 'tongueOut']));
  });

  it('writes a JSON of the documented layout whose camera puts the OBJ onto the face in the photo', async () => {
    const json = JSON.parse(await readFile(at('new', 'out', 'astronaut.json'), 'utf8'));
    const validate = new Ajv().compile(reconstructionSchema);
    validate(json);
    expect(validate.errors).toBeNull();
    expect(json.input).toEqual({ width: 512, height: 512 });

    const obj = await readFile(at('new', 'out', 'astronaut.obj'), 'utf8');
    const vertices = [...obj.matchAll(/^v (\S+) (\S+) (\S+)$/gm)].map((match) => match.slice(1).map(Number));
    expect(vertices).toHaveLength(json.mesh.vertices);
    expect(obj.match(/^f /gm)).toHaveLength(json.mesh.triangles);
    const [a, b, c, d, e, f, g, h, i, j, k, l] = json.camera.projection as number[] as [
      ...[number, number, number, number],
      ...[number, number, number, number],
      ...[number, number, number, number],
    ];
    const project = ([x, y, z]: number[]) => {
      const depth = i * x! + j * y! + k * z! + l;
      return [(a * x! + b * y! + c * z! + d) / depth, (e * x! + f * y! + g * z! + h) / depth] as const;
    };
    // The head is about its own box, and a landmark lies where its pixels say.
    const us = vertices.map((vertex) => project(vertex)[0]);
    const { box } = json.face;
    expect(Math.min(...us)).toBeGreaterThan(box.x - box.width);
    expect(Math.max(...us)).toBeLessThan(box.x + 2 * box.width);
    for (const [n, position] of json.landmarks68.positions.entries()) {
      const [u, v] = project(position);
      expect(Math.hypot(u - json.landmarks68.pixels[n][0], v - json.landmarks68.pixels[n][1])).toBeLessThan(3);
    }
  });

  it('writes the five panels', async () => {
    const { width, height } = await sharp(at('new', 'out', 'astronaut_preview.png')).metadata();
    expect({ width, height }).toEqual({ width: 5 * 512 + 4 * 6, height: 512 });
  });
});

describe('output', () => {
  it('is named by face with --face all, and nothing is said with --quiet', async () => {
    const run = await runCli(['fit', astronaut, '--out', at('all'), '--face', 'all', '--quiet', ...QUICK]);
    expect(run).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await readdir(at('all'))).toEqual(['astronaut_0.glb']);
  });

  it('tells of every face with --face all, by the numbers of hrn detect', async () => {
    const { data, ...size } = sideBySide(await photo(), await mirrored(await photo(), 400));
    const raw = { width: size.width, height: size.height, channels: size.channels };
    await sharp(data, { raw }).png().toFile(at('two.png'));
    const run = await runCli([
      'fit',
      at('two.png'),
      '--out',
      at('two'),
      '--face',
      'all',
      '--min-face-px',
      '100',
      ...QUICK,
    ]);
    expect(run.code).toBe(0);
    const lines = run.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/two\.png face 0: landmark error .*two_0\.glb/);
    expect(lines.at(-1)).toMatch(/two\.png: 1 of 2 faces fitted \(1 too small\)$/);
    expect(run.stderr).toMatch(/two\.png face 1: FACE_TOO_SMALL: .*this is face 1 of 2.*0: \d+ px/);
    const faces = JSON.parse((await runCli(['detect', at('two.png'), '--json'])).stdout);
    expect(faces).toHaveLength(2);
  });

  it('ends quietly where nobody reads on, and the work is done', async () => {
    const command = `"${process.execPath}" "${MAIN}" fit "${astronaut}" "${at('other', 'Astronaut.png')}" --out "${at('head')}" ${QUICK.join(' ')}`;
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', `${command} | head -c 1`]);
    expect(stdout).toHaveLength(1);
    expect(stderr).toBe('');
    expect((await readdir(at('head'))).sort()).toEqual(['Astronaut-2.glb', 'astronaut.glb']);
  });

  it('never replaces an input image', async () => {
    await mkdir(at('same'));
    await copyFile(astronaut, at('same', 'a.png'));
    await copyFile(astronaut, at('same', 'a_texture.png'));
    const before = await readFile(at('same', 'a_texture.png'));
    const images = [at('same', 'a.png'), at('same', 'a_texture.png')];
    const run = await runCli(['fit', ...images, '--out', at('same'), '--format', 'obj', ...QUICK]);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/a\.png: OUTPUT_NOT_WRITABLE: .*a_texture\.png is one of the input images/);
    expect(Buffer.compare(await readFile(at('same', 'a_texture.png')), before)).toBe(0);
    expect((await readdir(at('same'))).sort()).toEqual([
      'a.png',
      'a_texture.mtl',
      'a_texture.obj',
      'a_texture.png',
      'a_texture_texture.png',
    ]);
  });

  it('into something that is not a folder is refused before any fitting', async () => {
    for (const out of [at('notes.txt'), at('notes.txt', 'deeper')]) {
      const run = await runCli(['fit', astronaut, astronaut, '--out', out]);
      expect(run).toMatchObject({ code: 1, stdout: '' });
      expect(run.stderr).toMatch(/^hrn: OUTPUT_NOT_WRITABLE: .*\n$/);
    }
  });

  it('is not left half-written by Ctrl-C', async () => {
    const images = Array.from({ length: 50 }, () => astronaut);
    const run = await runCli(['fit', ...images, '--out', at('stopped'), ...QUICK], { interruptAfterMs: 4000 });
    expect(run.code).toBe(130);
    expect(run.stderr).toBe('hrn: interrupted; nothing half-written was left behind\n');
    const names = await readdir(at('stopped')).catch(() => []);
    for (const name of names) {
      expect(name).toMatch(/^astronaut(-\d+)?\.glb$/);
      expect(
        (await validateBytes(await readFile(at('stopped', name)))).issues.messages.filter((m) => m.severity === 0),
      ).toEqual([]);
    }
  });
});

describe('on a terminal', () => {
  const hasTerminal = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;

  it.skipIf(!hasTerminal)('shows a bar and clears it for the result', async () => {
    const command = `"${process.execPath}" "${MAIN}" fit "${astronaut}" --out "${at('terminal')}" ${QUICK.join(' ')}`;
    const { stdout } = await promisify(execFile)('script', ['-qec', command, '/dev/null']);
    expect(stdout).toMatch(/1\/1 astronaut\.png \[=* +\] \d+% detect/);
    const [bars, result] = stdout.split('\x1b[?25h') as [string, string]; // the cursor comes back
    expect(bars.lastIndexOf('100% texture')).toBeGreaterThan(bars.indexOf('% decode'));
    expect(result).toMatch(/\[2K.*astronaut\.png: landmark error/);
  });
});

describe('options', () => {
  it.each([
    ['--device', 'cuda:999', 1, /^hrn: DEVICE_UNAVAILABLE: .*cuda:999/],
    ['--inference', 'banana', 2, /^hrn: INVALID_OPTION: .*'cpu' or 'cuda'.*banana/],
    ['--detail', 'fine', 2, /^hrn: INVALID_OPTION: .*medium/],
    ['--texture-size', '3', 2, /INVALID_OPTION: .*256/],
    ['--face', '7', 1, /FACE_INDEX: /],
    ['--min-face-px', '400', 1, /FACE_TOO_SMALL: /],
    ['--threads', '0', 2, /INVALID_OPTION: .*threads/],
    ['--format', 'fbx', 2, /glb, obj, .*ply/],
    ['--face', 'both', 2, /largest, all/],
    ['--texture-size', 'big', 2, /number/],
  ])('%s %s ends with %i and says why', async (option, value, code, message) => {
    const run = await runCli(['fit', astronaut, '--out', at('options'), option, value]);
    expect(run).toMatchObject({ code, stdout: '' });
    expect(run.stderr).toMatch(message);
    expect(await readdir(at('options')).catch(() => [])).toEqual([]);
  });

  it('wants an image and a folder', async () => {
    expect(await runCli(['fit', '--out', at('options')])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('images'),
    });
    expect(await runCli(['fit', astronaut])).toMatchObject({ code: 2, stderr: expect.stringContaining('--out') });
  });
});

describe('hrn detect', () => {
  it('lists faces for people and as JSON', async () => {
    const { code, stdout } = await runCli(['detect', astronaut]);
    expect({ code, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, lines: 2 });
    const [face] = JSON.parse((await runCli(['detect', astronaut, '--json'])).stdout);
    expect(face.x + face.width / 2).toBeCloseTo(224, -1);
    expect(face.y + face.height / 2).toBeCloseTo(120, -1);
    expect(face.score).toBeGreaterThan(0.5);
  });

  it('fails in one line', async () => {
    const run = await runCli(['detect', at('notes.txt')]);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(/^hrn: .*notes\.txt: NOT_AN_IMAGE: .*\n$/);
  });
});
