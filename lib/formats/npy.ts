import { corruptFile, wrongFormat } from './errors.js';
import { checkedCount, decodeNumbers, fromFortranOrder, kindOf, kindSize, type NdArray } from './nd-array.js';
import { unpickleArrays } from './numpy-pickle.js';

/** Texts of a numpy array of strings. */
export interface TextArray {
  shape: number[];
  texts: string[];
}

/** What a .npy file may hold: numbers, texts, or Python objects made of both. */
export type NpyContent = NdArray | TextArray | { objects: unknown };

const MAGIC = '\x93NUMPY';
const MAX_HEADER = 1 << 16;
const HEADER =
  /^\{\s*'descr':\s*'([^']{1,16})',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d,\sL]{0,200})\),?\s*\}\s*$/;

/**
 * Reads a .npy file (format 1 to 3): numbers of any size and byte order, texts, and object arrays of arrays, which are
 * pickles and read as such, never run.
 *
 * @throws HrnError MODEL_CORRUPT, MODEL_FORMAT, MODEL_UNSAFE, MODEL_TOO_LARGE
 */
export function parseNpy(bytes: Uint8Array): NpyContent {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 12 || buffer.toString('latin1', 0, 6) !== MAGIC) {
    throw wrongFormat('a .npy file', `a file that begins with ${buffer.subarray(0, 6).toString('hex')}`);
  }
  const version = buffer[6]!;
  if (version < 1 || version > 3) throw corruptFile('.npy', `it has format ${version}, expected 1 to 3`);
  const length = version === 1 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8);
  const start = version === 1 ? 10 : 12;
  if (length > MAX_HEADER || start + length > buffer.length) {
    throw corruptFile('.npy', `its header claims ${length} bytes of ${buffer.length}`);
  }
  const header = HEADER.exec(buffer.toString('latin1', start, start + length));
  if (!header) throw corruptFile('.npy', 'its header is not a description of one array');
  const [, type = '', order, dimensions = ''] = header;
  const shape = [...dimensions.matchAll(/\d+/g)].map(([n]) => Number(n));
  const count = checkedCount('.npy', shape);
  const data = buffer.subarray(start + length);
  if (/^[|=<>]?O/.test(type)) return { objects: unpickleArrays(data) };
  const text = /^([<>=|])?([US])(\d{1,6})$/.exec(type);
  if (text) return readTexts(data, shape, count, text[2] as 'U' | 'S', Number(text[3]), text[1] !== '>');
  const kind = kindOf(type.replace(/^[<>=|]/, ''));
  if (!kind) throw wrongFormat('an array of numbers or texts', `numpy type ${type}`);
  if (data.length < count * kindSize(kind)) {
    throw corruptFile('.npy', `it has ${data.length} bytes of data, its shape needs ${count * kindSize(kind)}`);
  }
  const array = { shape, data: decodeNumbers(data, kind, count, !type.startsWith('>')) };
  return order === 'True' ? fromFortranOrder(array) : array;
}

/** The numbers of a .npy file. @throws HrnError as parseNpy, MODEL_FORMAT for texts and objects */
export function parseNpyNumbers(bytes: Uint8Array): NdArray {
  const content = parseNpy(bytes);
  if ('data' in content) return content;
  throw wrongFormat('an array of numbers', 'texts' in content ? 'texts' : 'Python objects');
}

function readTexts(
  data: Buffer,
  shape: number[],
  count: number,
  unit: 'U' | 'S',
  width: number,
  littleEndian: boolean,
): TextArray {
  const size = unit === 'U' ? 4 * width : width;
  if (data.length < count * size)
    throw corruptFile('.npy', `it has ${data.length} bytes of texts, not ${count * size}`);
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    const field = data.subarray(i * size, (i + 1) * size);
    let text = '';
    for (let k = 0; k < width; k++) {
      const code = unit === 'S' ? field[k]! : littleEndian ? field.readUInt32LE(4 * k) : field.readUInt32BE(4 * k);
      if (code === 0) break;
      if (code > 0x10ffff) throw corruptFile('.npy', `a text holds the character ${code}`);
      text += String.fromCodePoint(code);
    }
    texts.push(text);
  }
  return { shape, texts };
}
