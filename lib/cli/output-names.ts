import { basename, extname } from 'node:path';

/**
 * The NAME under which each input's files go: its file name without the extension, and with `-2`, `-3`, ... where an
 * earlier input has that name already, so that `a/face.jpg` and `b/face.png` never overwrite each other.
 * Letter case does not tell names apart, because some file systems ignore it.
 */
export function outputNames(inputs: readonly string[]): string[] {
  const plain = inputs.map((input) => basename(input, extname(input)) || basename(input));
  const taken = new Set<string>();
  const reserved = new Set(plain.map((name) => name.toLowerCase()));
  return plain.map((name) => {
    let unique = name;
    // A number must also stay clear of inputs that are really called so.
    for (let n = 2; taken.has(unique.toLowerCase()); n++) {
      const candidate = `${name}-${n}`;
      if (!reserved.has(candidate.toLowerCase())) unique = candidate;
    }
    taken.add(unique.toLowerCase());
    return unique;
  });
}
