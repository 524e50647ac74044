import { corruptFile, tooLarge, wrongFormat } from './errors.js';
import { checkedCount, decodeNumbers, kindSize, MAX_ELEMENTS, type NdArray, type NumberKind } from './nd-array.js';
import { numpyObject } from './numpy-pickle.js';
import { PickleGlobal, type PickleObject, unpickle } from './pickle.js';
import { isZip, Zip } from './zip.js';

const STORAGES: Record<string, NumberKind | 'bf2'> = {
  FloatStorage: 'f4',
  DoubleStorage: 'f8',
  HalfStorage: 'f2',
  BFloat16Storage: 'bf2',
  LongStorage: 'i8',
  IntStorage: 'i4',
  ShortStorage: 'i2',
  CharStorage: 'i1',
  ByteStorage: 'u1',
  BoolStorage: 'b1',
};

/** Numbers that tensors share; their bytes come after the pickle. */
interface Storage {
  kind: NumberKind | 'bf2';
  key: string;
  count: number;
}

class Tensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}
}

/** A module or another object of the training program: its attributes may lead to tensors. */
class Holder implements PickleObject {
  readonly fields = new Map<unknown, unknown>();
  setState(state: unknown): void {
    for (const part of Array.isArray(state) ? state : [state])
      if (part instanceof Map) for (const [key, value] of part) this.fields.set(key, value);
  }
}

/**
 * The tensors of a PyTorch checkpoint by the path of their names (`net_recon.backbone.conv1.weight`), in both forms that
 * torch.save has written: a zip archive, and before 1.6 a row of pickles. Nothing of the pickles is run; numbers beside
 * the tensors are left out.
 *
 * @throws HrnError MODEL_FORMAT, MODEL_CORRUPT, MODEL_UNSAFE, MODEL_TOO_LARGE
 */
export async function readTorchCheckpoint(bytes: Uint8Array): Promise<Map<string, NdArray>> {
  const { value, data } = isZip(bytes) ? await readZipForm(bytes) : readOldForm(bytes);
  const found = new Map<string, Tensor>();
  collect(value, [], found, new Set());
  if (found.size === 0) throw wrongFormat('a PyTorch checkpoint', 'a pickle without tensors');
  const tensors = new Map<string, NdArray>();
  for (const [name, tensor] of found) tensors.set(name, contiguous(tensor, await data(tensor.storage)));
  return tensors;
}

interface Loaded {
  value: unknown;
  data(storage: Storage): Promise<Buffer> | Buffer;
}

async function readZipForm(bytes: Uint8Array): Promise<Loaded> {
  const zip = await Zip.open(bytes);
  const index = zip.names().find((name) => /(^|\/)data\.pkl$/.test(name));
  if (index === undefined) throw wrongFormat('a PyTorch checkpoint', 'a zip archive without data.pkl');
  const folder = index.slice(0, -'data.pkl'.length);
  if (zip.has(`${folder}byteorder`) && (await zip.read(`${folder}byteorder`)).toString('latin1').trim() === 'big') {
    throw wrongFormat('a little-endian checkpoint', 'a big-endian one');
  }
  const { value } = unpickle(await zip.read(index), rules());
  return { value, data: (storage) => zip.read(`${folder}data/${storage.key}`) };
}

/** The first pickle of the older form. */
const OLD_MAGIC = 0x1950a86a20f9469cfc6cn;

function readOldForm(bytes: Uint8Array): Loaded {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer[0] !== 0x80)
    throw wrongFormat('a PyTorch checkpoint', 'a file that is neither a zip archive nor a pickle');
  let at = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(buffer.subarray(at), rules());
    at += end;
    return value;
  };
  const magic = next();
  if (typeof magic !== 'bigint' || magic !== OLD_MAGIC) throw wrongFormat('a PyTorch checkpoint', 'another pickle');
  next();
  next();
  const storages = new Map<string, Storage>();
  const { value, end } = unpickle(buffer.subarray(at), rules(storages));
  at += end;
  const keys = next();
  if (!Array.isArray(keys)) throw corruptFile('checkpoint', 'it has no list of its storages');
  const datas = new Map<string, Buffer>();
  for (const key of keys.map(String)) {
    const storage = storages.get(key);
    if (!storage) throw corruptFile('checkpoint', `storage ${key} belongs to no tensor`);
    const size = storage.count * storageSize(storage.kind);
    if (at + 8 + size > buffer.length) throw corruptFile('checkpoint', `storage ${key} ends behind the file`);
    if (Number(buffer.readBigInt64LE(at)) !== storage.count) {
      throw corruptFile('checkpoint', `storage ${key} has another length than its tensors`);
    }
    datas.set(key, buffer.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return {
    value,
    data: ({ key }) => {
      const data = datas.get(key);
      if (!data) throw corruptFile('checkpoint', `it has no storage ${key}`);
      return data;
    },
  };
}

function rules(storages = new Map<string, Storage>()) {
  return {
    call(callee: PickleGlobal, args: readonly unknown[]): unknown | undefined {
      switch (callee.path) {
        case 'torch._utils._rebuild_tensor':
        case 'torch._utils._rebuild_tensor_v2':
          return tensorOf(args);
        case 'torch._utils._rebuild_parameter':
          return args[0];
        case 'torch.device':
        case 'torch.Size':
          return args;
        case 'collections.OrderedDict':
        case 'collections.defaultdict':
          return new Map();
        case '__builtin__.set':
        case 'builtins.set':
          return new Set(Array.isArray(args[0]) ? args[0] : []);
        case 'argparse.Namespace':
          return new Holder();
      }
      if (/^torch\.(nn\.modules|optim)\./.test(callee.path)) return new Holder();
      return numpyObject(callee, args);
    },
    persistent(id: unknown): Storage {
      const [tag, type, key, , count] = Array.isArray(id) ? id : [];
      const kind = type instanceof PickleGlobal ? STORAGES[type.name] : undefined;
      if (tag !== 'storage' || kind === undefined || typeof count !== 'number') {
        throw corruptFile('checkpoint', 'it refers to something besides numbers');
      }
      if (!(count >= 0 && count <= MAX_ELEMENTS)) throw tooLarge('a tensor of the checkpoint', count, MAX_ELEMENTS);
      const storage = { kind, key: String(key), count };
      storages.set(storage.key, storage);
      return storage;
    },
  };
}

function tensorOf([storage, offset, shape, strides]: readonly unknown[]): Tensor {
  const sizes = Array.isArray(shape) ? shape.map(Number) : [];
  const steps = Array.isArray(strides) ? strides.map(Number) : [];
  const known = typeof storage === 'object' && storage !== null && 'kind' in storage ? (storage as Storage) : undefined;
  const whole = [...steps, Number(offset)].every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!known || !Array.isArray(shape) || steps.length !== sizes.length || !whole) {
    throw corruptFile('checkpoint', 'a tensor is malformed');
  }
  const count = checkedCount('checkpoint', sizes);
  const last = sizes.reduce((sum, n, axis) => sum + (n - 1) * steps[axis]!, Number(offset));
  if (count > 0 && last >= known.count) throw corruptFile('checkpoint', 'a tensor reaches behind its storage');
  return new Tensor(known, Number(offset), sizes, steps);
}

function storageSize(kind: NumberKind | 'bf2'): number {
  return kind === 'bf2' ? 2 : kindSize(kind);
}

function contiguous({ storage, offset, shape, strides }: Tensor, bytes: Buffer): NdArray {
  const size = storageSize(storage.kind);
  if (bytes.length < storage.count * size) {
    throw corruptFile(
      'checkpoint',
      `storage ${storage.key} has ${bytes.length} bytes, expected ${storage.count * size}`,
    );
  }
  const count = shape.reduce((product, n) => product * n, 1);
  let expected = 1;
  let isContiguous = true;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis]! > 1 && strides[axis] !== expected) isContiguous = false;
    expected *= shape[axis]!;
  }
  if (isContiguous) return { shape, data: numbersOf(bytes.subarray(offset * size), storage.kind, count) };
  const all = numbersOf(bytes, storage.kind, storage.count);
  const out = all.slice(0, count);
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < count; to++) {
    out[to] = all[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return { shape, data: out };
}

/** bfloat16 is the upper half of a float. */
function numbersOf(bytes: Buffer, kind: NumberKind | 'bf2', count: number): NdArray['data'] {
  if (kind !== 'bf2') return decodeNumbers(bytes, kind, count);
  const halves = decodeNumbers(bytes, 'u2', count);
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

const MAX_DEPTH = 64;

function collect(value: unknown, path: string[], found: Map<string, Tensor>, seen: Set<unknown>): void {
  if (typeof value !== 'object' || value === null) return;
  if (value instanceof Tensor) {
    found.set(path.join('.') || 'tensor', value);
    return;
  }
  if (seen.has(value) || path.length > MAX_DEPTH) return;
  seen.add(value);
  if (value instanceof Map) for (const [key, item] of value) collect(item, [...path, String(key)], found, seen);
  else if (value instanceof Holder) collect(value.fields, path, found, seen);
  else if (Array.isArray(value))
    for (const [i, item] of value.entries()) collect(item, [...path, String(i)], found, seen);
}
