import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { validateBytes } from 'gltf-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './cli-process.js';
import { startWorkerProcess, type WorkerProcess } from './queue-worker.js';
import { REDIS, RedisServer } from './redis-server.js';

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
const QUICK = ['--detail', 'coarse', '--texture-size', '256', '--outputs', 'glb'];

/** What of S3 the queue asks for: objects by path, with ETags and If-Match, for signed requests only. */
class ObjectStore {
  readonly objects = new Map<string, Buffer>();
  /** Paths in the order in which they were written. */
  readonly written: string[] = [];
  /** Requests to be answered with 503 before others. */
  failures = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const path = decodeURIComponent(new URL(request.url!, 'http://store').pathname);
      const object = this.objects.get(path);
      const etag = object && ObjectStore.etag(object);
      if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 Credential=tester/')) {
        response.writeHead(403).end();
      } else if (this.failures > 0) {
        this.failures--;
        response.writeHead(503).end();
      } else if (request.method === 'PUT') {
        this.objects.set(path, Buffer.concat(chunks));
        this.written.push(path);
        response.writeHead(200, { etag: ObjectStore.etag(this.objects.get(path)!) }).end();
      } else if (!object) {
        response.writeHead(404).end();
      } else if (request.headers['if-match'] && request.headers['if-match'] !== etag) {
        response.writeHead(412).end();
      } else {
        response.writeHead(200, { etag, 'content-length': object.length });
        response.end(request.method === 'HEAD' ? undefined : object);
      }
    });
  }

  static etag(bytes: Buffer): string {
    return `"${createHash('md5').update(bytes).digest('hex')}"`;
  }

  static async start(): Promise<ObjectStore> {
    const store = new ObjectStore();
    await new Promise<void>((resolve) => store.#server.listen(0, '127.0.0.1', resolve));
    return store;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

if (!REDIS) console.warn('S3 QUEUE TEST SKIPPED: neither redis-server nor valkey-server is installed');

describe.skipIf(!REDIS)('photos and results in an S3-compatible store', () => {
  let folder: string;
  let redis: RedisServer;
  let store: ObjectStore;
  let worker: WorkerProcess | undefined;
  const env = { AWS_ACCESS_KEY_ID: 'tester', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'nowhere-1' };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hrn-s3-'));
    [redis, store] = await Promise.all([RedisServer.start(folder), ObjectStore.start()]);
    store.objects.set('/photos/a b/one.png', await readFile(astronaut));
    store.objects.set('/photos/changed.png', Buffer.from('as it was'));
  });
  afterAll(async () => {
    worker?.child.kill('SIGKILL');
    store?.stop();
    await redis?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('are read and written by name, the record last', { timeout: 120_000 }, async () => {
    const place = ['--redis', redis.url, '--s3-endpoint', store.url];
    const photos = ['s3://photos/a b/one.png', 's3://photos/changed.png', 's3://photos/none.png'];
    const run = await runCli(['enqueue', ...photos, ...place, ...QUICK], { env });
    expect(run.stdout.match(/ added /g)).toHaveLength(2);
    expect(run.stderr).toMatch(/none\.png: FILE_NOT_FOUND: /);
    store.objects.set('/photos/changed.png', Buffer.from('as it is'));
    store.failures = 1;
    worker = startWorkerProcess([...place, '--out', 's3://results/heads', '--threads', '1'], env);
    const waited = await runCli(['queue', '--redis', redis.url, '--wait']);
    expect(waited.stdout).toMatch(/^0 waiting, 0 delayed, 0 active, 1 completed, 1 failed\n/);
    expect(waited.stdout).toMatch(/changed\.png: INVALID_IMAGE: .*has changed since/);
    const id = /^(\w+) added s3:\/\/photos\/a b/m.exec(run.stdout)![1];
    expect(store.written).toEqual([`/results/heads/${id}/head.glb`, `/results/heads/${id}/fit.json`]);
    const { issues } = await validateBytes(store.objects.get(`/results/heads/${id}/head.glb`)!);
    expect(issues.messages.filter(({ severity }) => severity === 0)).toEqual([]);
    expect(JSON.parse(String(store.objects.get(`/results/heads/${id}/fit.json`)))).toMatchObject({
      photo: 's3://photos/a b/one.png',
      files: ['head.glb'],
    });
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
  });
});
