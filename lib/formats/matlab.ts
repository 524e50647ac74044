import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { corruptFile, tooLarge, wrongFormat } from './errors.js';
import { checkedCount, decodeNumbers, fromFortranOrder, kindSize, type NdArray, type NumberKind } from './nd-array.js';

/** Types of MATLAB's data elements. */
const KINDS: Record<number, NumberKind> = {
  1: 'i1',
  2: 'u1',
  3: 'i2',
  4: 'u2',
  5: 'i4',
  6: 'u4',
  7: 'f4',
  9: 'f8',
  12: 'i8',
  13: 'u8',
  16: 'u1',
  17: 'u2',
};
const MATRIX = 14;
const COMPRESSED = 15;
const CELL = 1;
const CHAR = 4;
const SPARSE = 5;
const FIRST_NUMERIC = 6;
const LAST_NUMERIC = 15;
const MAX_BYTES = 2 ** 31;
const inflated = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate);

/**
 * The numeric variables of a MATLAB file of version 5 (save -v6, -v7; scipy.io.savemat), texts as arrays of character
 * codes. Cells, structures, objects and sparse matrices are left out.
 *
 * @throws HrnError MODEL_FORMAT, MODEL_CORRUPT, MODEL_TOO_LARGE
 */
export async function parseMatlab(bytes: Uint8Array): Promise<Map<string, NdArray>> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('latin1', 0, 116);
  if (text.startsWith('MATLAB 7.3') || buffer.toString('latin1', 1, 4) === 'HDF') {
    throw wrongFormat('a MATLAB file of version 5', "one of version 7.3; save it with '-v7'");
  }
  const order = buffer.toString('latin1', 126, 128);
  if (buffer.length < 128 || (order !== 'IM' && order !== 'MI')) {
    throw wrongFormat('a MATLAB file of version 5', `a file that begins with ${JSON.stringify(text.slice(0, 16))}`);
  }
  const littleEndian = order === 'IM';
  const variables = new Map<string, NdArray>();
  let at = 128;
  while (at + 8 <= buffer.length) {
    const element = elementAt(buffer, at, littleEndian);
    at = element.end;
    let matrix = element;
    if (element.type === COMPRESSED) {
      matrix = elementAt(await inflateElement(element.data), 0, littleEndian);
      // A compressed element is not padded.
      at = element.dataEnd;
    }
    if (matrix.type !== MATRIX) continue;
    const variable = variableOf(matrix.data, littleEndian);
    if (variable) variables.set(variable.name, variable.array);
  }
  return variables;
}

interface Element {
  type: number;
  data: Buffer;
  dataEnd: number;
  /** With padding. */
  end: number;
}

async function inflateElement(data: Buffer): Promise<Buffer> {
  try {
    return await inflated(data, { maxOutputLength: MAX_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge('a compressed variable', MAX_BYTES + 1, MAX_BYTES);
    }
    throw corruptFile('MATLAB', (error as Error).message, { cause: error });
  }
}

function elementAt(buffer: Buffer, at: number, littleEndian: boolean): Element {
  if (at + 8 > buffer.length) throw corruptFile('MATLAB', `an element begins at the end of its ${buffer.length} bytes`);
  const word = (offset: number) => (littleEndian ? buffer.readUInt32LE(offset) : buffer.readUInt32BE(offset));
  const tag = word(at);
  const small = tag >>> 16;
  // Up to four bytes are stored in the tag itself.
  if (small !== 0) {
    if (small > 4) throw corruptFile('MATLAB', `a small element claims ${small} bytes`);
    return { type: tag & 0xffff, data: buffer.subarray(at + 4, at + 4 + small), dataEnd: at + 8, end: at + 8 };
  }
  const size = word(at + 4);
  const dataEnd = at + 8 + size;
  if (dataEnd > buffer.length) {
    throw corruptFile('MATLAB', `an element claims ${size} bytes, ${buffer.length - at - 8} are left`);
  }
  return {
    type: tag,
    data: buffer.subarray(at + 8, dataEnd),
    dataEnd,
    end: Math.min(buffer.length, 8 * Math.ceil(dataEnd / 8)),
  };
}

function variableOf(data: Buffer, littleEndian: boolean): { name: string; array: NdArray } | undefined {
  if (data.length === 0) return undefined;
  const flags = elementAt(data, 0, littleEndian);
  const sizes = elementAt(data, flags.end, littleEndian);
  const title = elementAt(data, sizes.end, littleEndian);
  if (flags.data.length < 4) throw corruptFile('MATLAB', 'a variable has no class');
  const classAndFlags = littleEndian ? flags.data.readUInt32LE() : flags.data.readUInt32BE();
  const matrixClass = classAndFlags & 0xff;
  const known = matrixClass === CHAR || (matrixClass >= FIRST_NUMERIC && matrixClass <= LAST_NUMERIC);
  if (!known) {
    if (matrixClass >= CELL && matrixClass <= SPARSE + 13) return undefined;
    throw corruptFile('MATLAB', `a variable has the class ${matrixClass}`);
  }
  const shape = [...numbers(sizes, littleEndian)];
  const count = checkedCount('MATLAB', shape);
  const values = count === 0 ? undefined : elementAt(data, title.end, littleEndian);
  const array = { shape, data: values ? numbers(values, littleEndian, count) : new Float64Array() };
  return { name: title.data.toString('latin1'), array: fromFortranOrder(array) };
}

/** MATLAB stores numbers in the smallest type that holds them, whatever the variable's class. */
function numbers({ type, data }: Element, littleEndian: boolean, count?: number): NdArray['data'] {
  const kind = KINDS[type];
  if (!kind) throw corruptFile('MATLAB', `numbers have the unknown type ${type}`);
  const available = Math.floor(data.length / kindSize(kind));
  if (count !== undefined && available < count) throw corruptFile('MATLAB', `${available} numbers for ${count}`);
  return decodeNumbers(data, kind, count ?? available, littleEndian);
}
