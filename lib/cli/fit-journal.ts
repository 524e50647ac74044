import { createHash } from 'node:crypto';
import { appendFile, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { outputError } from '../atomic-write.js';
import { outputNames } from './output-names.js';

const FILE = 'hrn-fit.jsonl';
/** Flags that change nothing in the files, or only where they lie. */
const NO_MATTER = new Set(['out', 'threads', 'quiet', 'resume', 'device', 'inference', 'jsonl']);

/** One image that was fitted, whole or in vain. */
interface Entry {
  image: string;
  /** Its files' common name. */
  name: string;
  bytes: number;
  mtimeMs: number;
  /** Hash of the flags that its files depend on. */
  flags: string;
  done: boolean;
  /** Relative to the folder of the journal. */
  files: string[];
}

/**
 * What was done in an output folder, a line per image, so that an interrupted run can go on: an image is skipped where it,
 * the flags and its files are as they were.
 */
export class FitJournal {
  readonly #path: string;
  readonly #out: string;
  readonly #flags: string;
  readonly #entries: Map<string, Entry>;

  private constructor(out: string, flags: string, entries: Map<string, Entry>) {
    this.#path = join(out, FILE);
    this.#out = out;
    this.#flags = flags;
    this.#entries = entries;
  }

  /** Opens the journal of a folder; there need be none. */
  static async open(out: string, flags: object): Promise<FitJournal> {
    const given = Object.entries(flags).filter(([name]) => !NO_MATTER.has(name));
    const text = JSON.stringify(given.sort(([a], [b]) => (a < b ? -1 : 1)));
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
    const entries = new Map<string, Entry>();
    const lines = (await readFile(join(out, FILE), 'utf8').catch(() => '')).split('\n');
    for (const line of lines) {
      const entry = parse(line);
      if (entry) entries.set(entry.image, entry);
    }
    return new FitJournal(resolve(out), hash, entries);
  }

  /** As outputNames, but an image that was here before keeps its name, whatever has come beside it. */
  names(images: readonly string[]): string[] {
    const known = images.map((image) => this.#entries.get(resolve(image))?.name);
    const taken = new Set([...this.#entries.values()].map(({ name }) => name.toLowerCase()));
    return outputNames(images).map((name, i) => {
      const before = known[i];
      if (before !== undefined) return before;
      let unique = name;
      for (let n = 2; taken.has(unique.toLowerCase()); n++) unique = `${name}-${n}`;
      taken.add(unique.toLowerCase());
      return unique;
    });
  }

  /** Was this image fitted with these flags, and is everything still there? */
  async isDone(image: string): Promise<boolean> {
    const entry = this.#entries.get(resolve(image));
    if (!entry?.done || entry.flags !== this.#flags) return false;
    const now = await stat(image).catch(() => undefined);
    if (!now || now.size !== entry.bytes || now.mtimeMs !== entry.mtimeMs) return false;
    const found = await Promise.all(entry.files.map((file) => stat(join(this.#out, file)).catch(() => undefined)));
    return found.every((file) => file?.isFile());
  }

  /** @param files paths that were written. Throws HrnError OUTPUT_NOT_WRITABLE, DISK_FULL. */
  async add(image: string, name: string, done: boolean, files: readonly string[]): Promise<void> {
    const info = await stat(image).catch(() => undefined);
    const entry: Entry = {
      image: resolve(image),
      name,
      bytes: info?.size ?? 0,
      mtimeMs: info?.mtimeMs ?? 0,
      flags: this.#flags,
      done,
      files: files.map((file) => relative(this.#out, resolve(file))),
    };
    try {
      // One write a line: a run that is killed leaves whole lines, and at most the last one cut off.
      await appendFile(this.#path, `${JSON.stringify(entry)}\n`);
    } catch (error) {
      throw outputError(error, this.#path);
    }
  }
}

function parse(line: string): Entry | undefined {
  try {
    const entry = JSON.parse(line) as Entry;
    return typeof entry.image === 'string' && Array.isArray(entry.files) ? entry : undefined;
  } catch {
    return undefined; // cut off when a run was killed
  }
}
