import { existsSync } from 'node:fs';
import { HrnError } from '../errors.js';

/** An image that the command line names. */
export interface CliImage {
  /** What it is called in messages, and what its outputs are called after. */
  name: string;
  /** Path, or the bytes that came through stdin. */
  source: string | Uint8Array;
}

/**
 * What the arguments name: `-` is stdin, a pattern such as `*.jpg` that no shell has replaced is every file that matches,
 * sorted; all else, also a pattern that nothing matches, is the path of a file.
 *
 * @throws HrnError INVALID_OPTION where stdin is named twice
 */
export async function readImages(args: readonly string[]): Promise<CliImage[]> {
  if (args.filter((arg) => arg === '-').length > 1) {
    throw new HrnError('INVALID_OPTION', 'expected - (stdin) once, got it twice');
  }
  const images: CliImage[] = [];
  for (const arg of args) {
    if (arg === '-') images.push({ name: 'stdin', source: await readStdin() });
    else for (const path of await matches(arg)) images.push({ name: path, source: path });
  }
  return images;
}

async function matches(arg: string): Promise<string[]> {
  if (!/[*?[{]/.test(arg) || existsSync(arg)) return [arg];
  const { glob } = await import('tinyglobby');
  const pattern = process.platform === 'win32' ? arg.replaceAll('\\', '/') : arg;
  const found = await glob(pattern, { expandDirectories: false });
  return found.length > 0 ? found.sort() : [arg];
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
