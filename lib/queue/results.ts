import { randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { HrnError } from '../index.js';
import { type S3Store, s3Address } from './s3.js';

/** Holds a result's files and says of which job they are; a result without it is not there. */
const RECORD = 'fit.json';
/** Folder of results that are being made. */
const PARTS = '.parts';

/** Where results go. Each is there whole, once, or not at all. */
export interface Results {
  /** Is the job's result there? */
  has(id: string): Promise<boolean>;
  /** A fresh folder on this machine to make a result in. */
  begin(id: string): Promise<string>;
  /** Puts a result in place, unless somebody else has meanwhile; removes the folder in any case. */
  commit(id: string, folder: string, record: object): Promise<void>;
  /** Removes the folder of a result that is not to be. */
  discard(folder: string): Promise<void>;
}

/** @param out a folder, or s3://BUCKET/PREFIX */
export async function openResults(out: string, s3: S3Store): Promise<Results> {
  const address = out.startsWith('s3://') ? s3Address(out.endsWith('/') ? out : `${out}/`) : undefined;
  if (address) return new StoreResults(address.bucket, address.key, s3);
  if (out.startsWith('s3://')) throw new HrnError('INVALID_OPTION', `expected s3://BUCKET/PREFIX, got ${out}`);
  return FolderResults.open(resolve(out));
}

/** Folders `ab/abcdef.../`, two levels because there may be a hundred thousand. A rename puts each in place. */
class FolderResults implements Results {
  readonly #out: string;

  private constructor(out: string) {
    this.#out = out;
  }

  static async open(out: string): Promise<FolderResults> {
    try {
      await mkdir(join(out, PARTS), { recursive: true });
      await removeOldParts(join(out, PARTS));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new HrnError('OUTPUT_NOT_WRITABLE', `cannot write results to ${out} (${code}); choose another --out`, {
        cause,
      });
    }
    return new FolderResults(out);
  }

  async has(id: string): Promise<boolean> {
    return access(join(this.#folderOf(id), RECORD)).then(
      () => true,
      () => false,
    );
  }

  async begin(id: string): Promise<string> {
    const folder = join(this.#out, PARTS, `${id}-${randomBytes(6).toString('hex')}`);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  async commit(id: string, folder: string, record: object): Promise<void> {
    await writeFile(join(folder, RECORD), `${JSON.stringify(record, null, 2)}\n`);
    const place = this.#folderOf(id);
    await mkdir(join(place, '..'), { recursive: true });
    try {
      await rename(folder, place);
    } catch (error) {
      // Somebody else was first: a folder with files is never replaced.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      await this.discard(folder);
    }
  }

  async discard(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
  }

  #folderOf(id: string): string {
    return join(this.#out, id.slice(0, 2), id);
  }
}

/** Half-made results of workers that were killed, a day later: no fit takes so long. */
async function removeOldParts(parts: string): Promise<void> {
  const old = Date.now() - 24 * 3600 * 1000;
  for (const name of await readdir(parts)) {
    const path = join(parts, name);
    const made = await stat(path).catch(() => undefined);
    if (made && made.mtimeMs < old) await rm(path, { recursive: true, force: true });
  }
}

const TYPES: Readonly<Record<string, string>> = {
  '.glb': 'model/gltf-binary',
  '.obj': 'model/obj',
  '.mtl': 'model/mtl',
  '.json': 'application/json',
  '.png': 'image/png',
};

/** Objects PREFIX/ID/NAME, the record last: before it is there, so is no result. */
class StoreResults implements Results {
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #s3: S3Store;

  constructor(bucket: string, prefix: string, s3: S3Store) {
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#s3 = s3;
  }

  async has(id: string): Promise<boolean> {
    return (await this.#s3.etag(this.#address(id, RECORD))) !== undefined;
  }

  begin(): Promise<string> {
    return mkdtemp(join(tmpdir(), 'hrn-worker-'));
  }

  async commit(id: string, folder: string, record: object): Promise<void> {
    try {
      for (const name of await readdir(folder)) {
        const type = TYPES[extname(name)] ?? 'application/octet-stream';
        await this.#s3.put(this.#address(id, name), await readFile(join(folder, name)), type);
      }
      const text = `${JSON.stringify(record, null, 2)}\n`;
      await this.#s3.put(this.#address(id, RECORD), Buffer.from(text), TYPES['.json']!);
    } finally {
      await this.discard(folder);
    }
  }

  async discard(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
  }

  #address(id: string, name: string) {
    return { bucket: this.#bucket, key: `${this.#prefix}${id}/${name}` };
  }
}
