import type { Entry, ZipFile } from 'yauzl';
import yauzl from 'yauzl';
import { corruptFile, tooLarge } from './errors.js';

const MAX_ENTRIES = 100_000;
const MAX_BYTES = 2 ** 32;

/** The files of a zip archive in memory, inflated when asked for. */
export class Zip {
  readonly #file: ZipFile;
  readonly #entries = new Map<string, Entry>();

  private constructor(file: ZipFile) {
    this.#file = file;
  }

  /**
   * Reads the directory of an archive. yauzl does the work: it knows zip64, checks sizes and names, and inflates no more
   * than an entry claims.
   *
   * @throws HrnError MODEL_CORRUPT, MODEL_TOO_LARGE
   */
  static async open(bytes: Uint8Array): Promise<Zip> {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      const file = await new Promise<ZipFile>((resolve, reject) =>
        yauzl.fromBuffer(buffer, { lazyEntries: true }, (error, opened) => (error ? reject(error) : resolve(opened))),
      );
      const zip = new Zip(file);
      await zip.#list();
      return zip;
    } catch (error) {
      throw corrupt(error);
    }
  }

  names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** @throws HrnError MODEL_CORRUPT, MODEL_TOO_LARGE */
  async read(name: string): Promise<Buffer> {
    const entry = this.#entries.get(name);
    if (!entry) throw corruptFile('zip', `it holds no ${name}`);
    if (entry.uncompressedSize > MAX_BYTES) throw tooLarge(name, entry.uncompressedSize, MAX_BYTES);
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        this.#file.openReadStream(entry, (error, stream) => {
          if (error) return reject(error);
          const chunks: Buffer[] = [];
          stream.on('data', (chunk: Buffer) => chunks.push(chunk));
          stream.on('error', reject);
          stream.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
        });
      });
    } catch (error) {
      throw corrupt(error);
    }
  }

  #list(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#file.on('entry', (entry: Entry) => {
        if (this.#entries.size >= MAX_ENTRIES) {
          reject(tooLarge('the number of files in the zip', this.#file.entryCount, MAX_ENTRIES));
          return;
        }
        this.#entries.set(entry.fileName, entry);
        this.#file.readEntry();
      });
      this.#file.on('error', reject);
      this.#file.on('end', () => resolve());
      this.#file.readEntry();
    });
  }
}

export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

function corrupt(error: unknown): Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('MODEL_')
    ? error
    : corruptFile('zip', (error as Error).message, { cause: error });
}
