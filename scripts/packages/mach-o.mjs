// The few facts of a Mach-O library that tell where it loads. Linux has no tool for it that every machine has.
import { readFileSync } from 'node:fs';

const MAGIC_64 = 0xfeedfacf;
const CPU_ARM64 = 0x0100000c;
const SYMBOLS = 0x2;
const NEEDED = new Set([0xc, 0x80000018, 0x8000001f]); // LC_LOAD_DYLIB, weak, re-exported
const BUILT_FOR = 0x32;
/** Of a symbol's type byte: defined outside of a section, private, external; a debugging entry. */
const DEFINED_IN_SECTION = 0xe;
const PRIVATE = 0x10;
const EXTERNAL = 0x1;
const DEBUGGING = 0xe0;

/**
 * @param {string} path
 * @returns {{ exports: string[], libraries: string[], oldest: string }}
 */
export function machO(path) {
  const file = readFileSync(path);
  if (file.readUInt32LE(0) !== MAGIC_64 || file.readUInt32LE(4) !== CPU_ARM64)
    throw new Error(`${path} is no arm64 Mach-O file`);
  const text = (at) => file.toString('latin1', at, file.indexOf(0, at));
  const found = { exports: [], libraries: [], oldest: '' };
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left--, at += file.readUInt32LE(at + 4)) {
    const command = file.readUInt32LE(at);
    if (NEEDED.has(command)) found.libraries.push(text(at + file.readUInt32LE(at + 8)));
    if (command === BUILT_FOR) {
      const version = file.readUInt32LE(at + 12);
      found.oldest = `macOS ${version >> 16}.${(version >> 8) & 255} or newer`;
    }
    if (command === SYMBOLS) found.exports = exportedNames(file, at, text);
  }
  return found;
}

function exportedNames(file, at, text) {
  const [table, count, strings] = [8, 12, 16].map((offset) => file.readUInt32LE(at + offset));
  const names = [];
  for (let entry = table; entry < table + 16 * count; entry += 16) {
    const type = file[entry + 4];
    const exported = type & EXTERNAL && !(type & PRIVATE) && !(type & DEBUGGING);
    // C names begin with an underscore there.
    if (exported && (type & DEFINED_IN_SECTION) === DEFINED_IN_SECTION)
      names.push(text(strings + file.readUInt32LE(entry)).slice(1));
  }
  return names;
}
