/** `--name N` from the command line. */
export function numberArgument(name: string, byDefault: number): number {
  const at = process.argv.indexOf(`--${name}`);
  if (at < 0) return byDefault;
  const value = Number(process.argv[at + 1]);
  if (!Number.isFinite(value)) throw new Error(`expected a number after --${name}`);
  return value;
}

/** `--name TEXT` from the command line. */
export function textArgument(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** What follows a `--` of its own. */
export function argumentsAfterDashes(): string[] {
  const at = process.argv.indexOf('--');
  return at < 0 ? [] : process.argv.slice(at + 1);
}

/** Numbers 0..1 that are the same in every run (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
