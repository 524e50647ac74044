import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { HrnError } from '../index.js';

/** 144 random bits: not to be guessed, and safe as a file name and in a URL. */
const ID = /^[A-Za-z0-9_-]{24}$/;
const RECORD = 'fit.json';
const LOCK = 'serve.lock';
/** Ends the name of a fit's folder until all of it is there. */
const PART = '.part';

export const newId = (): string => randomBytes(18).toString('base64url');

/** A finished fit as it lies on disk. */
export interface StoredFit<Record> {
  id: string;
  record: Record;
  bytes: number;
}

/**
 * The folder of the service: `ID.part` holds a fit's upload and its files while they are made, `ID` the files of a finished
 * one. Every name is made here or in the workers; nothing that a client sends becomes part of a path.
 */
export class ResultFolder {
  readonly path: string;
  readonly #temporary: boolean;

  private constructor(path: string, temporary: boolean) {
    this.path = path;
    this.#temporary = temporary;
  }

  /**
   * @param folder made if missing; undefined for a temporary one
   * @throws HrnError OUTPUT_NOT_WRITABLE
   */
  static async open(folder: string | undefined): Promise<ResultFolder> {
    if (folder === undefined) return new ResultFolder(await mkdtemp(join(tmpdir(), 'hrn-serve-')), true);
    const path = resolve(folder);
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      await takeLock(join(path, LOCK));
    } catch (cause) {
      if (cause instanceof HrnError) throw cause;
      const { message } = cause as Error;
      throw new HrnError('OUTPUT_NOT_WRITABLE', `cannot use ${path} for results (${message}); choose another folder`, {
        cause,
      });
    }
    return new ResultFolder(path, false);
  }

  /** Removes what an earlier run left half-done and returns what it finished. */
  async recover<Record>(): Promise<StoredFit<Record>[]> {
    const found: StoredFit<Record>[] = [];
    for (const name of await readdir(this.path)) {
      if (name.endsWith(PART) && ID.test(name.slice(0, -PART.length))) {
        await rm(join(this.path, name), { recursive: true, force: true });
      } else if (ID.test(name)) {
        try {
          const record = JSON.parse(await readFile(join(this.path, name, RECORD), 'utf8')) as Record;
          found.push({ id: name, record, bytes: await folderBytes(join(this.path, name)) });
        } catch {
          // Without a record nobody can ask for it.
          await rm(join(this.path, name), { recursive: true, force: true });
        }
      }
    }
    return found;
  }

  /** A fit's folder while it is made. */
  async begin(id: string): Promise<string> {
    const folder = join(this.path, id + PART);
    await mkdir(folder, { mode: 0o700 });
    return folder;
  }

  /** Puts a fit's folder in place; returns its size in bytes. */
  async finish(id: string, record: object): Promise<number> {
    const part = join(this.path, id + PART);
    await writeFile(join(part, RECORD), JSON.stringify(record));
    const bytes = await folderBytes(part);
    await rename(part, join(this.path, id));
    return bytes;
  }

  fileOf(id: string, name: string): string {
    return join(this.path, id, name);
  }

  async remove(id: string): Promise<void> {
    for (const name of [id + PART, id]) await rm(join(this.path, name), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    if (this.#temporary) await rm(this.path, { recursive: true, force: true });
    else await rm(join(this.path, LOCK), { force: true });
  }
}

async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  return bytes;
}

/** Two services in one folder would remove each other's work. */
async function takeLock(path: string): Promise<void> {
  for (;;) {
    try {
      const handle = await open(path, 'wx');
      await handle.writeFile(`${process.pid}\n`);
      await handle.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = Number(await readFile(path, 'utf8'));
    if (isRunning(pid)) {
      throw new HrnError('OUTPUT_NOT_WRITABLE', `another hrn serve (process ${pid}) uses the folder of ${path}`);
    }
    await rm(path, { force: true });
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
