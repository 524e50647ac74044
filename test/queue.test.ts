import { appendFile, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { validateBytes } from 'gltf-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './cli-process.js';
import { startWorkerProcess, type WorkerProcess } from './queue-worker.js';
import { REDIS, RedisServer } from './redis-server.js';

if (!REDIS)
  console.warn(
    'QUEUE TESTS SKIPPED: neither redis-server nor valkey-server is installed (apt-get install redis-server)',
  );

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
/** The quickest fit that still goes through every stage. */
const QUICK = ['--detail', 'coarse', '--texture-size', '256', '--outputs', 'glb'];
const PHOTOS = 6;

let folder: string;
let redis: RedisServer;
const at = (...names: string[]) => join(folder, ...names);
const workers: WorkerProcess[] = [];

const startWorker = (): WorkerProcess => {
  const place = ['--redis', redis.url, '--root', at('in'), '--out', at('out')];
  const worker = startWorkerProcess([...place, '--threads', '1', '--lock', '2']);
  workers.push(worker);
  return worker;
};

const cli = (...args: string[]) => runCli([...args, '--redis', redis.url]);
const results = async () =>
  (await readdir(at('out'), { recursive: true })).filter((name) => name.endsWith('fit.json')).sort();

describe.skipIf(!REDIS)('a queue', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hrn-queue-'));
    await mkdir(at('in'));
    await mkdir(at('redis'));
    redis = await RedisServer.start(at('redis'));
    for (let i = 0; i < PHOTOS; i++) {
      await copyFile(astronaut, at('in', `${i}.png`));
      // Bytes after the end of a PNG are no part of the picture, but make it another file.
      if (i > 0) await appendFile(at('in', `${i}.png`), `${i}`);
    }
    await copyFile(astronaut, at('in', 'twin-of-0.png'));
    await writeFile(at('in', 'poison.png'), 'not an image');
  });
  afterAll(async () => {
    for (const { child } of workers) child.kill('SIGKILL');
    await redis?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('takes each photo once, says which it cannot read, and none from outside the root', async () => {
    const names = await readdir(at('in'));
    const files = [...names.map((name) => at('in', name)), at('in', 'missing.png'), astronaut];
    const first = await cli('enqueue', ...files, '--root', at('in'), ...QUICK);
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(/missing\.png: FILE_NOT_FOUND: /);
    expect(first.stderr).toMatch(/astronaut\.png: INVALID_OPTION: .*does not lie under/);
    expect(first.stderr).toMatch(`${PHOTOS + 1} added, 1 known, 2 refused`);
    const list = at('list.jsonl');
    await writeFile(list, `"0.png"\n{ "photo": "1.png", "priority": 2 }\n`);
    const again = await cli('enqueue', '--from', list, '--root', at('in'), ...QUICK);
    expect(again).toMatchObject({ code: 0, stderr: 'hrn: 2 known\n' });
  });

  it('loses and doubles nothing when a worker is killed and Redis restarts', { timeout: 180_000 }, async () => {
    const killed = startWorker();
    await killed.has('done');
    killed.child.kill('SIGKILL');
    await killed.ended;
    const [second, third] = [startWorker(), startWorker()];
    await Promise.race([second.has('done'), third.has('done')]);
    await redis.stop();
    await redis.start();
    const waited = await cli('queue', '--wait');
    expect(waited.code).toBe(1);
    expect(waited.stdout).toMatch(/^0 waiting, 0 delayed, 0 active, 6 completed, 1 failed\n/);
    expect(waited.stdout).toMatch(/poison\.png: NOT_AN_IMAGE: poison\.png is not an image.*tried once/);

    const found = await results();
    expect(found).toHaveLength(PHOTOS);
    for (const name of found) {
      const record = JSON.parse(await readFile(at('out', name), 'utf8'));
      expect(name).toContain(record.id);
      const glb = await readFile(at('out', name, '..', 'head.glb'));
      expect((await validateBytes(glb)).issues.messages.filter(({ severity }) => severity === 0)).toEqual([]);
    }
    const done = [killed, second, third].flatMap(({ lines }) => lines.filter(({ type }) => type === 'done'));
    // What the killed worker finished last it may not have told any more.
    expect(new Set(done.map(({ id }) => id)).size).toBe(done.length);
    expect(done.length).toBeGreaterThanOrEqual(PHOTOS - 1);

    second.child.kill('SIGTERM');
    third.child.kill('SIGTERM');
    expect(await Promise.all([second.ended, third.ended])).toEqual([0, 0]);
  });
});

it('says so where there is no Redis', async () => {
  const run = await runCli(['queue', '--redis', 'redis://user:secret@127.0.0.1:1']);
  expect(run).toMatchObject({ code: 1, stdout: '' });
  expect(run.stderr).toMatch(
    /^hrn: queue: SERVICE_UNAVAILABLE: Redis at redis:\/\/127\.0\.0\.1:1 cannot be used: ECONNREFUSED\n$/,
  );
});
