import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { PassThrough, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HrnError } from '../index.js';
import { type S3Store, s3Address } from './s3.js';

/** A photo on disk or in a store: named by a path under the root or an s3:// address. */
export class Photos {
  readonly #root: string;
  readonly #s3: S3Store;

  /** @param root folder under which every photo lies; a job cannot name a file outside */
  constructor(root: string, s3: S3Store) {
    this.#root = root;
    this.#s3 = s3;
  }

  /** The name that a job carries. Throws HrnError FILE_NOT_FOUND, INVALID_OPTION. */
  async nameOf(photo: string): Promise<string> {
    if (photo.startsWith('s3://')) {
      if (s3Address(photo)) return photo;
      throw new HrnError('INVALID_OPTION', `expected s3://BUCKET/KEY, got ${photo}`);
    }
    const root = await realpathOf(this.#root);
    const path = await realpathOf(isAbsolute(photo) ? photo : join(root, photo));
    if (!path.startsWith(root + sep)) {
      throw new HrnError('INVALID_OPTION', `${photo} does not lie under ${root}; choose another --root`);
    }
    return relative(root, path).split(sep).join('/');
  }

  /** What is in it now. Throws HrnError FILE_NOT_FOUND, FILE_UNREADABLE, SERVICE_UNAVAILABLE. */
  async content(name: string): Promise<string> {
    const address = s3Address(name);
    if (address) {
      const etag = await this.#s3.etag(address);
      if (etag !== undefined) return `etag:${etag}`;
      throw new HrnError('FILE_NOT_FOUND', `there is no ${name}`);
    }
    const hash = createHash('sha256');
    await readThrough(name, createReadStream(join(this.#root, name)), hash, new PassThrough().resume());
    return `sha256:${hash.digest('hex')}`;
  }

  /**
   * Copies it to a file, provided that it still holds what the job was made for.
   *
   * @throws HrnError as `content`; INVALID_IMAGE where it has changed
   */
  async copy(name: string, content: string, path: string): Promise<void> {
    const to = createWriteStream(path, { flags: 'wx' });
    const changed = new HrnError(
      'INVALID_IMAGE',
      `${name} has changed since it was put into the queue; enqueue it again`,
    );
    const address = s3Address(name);
    if (address) {
      const body = await this.#s3.get(address, content.replace(/^etag:/, ''));
      if (!body) throw changed;
      await readThrough(name, body, undefined, to);
      return;
    }
    // The queue's own checks let no other name in, but Redis may be written to by others.
    if ((await this.nameOf(name)) !== name) throw new HrnError('INVALID_OPTION', `${name} is not under the root`);
    const hash = createHash('sha256');
    await readThrough(name, createReadStream(join(this.#root, name)), hash, to);
    if (`sha256:${hash.digest('hex')}` !== content) throw changed;
  }
}

async function realpathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    throw new HrnError('FILE_NOT_FOUND', `there is no file ${path}; check the path`, { cause });
  }
}

async function readThrough(
  name: string,
  from: NodeJS.ReadableStream,
  hash: ReturnType<typeof createHash> | undefined,
  to: NodeJS.WritableStream,
): Promise<void> {
  const observe = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash?.update(chunk);
      done(null, chunk);
    },
  });
  try {
    await pipeline(from, observe, to);
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new HrnError('FILE_NOT_FOUND', `there is no file ${name}; check the path`, { cause });
    if (code === 'EISDIR') throw new HrnError('IS_DIRECTORY', `${name} is a directory; name an image file in it`);
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG' || syscall === 'write') {
      throw new HrnError('DISK_FULL', `no space left to copy ${name} (${code})`, { cause });
    }
    throw new HrnError('FILE_UNREADABLE', `${name} cannot be read (${code ?? cause})`, { cause });
  }
}
