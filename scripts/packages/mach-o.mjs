// The few facts of a Mach-O library that tell where it loads. Linux has no tool for it that every machine has.
import { readFileSync } from 'node:fs';

const MAGIC_64 = 0xfeedfacf;
const CPU_ARM64 = 0x0100000c;
const SYMBOLS = 0x2;
const NEEDED = new Set([0xc, 0x80000018, 0x8000001f]); // LC_LOAD_DYLIB, weak, re-exported
const BUILT_FOR = 0x32;
const SIGNATURE = 0x1d;
const BINDINGS = 0x80000022; // LC_DYLD_INFO_ONLY
/** Of a symbol's type byte: defined outside of a section, private, external; a debugging entry. */
const DEFINED_IN_SECTION = 0xe;
const PRIVATE = 0x10;
const EXTERNAL = 0x1;
const DEBUGGING = 0xe0;
/** Of its description: one definition of many, which the system joins. */
const WEAK = 0x80;
/** In place of the number of a library: in whatever the process has open. */
const ANYWHERE = -2;
/** Of C++, weak in every program: whichever is taken calls malloc and free. The linker's own names. */
const JOINED = /^_Z(n[aw]m|d[al]Pv)/;
const OF_THE_LINKER = ['__dso_handle', '_mh_dylib_header'];

/**
 * @param {string} path
 * @returns {{ exports: string[], lost: string[], libraries: string[], oldest: string }} what it exports besides that; what it wants
 *   of no library in particular; the libraries it names; the oldest system
 * @throws Error where a Mac would not open it
 */
export function machO(path) {
  const file = readFileSync(path);
  if (file.readUInt32LE(0) !== MAGIC_64 || file.readUInt32LE(4) !== CPU_ARM64)
    throw new Error(`${path} is no arm64 Mach-O file`);
  const text = (at) => file.toString('latin1', at, file.indexOf(0, at));
  let signed = false;
  const found = { exports: [], lost: [], libraries: [], oldest: '' };
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left--, at += file.readUInt32LE(at + 4)) {
    const command = file.readUInt32LE(at);
    if (NEEDED.has(command)) found.libraries.push(text(at + file.readUInt32LE(at + 8)));
    if (command === BUILT_FOR) {
      const version = file.readUInt32LE(at + 12);
      found.oldest = `macOS ${version >> 16}.${(version >> 8) & 255} or newer`;
    }
    if (command === SIGNATURE) signed = true;
    if (command === SYMBOLS) found.exports = exportedNames(file, at, text);
    if (command === BINDINGS) {
      const from = new Map([16, 32].flatMap((table) => [...boundNames(file, at + table, text)]));
      for (const [name, library] of from) {
        if (library === ANYWHERE) found.lost.push(name);
        else if (library < 1) throw new Error(`${path} looks for ${name} in itself`);
      }
    }
  }
  if (!signed) throw new Error(`${path} has no signature, without which Macs with Apple silicon open nothing`);
  return found;
}

function exportedNames(file, at, text) {
  const [table, count, strings] = [8, 12, 16].map((offset) => file.readUInt32LE(at + offset));
  const names = [];
  for (let entry = table; entry < table + 16 * count; entry += 16) {
    const type = file[entry + 4];
    if (!(type & EXTERNAL) || type & PRIVATE || type & DEBUGGING) continue;
    if ((type & DEFINED_IN_SECTION) !== DEFINED_IN_SECTION) continue;
    // C names begin with an underscore there.
    const name = text(strings + file.readUInt32LE(entry)).slice(1);
    const common = OF_THE_LINKER.includes(name) || (JOINED.test(name) && file.readUInt16LE(entry + 6) & WEAK);
    if (!common) names.push(name);
  }
  return names;
}

/**
 * The names that the system looks up when it opens the file, of one of its two tables: a program of one-byte instructions.
 *
 * @returns {Map<string, number>} number of the library that each is looked for in
 */
function boundNames(file, entry, text) {
  const [start, size] = [file.readUInt32LE(entry), file.readUInt32LE(entry + 4)];
  const found = new Map();
  let [at, library, name] = [start, 0, ''];
  /** Bytes with seven bits each, the lowest first. */
  const number = () => {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = file[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
      shift += 7;
    }
  };
  while (at < start + size) {
    const byte = file[at++];
    const immediate = byte & 15;
    switch (byte >> 4) {
      case 1: // number of the library
        library = immediate;
        break;
      case 2:
        library = number();
        break;
      case 3: // a place that is none
        library = immediate === 0 ? 0 : immediate - 16;
        break;
      case 4:
        name = text(at).slice(1);
        at += name.length + 2;
        break;
      case 6: // addend
      case 7: // segment and offset
      case 8: // skip
        number();
        break;
      case 9: // bind, and further with an offset or often
      case 11:
        found.set(name, library);
        break;
      case 10:
        found.set(name, library);
        number();
        break;
      case 12:
        found.set(name, library);
        number();
        number();
        break;
      default: // end of an entry; type
        break;
    }
  }
  return found;
}
