import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPublic } from '../lib/serve/photo-address.js';
import { loadPackages } from '../lib/workers/optional-package.js';
import { runCli } from './cli-process.js';
import { Client, QUICK } from './service-client.js';
import { type RunningService, startService } from './service-process.js';

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
const TOKEN = 'a-token-of-enough-length';

let folder: string;
let photo: Buffer;
const services: RunningService[] = [];
const at = (...names: string[]) => join(folder, ...names);
const start = async (args: string[], wrap: string[] = []) => {
  const service = await startService(['--workers', '1', '--threads', '1', ...args], wrap);
  services.push(service);
  return service;
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hrn-guards-'));
  photo = await readFile(astronaut);
});
afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await rm(folder, { recursive: true, force: true });
});

describe('with tokens and addresses', () => {
  let service: RunningService;
  let pictures: Server;
  let port: number;
  beforeAll(async () => {
    pictures = createServer((request, response) => {
      if (request.url === '/photo.png') response.end(photo);
      else if (request.url === '/elsewhere') response.writeHead(302, { location: 'http://127.0.0.2:1/' }).end();
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => pictures.listen(0, '127.0.0.1', resolve));
    port = (pictures.address() as { port: number }).port;
    await writeFile(at('tokens'), `# who may\n${TOKEN}\nanother-token-of-length\n`);
    service = await start(['--tokens', at('tokens'), '--allow-urls', `127.0.0.1:${port}`]);
  });
  afterAll(() => pictures?.close());

  it('nothing but the page and the probes is answered without one', async () => {
    for (const authorization of [undefined, 'Bearer ', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN]) {
      const client = new Client(service.url, photo, authorization === undefined ? {} : { authorization });
      const posted = await client.post();
      expect(posted.status).toBe(401);
      expect(posted.headers.get('www-authenticate')).toBe('Bearer');
      for (const path of [`/v1/fits/${'a'.repeat(24)}`, '/metrics']) expect((await client.get(path)).status).toBe(401);
      for (const path of ['/', '/healthz', '/readyz', '/openapi.json'])
        expect((await client.get(path)).status).toBe(200);
    }
  });

  it('a photo is fetched from where the service may, and from nowhere else', { timeout: 60_000 }, async () => {
    const client = new Client(service.url, photo, { authorization: `Bearer ${TOKEN}` });
    const fetched = async (url: string) => {
      const response = await client.post(`${QUICK}&wait=1`, JSON.stringify({ url }), {
        'content-type': 'application/json',
      });
      return { status: response.status, code: (await client.fitOf(response)).error?.code };
    };
    expect(await fetched(`http://127.0.0.1:${port}/photo.png`)).toEqual({ status: 200, code: undefined });
    expect(await fetched(`http://127.0.0.1:${port}/none.png`)).toEqual({ status: 502, code: 'SERVICE_UNAVAILABLE' });
    for (const url of ['http://127.0.0.1:1/', 'http://localhost/', `http://127.0.0.1:${port}/elsewhere`]) {
      expect(await fetched(url)).toEqual({ status: 403, code: 'FORBIDDEN' });
    }
    for (const url of ['file:///etc/passwd', 'gopher://x']) {
      expect(await fetched(url)).toEqual({ status: 400, code: 'BAD_REQUEST' });
    }
  });
});

it.each([
  ...['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '224.0.0.1'],
  ...['::1', '::', 'fe80::1', 'fc00::1', 'ff02::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::'],
])('%s is no public address', (address) => expect(isPublic(address)).toBe(false));
it.each(['93.184.216.34', '2606:2800:220:1::1'])('%s is public', (address) => expect(isPublic(address)).toBe(true));

it('accepted photos are finished after SIGTERM, kept over a restart, and expire', { timeout: 120_000 }, async () => {
  const args = ['--results', at('results'), '--ttl', '6'];
  await mkdir(at('results', `${'x'.repeat(24)}.part`), { recursive: true });
  await mkdir(at('results', 'y'.repeat(24)));
  await writeFile(at('results', 'notes.txt'), 'not of the service');
  const first = await start(args);
  const client = new Client(first.url, photo);
  expect((await readdir(at('results'))).sort()).toEqual(['notes.txt', 'serve.lock']);
  const second = await runCli(['serve', '--port', '0', '--results', at('results')]);
  expect(second.stderr).toMatch(/^hrn: serve: OUTPUT_NOT_WRITABLE: another hrn serve/);

  const accepted = await client.fitOf(await client.post());
  const waiting = client.post(`${QUICK}&wait=1`);
  while ((await client.ready()).waiting < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  const ended = first.stop('SIGTERM');
  while ((await client.ready()).status !== 'draining') await new Promise((resolve) => setTimeout(resolve, 5));
  const refused = await client.post();
  expect({ status: refused.status, code: (await client.fitOf(refused)).error?.code }).toEqual({
    status: 503,
    code: 'SHUTTING_DOWN',
  });
  expect((await waiting).status).toBe(200);
  expect(await ended).toBe(0);

  const again = await start(args);
  const later = new Client(again.url, photo);
  const fit = await later.fitOf(await later.get(accepted.links.self));
  expect(fit).toMatchObject({ id: accepted.id, state: 'done' });
  expect((await (await later.get(fit.files['head.glb']!)).arrayBuffer()).byteLength).toBeGreaterThan(100_000);
  // The lock and what is not of the service stay.
  while ((await readdir(at('results'))).length > 2) await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await later.get(accepted.links.self)).status).toBe(404);
  expect(await again.stop()).toBe(0);
  expect(await readdir(at('results'))).toEqual(['notes.txt']);
});

it('a full disk is a 507, for the upload and for the files, and leaves nothing', { timeout: 60_000 }, async () => {
  // No file may have more than 900 KiB: the photo has 770, a GLB more.
  const wrap = ['bash', '-c', 'ulimit -f 900; exec "$0" "$@"'];
  const service = await start(['--results', at('full')], wrap);
  const client = new Client(service.url, photo);
  const upload = await client.post('', Buffer.concat([photo, Buffer.alloc(2 ** 20)]));
  expect({ status: upload.status, code: (await client.fitOf(upload)).error?.code }).toEqual({
    status: 507,
    code: 'DISK_FULL',
  });
  const files = await client.post(`${QUICK}&wait=1`);
  expect({ status: files.status, code: (await client.fitOf(files)).error?.code }).toEqual({
    status: 507,
    code: 'DISK_FULL',
  });
  expect(await readdir(at('full'))).toEqual(['serve.lock']);
  expect((await client.ready()).status).toBe('ok');
});

describe('hrn serve', () => {
  it.each([
    [['--port', '99999'], 2, /INVALID_OPTION: .*option port, got 99999/],
    [['--workers', '0'], 2, /INVALID_OPTION: .*option workers/],
    [['--log-level', 'loud'], 2, /INVALID_OPTION: .*logLevel/],
    [['--tokens', 'no-such-file'], 1, /FILE_UNREADABLE: .*no-such-file/],
    [['--models', 'no-such-folder', '--port', '0'], 1, /MODEL_MISSING: /],
  ])('%j ends with %i and says why', async (args, code, message) => {
    const run = await runCli(['serve', ...args]);
    expect(run).toMatchObject({ code });
    expect(run.stderr).toMatch(message);
  });

  it('says so where somebody else listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const run = await runCli(['serve', '--port', `${port}`]);
    server.close();
    expect(run.stderr).toMatch(/SERVICE_UNAVAILABLE: .*EADDRINUSE/);
  });
});

it('a package that is missing is named with the command that installs it', async () => {
  const missing = loadPackages('hrn serve', ['fastify', 'prom-client'], () => import('no-such-package' as string));
  await expect(missing).rejects.toMatchObject({
    code: 'DEPENDENCY_MISSING',
    message: expect.stringMatching(/npm install 'fastify@\^5[^']*' 'prom-client@\^15[^']*'$/),
  });
});
