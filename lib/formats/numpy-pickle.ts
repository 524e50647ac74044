import { corruptFile } from './errors.js';
import { checkedCount, decodeNumbers, fromFortranOrder, kindOf, type NdArray, type NumberKind } from './nd-array.js';
import { bytesOf, type PickleGlobal, type PickleObject, unpickle } from './pickle.js';

/** numpy's description of a number. */
class DataType implements PickleObject {
  littleEndian = true;
  constructor(readonly kind: string) {}
  setState(state: unknown): void {
    if (Array.isArray(state) && state[1] === '>') this.littleEndian = false;
  }
  get numberKind(): NumberKind {
    return kindOf(this.kind) ?? unusable(`numpy type ${this.kind}`);
  }
}

/** An array that gets its content from its state. */
class PickledArray implements PickleObject {
  value: NdArray | { shape: number[]; objects: unknown[] } | undefined;
  setState(state: unknown): void {
    const [, shape, type, fortran, content] = list(state);
    const sizes = list(shape).map(Number);
    const count = checkedCount('pickle', sizes);
    if (!(type instanceof DataType)) unusable('an array without a type');
    if (Array.isArray(content)) {
      if (content.length !== count) unusable(`${content.length} objects for ${count}`);
      this.value = { shape: sizes, objects: content };
      return;
    }
    const bytes = bytesOf(content) ?? unusable('an array without data');
    const array = { shape: sizes, data: decodeNumbers(bytes, type.numberKind, count, type.littleEndian) };
    this.value = fortran === true ? fromFortranOrder(array) : array;
  }
}

/** Any object whose attributes hold what is wanted: chumpy's arrays, scipy's sparse matrices. */
class Attributes implements PickleObject {
  readonly fields = new Map<unknown, unknown>();
  constructor(readonly path: string) {}
  setState(state: unknown): void {
    if (Array.isArray(state)) for (const part of state) this.#take(part);
    else this.#take(state);
  }
  #take(part: unknown): void {
    if (part instanceof Map) for (const [key, value] of part) this.fields.set(key, value);
  }
}

/** A PyTorch tensor among numpy's arrays, as FLAME's landmark_embedding.npy has them: left unread. */
class Unread implements PickleObject {
  setState(): void {}
}

const CHUMPY = /^chumpy(\.\w+)*\.(Ch|Select|reorder\w*|Reshape|Transpose)$/;
const SPARSE = /^scipy\.sparse(\._?\w+)?\.(csc|csr|coo)_(matrix|array)$/;

/** Stands for numpy's own constructors, chumpy's arrays, scipy's sparse matrices and tensors; nothing else is known. */
export function numpyObject(callee: PickleGlobal, args: readonly unknown[]): unknown | undefined {
  switch (callee.path.replace('numpy._core.', 'numpy.core.')) {
    case 'numpy.core.multiarray._reconstruct':
    case 'numpy.ndarray':
      return new PickledArray();
    case 'numpy.core.numeric._frombuffer': {
      const [data, type, shape, order] = args;
      const array = new PickledArray();
      array.setState([1, shape, type, order === 'F', data]);
      return array;
    }
    case 'numpy.dtype':
      return new DataType(String(args[0]).replace(/^[<>=|]/, ''));
    case 'numpy.core.multiarray.scalar': {
      const [type, data] = args;
      const bytes = bytesOf(data);
      if (!(type instanceof DataType) || !bytes) return unusable('a number without a type');
      return decodeNumbers(bytes, type.numberKind, 1, type.littleEndian)[0];
    }
    case '_codecs.encode': {
      const [text] = args;
      return typeof text === 'string' ? Buffer.from(text, 'latin1') : unusable('an encoded text that is none');
    }
    case 'copy_reg._reconstructor':
    case 'copyreg._reconstructor': {
      const known = args[0] as PickleGlobal | undefined;
      return known?.path && (CHUMPY.test(known.path) || SPARSE.test(known.path))
        ? new Attributes(known.path)
        : undefined;
    }
    case 'collections.OrderedDict':
      return new Map();
    // How protocol 2 writes no bytes at all.
    case '__builtin__.bytes':
    case 'builtins.bytes':
      return args.length === 0 ? Buffer.alloc(0) : undefined;
    case 'torch.storage._load_from_bytes':
    case 'torch._utils._rebuild_tensor':
    case 'torch._utils._rebuild_tensor_v2':
      return new Unread();
  }
  if (CHUMPY.test(callee.path) || SPARSE.test(callee.path)) return new Attributes(callee.path);
  return undefined;
}

/**
 * Reads a pickle of numpy arrays, chumpy arrays and scipy sparse matrices, in lists and dictionaries: all of them as dense
 * arrays. Nothing is run.
 *
 * @throws HrnError MODEL_CORRUPT, MODEL_UNSAFE, MODEL_TOO_LARGE
 */
export function unpickleArrays(bytes: Uint8Array): unknown {
  return plain(unpickle(bytes, { call: numpyObject }).value, new Map());
}

/** Objects become what they hold. Shared ones stay shared, and circles end. */
function plain(value: unknown, seen: Map<unknown, unknown>): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  if (seen.has(value)) return seen.get(value);
  if (value instanceof PickledArray) {
    const content = value.value ?? unusable('an array without content');
    if ('data' in content) {
      seen.set(value, content);
      return content;
    }
    const objects = content.objects.map((item) => plain(item, seen));
    // A scalar object array is how numpy stores a dictionary.
    const result = content.shape.length === 0 ? objects[0] : objects;
    seen.set(value, result);
    return result;
  }
  if (value instanceof Attributes) {
    const result = CHUMPY.test(value.path) ? plain(value.fields.get('x') ?? null, seen) : dense(value, seen);
    seen.set(value, result);
    return result;
  }
  if (Array.isArray(value)) {
    const out: unknown[] = [];
    seen.set(value, out);
    for (const item of value) out.push(plain(item, seen));
    return out;
  }
  if (value instanceof Map) {
    const out = new Map<unknown, unknown>();
    seen.set(value, out);
    for (const [key, item] of value) out.set(key, plain(item, seen));
    return out;
  }
  return value;
}

function dense({ path, fields }: Attributes, seen: Map<unknown, unknown>): NdArray {
  const numbers = (name: string): NdArray => {
    const array = plain(fields.get(name), seen);
    return isArray(array) ? array : unusable(`a sparse matrix without ${name}`);
  };
  const shape = list(fields.get('_shape') ?? fields.get('shape')).map(Number);
  const [rows = 0, columns = 0] = shape;
  const out = new Float64Array(checkedCount('pickle', [rows, columns]));
  const values = numbers('data').data;
  const put = (row: number, column: number, k: number) => {
    if (!(row >= 0 && row < rows && column >= 0 && column < columns)) unusable('a sparse matrix that leaves its shape');
    out[row * columns + column]! += values[k]!;
  };
  if (path.includes('coo')) {
    const [row, column] = [numbers('row').data, numbers('col').data];
    for (let k = 0; k < values.length; k++) put(row[k]!, column[k]!, k);
    return { shape: [rows, columns], data: out };
  }
  const [starts, indices] = [numbers('indptr').data, numbers('indices').data];
  const byColumn = path.includes('csc');
  for (let major = 0; major < (byColumn ? columns : rows); major++) {
    for (let k = starts[major]!; k < starts[major + 1]!; k++) {
      if (!(k >= 0 && k < values.length)) unusable('a sparse matrix that leaves its values');
      if (byColumn) put(indices[k]!, major, k);
      else put(major, indices[k]!, k);
    }
  }
  return { shape: [rows, columns], data: out };
}

export function isArray(value: unknown): value is NdArray {
  return typeof value === 'object' && value !== null && 'shape' in value && 'data' in value;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : unusable('something that is no list');
}

function unusable(what: string): never {
  throw corruptFile('pickle', `it holds ${what}`);
}
