import { readdir, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { validateBytes } from 'gltf-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, QUICK } from './service-client.js';
import { childrenOf, type RunningService, startService } from './service-process.js';

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));

let service: RunningService;
let client: Client;
let photo: Buffer;
let before: string[];
const temporaryFolders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('hrn-serve-'));

beforeAll(async () => {
  photo = await readFile(astronaut);
  before = await temporaryFolders();
  const limits = ['--body', '2', '--queue', '6', '--quota', '280', '--max-texture-size', '8192'];
  service = await startService(['--workers', '2', '--threads', '1', ...limits]);
  client = new Client(service.url, photo);
});
afterAll(() => service?.stop());

/** What `fetch` does not let one send. */
const raw = (path: string, headers: Record<string, string>) =>
  new Promise<number>((resolve, reject) => {
    request(service.url + path, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on('error', reject)
      .end();
  });

describe('a photo', () => {
  it('is accepted with an id, fitted with events, served and removed', async () => {
    const accepted = await client.post();
    expect(accepted.status).toBe(202);
    const { id, links } = await client.fitOf(accepted);
    expect(id).toMatch(/^[\w-]{24}$/);
    expect(accepted.headers.get('location')).toBe(links.self);
    const early = await client.get(`${links.self}/head.glb`);
    expect([200, 409]).toContain(early.status);
    await early.arrayBuffer();

    const events = await client.events(links.events);
    const fractions = events.map(({ progress }) => progress.fraction);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(new Set(events.map(({ progress }) => progress.stage)).size).toBeGreaterThan(3);
    const fit = events.at(-1)!;
    expect(fit).toMatchObject({ id, state: 'done', progress: { stage: 'done', fraction: 1 }, warnings: [] });
    expect(fit.quality!.landmarkErrorPercent).toBeLessThan(4);
    expect(Object.keys(fit.files)).toEqual(['head.glb', 'head.json']);

    const glb = await client.get(fit.files['head.glb']!);
    expect(glb.headers.get('content-type')).toBe('model/gltf-binary');
    const { issues } = await validateBytes(new Uint8Array(await glb.arrayBuffer()));
    expect(issues.messages.filter(({ severity }) => severity <= 1)).toEqual([]);
    expect((await client.get(`${links.self}/head.obj`)).status).toBe(404);
    expect((await client.get(links.self, { method: 'DELETE' })).status).toBe(204);
    expect((await client.get(links.self)).status).toBe(404);
  });

  it('may come in a form, is waited for, and gives every file', { timeout: 60_000 }, async () => {
    const form = new FormData();
    form.set('photo', new Blob([new Uint8Array(photo)], { type: 'image/png' }), '../../etc/passwd');
    form.set('detail', 'coarse');
    form.set('textureSize', '256');
    const response = await client.post('wait=1', form, {});
    expect(response.status).toBe(200);
    const { files } = await client.fitOf(response);
    const names = ['head.glb', 'head.obj', 'head.mtl', 'head.ply', 'head.json', 'preview.png', 'texture.png'];
    expect(Object.keys(files)).toEqual([...names, 'head_texture.png', 'coarse.ply']);
    for (const address of Object.values(files)) {
      const { status, headers } = await client.get(address);
      expect({ address, status }).toEqual({ address, status: 200 });
      expect(Number(headers.get('content-length'))).toBeGreaterThan(500);
    }
  });
});

describe('what cannot be fitted', () => {
  const png = { 'content-type': 'image/png' };
  it.each<[string, number, string, () => Promise<Response>]>([
    ['no image', 415, 'NOT_AN_IMAGE', () => client.post(`${QUICK}&wait=1`, 'text', png)],
    ['nothing', 400, 'BAD_REQUEST', () => client.post(`${QUICK}&wait=1`, undefined, {})],
    [
      'a type that is no image',
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      () => client.post('wait=1', 'a', { 'content-type': 'text/plain' }),
    ],
    ['half an image', 422, 'IMAGE_TRUNCATED', () => client.post(`${QUICK}&wait=1`, photo.subarray(0, 50_000), png)],
    ['too long a body', 413, 'BODY_TOO_LARGE', () => client.post(QUICK, Buffer.alloc(2 ** 21 + 1), png)],
    ['an unknown option', 400, 'BAD_REQUEST', () => client.post('colour=red')],
    ['a wrong value', 400, 'BAD_REQUEST', () => client.post('textureSize=big')],
    ['an unknown output', 400, 'BAD_REQUEST', () => client.post('outputs=fbx')],
    ['a wrong level', 400, 'INVALID_OPTION', () => client.post(`wait=1&detail=best&textureSize=256`)],
    ['a texture beyond the quota', 507, 'DISK_FULL', () => client.post('textureSize=8192')],
    [
      'an address',
      403,
      'FORBIDDEN',
      () => client.post('', '{"url":"http://127.0.0.1/"}', { 'content-type': 'application/json' }),
    ],
    ['a form without a file', 400, 'BAD_REQUEST', () => client.post('', new FormData(), {})],
  ])('%s: %i %s', async (_name, status, code, send) => {
    const response = await send();
    const { error } = await client.fitOf(response);
    expect({ status: response.status, code: error?.code, message: error?.message }).toEqual({
      status,
      code,
      message: expect.not.stringContaining(tmpdir()),
    });
  });

  it('has no way to the file system', async () => {
    const ids = ['..', '%2e%2e', 'a'.repeat(24), '..%2f..%2fetc%2fpasswd', '%00', 'x/../../serve.lock', 'A'.repeat(25)];
    for (const id of ids) {
      for (const end of ['', '/head.glb', '/fit.json', '/upload', '/..%2ffit.json', '/events']) {
        expect([400, 404]).toContain(await raw(`/v1/fits/${id}${end}`, {}));
      }
    }
  });
});

it('refuses other host names, and changes asked for by pages of other origins', async () => {
  expect(await raw('/healthz', { host: 'rebound.example' })).toBe(403);
  expect(await raw('/healthz', { host: 'localhost:1234' })).toBe(200);
  const foreign: Record<string, string>[] = [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }];
  for (const headers of foreign) {
    expect((await client.post(QUICK, photo, { 'content-type': 'image/png', ...headers })).status).toBe(403);
  }
  const { headers } = await client.get('/healthz');
  expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});

it('refuses what would wait too long, and says when to come again', async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => client.post()));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused[0]!.headers.get('retry-after')).toBe('5');
  expect(answers.filter(({ status }) => ![202, 429].includes(status))).toEqual([]);
  const accepted = await Promise.all(answers.filter(({ status }) => status === 202).map((one) => client.fitOf(one)));
  // Removing stops those that wait and those that run.
  const removed = await Promise.all(accepted.map(({ links }) => client.get(links.self, { method: 'DELETE' })));
  expect(new Set(removed.map(({ status }) => status))).toEqual(new Set([204]));
});

it('a process that is killed takes its own fit with it and is replaced', { timeout: 60_000 }, async () => {
  const fits = await Promise.all([1, 2].map(async () => client.fitOf(await client.post())));
  while ((await client.ready()).running < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  process.kill(childrenOf(service.child.pid!)[0]!, 'SIGKILL');
  const ended = await Promise.all(fits.map(({ links }) => client.settled(links.self)));
  expect(ended.map(({ state }) => state).sort()).toEqual(['done', 'failed']);
  expect(ended.find(({ state }) => state === 'failed')!.error!.code).toBe('WORKER_DIED');
  while ((await client.ready()).workers < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await client.post(`${QUICK}&wait=1`)).status).toBe(200);
});

describe('those who look after it', () => {
  it('find a description of the API, made of what requests are checked by', async () => {
    const document = (await (await client.get('/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { responses: Record<string, unknown>; parameters?: { name: string }[] }>>;
    };
    expect(document.openapi).toMatch(/^3\.1/);
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(operations.sort()).toEqual([
      'delete /v1/fits/{id}',
      'get /healthz',
      'get /metrics',
      'get /readyz',
      'get /v1/fits/{id}',
      'get /v1/fits/{id}/events',
      'get /v1/fits/{id}/{name}',
      'post /v1/fits',
    ]);
    const post = document.paths['/v1/fits']!.post!;
    expect(post.parameters!.map(({ name }) => name)).toEqual(expect.arrayContaining(['wait', 'detail', 'outputs']));
    expect(Object.keys(post.responses)).toEqual(expect.arrayContaining(['200', '202', '413', '422', '429', '507']));
  });

  it('find figures for Prometheus, and a log without ids', async () => {
    const text = await (await client.get('/metrics')).text();
    expect(text).toMatch(/^hrn_fits_total\{state="done",code=""\} [3-9]/m);
    expect(text).toMatch(/^hrn_fits_total\{state="failed",code="WORKER_DIED"\} 1$/m);
    expect(text).toMatch(/^hrn_worker_restarts_total 1$/m);
    expect(text).toMatch(/^hrn_http_request_seconds_count\{method="POST",route="\/v1\/fits",status="202"\} \d+$/m);
    const { id } = await client.fitOf(await client.post(`${QUICK}&wait=1`));
    const lines = service.log.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.map((line) => JSON.parse(line).msg)).toContain('fit');
    expect(service.log).not.toContain(id);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(2000);
  });
});

it('SIGTERM ends it and leaves no file', async () => {
  expect(await service.stop()).toBe(0);
  expect(await temporaryFolders()).toEqual(before);
});
