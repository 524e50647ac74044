import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { validateBytes } from 'gltf-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningService, startService } from './service-process.js';

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
/** The quickest fit that still goes through every stage. */
const QUICK = 'detail=coarse&textureSize=256&outputs=glb,json';

let service: RunningService;
let photo: Buffer;
const temporaryFolders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('hrn-serve-'));
let before: string[];

beforeAll(async () => {
  photo = await readFile(astronaut);
  before = await temporaryFolders();
  service = await startService(['--workers', '2', '--threads', '1', '--body', '2', '--queue', '6']);
});
afterAll(() => service?.stop('SIGKILL'));

const post = (
  query = QUICK,
  body: string | Buffer | FormData = photo,
  headers: Record<string, string> = { 'content-type': 'image/png' },
) => fetch(`${service.url}/v1/fits?${query}`, { method: 'POST', body, headers });

interface Fit {
  id: string;
  state: string;
  files: Record<string, string>;
  links: { self: string; events: string };
  error?: { code: string; message: string };
}
const json = async (response: Response) => (await response.json()) as Fit;

async function settled(self: string): Promise<Fit> {
  for (;;) {
    const fit = await json(await fetch(service.url + self));
    if (fit.state === 'done' || fit.state === 'failed') return fit;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('a photo', () => {
  it('is accepted with an id, fitted, served and removed', async () => {
    const accepted = await post();
    expect(accepted.status).toBe(202);
    const { id, links } = await json(accepted);
    expect(id).toMatch(/^[\w-]{24}$/);
    expect(accepted.headers.get('location')).toBe(links.self);
    const fit = await settled(links.self);
    expect(fit).toMatchObject({ state: 'done', progress: { stage: 'done', fraction: 1 } });
    expect(Object.keys(fit.files)).toEqual(['head.glb', 'head.json']);
    const glb = await fetch(`${service.url}${fit.files['head.glb']}`);
    expect(glb.headers.get('content-type')).toBe('model/gltf-binary');
    const bytes = new Uint8Array(await glb.arrayBuffer());
    expect((await validateBytes(bytes)).issues.messages.filter(({ severity }) => severity <= 1)).toEqual([]);
    expect((await fetch(`${service.url}${links.self}/head.obj`)).status).toBe(404);
    expect((await fetch(service.url + links.self, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(service.url + links.self)).status).toBe(404);
  });
});

it('SIGTERM ends it and leaves no file', async () => {
  expect(await service.stop()).toBe(0);
  expect(await temporaryFolders()).toEqual(before);
});
