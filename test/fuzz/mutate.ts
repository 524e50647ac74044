/** One change to a tree of arguments; numbers choose by remainder, so that every draw means something. */
export interface Mutation {
  /** Which node. */
  node: number;
  kind: number;
  /** Which hostile value, or which number. */
  value: number;
  /** Which element of a typed array. */
  element: number;
}

/** Thrown by hostile objects; an entry point may pass it on. */
export const MARKER = new Error('thrown by the fuzzer');

const HOSTILE_NUMBERS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1,
  0,
  -0,
  0.5,
  1,
  2,
  3,
  255,
  1024,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 63),
  1e-300,
  5e-324,
  1e38,
  1e308,
  -1e308,
];

const throws = (): never => {
  throw MARKER;
};

/** Made afresh, because some can be used up. */
const HOSTILE_VALUES: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => true,
  () => '',
  () => '16',
  () => 'x'.repeat(5000),
  () => Symbol('fuzz'),
  () => 16n,
  () => [],
  () => [1, 2, 3],
  () => new Array(10_000),
  () => ({}),
  () => throws,
  () => class {},
  () => new Date(0),
  () => new Map(),
  () => new Proxy({}, { get: throws, has: throws, ownKeys: throws }),
  () => Object.defineProperty({}, 'length', { get: throws }),
  () => ({ valueOf: throws, toString: throws }),
  () => new ArrayBuffer(64),
  () => new DataView(new ArrayBuffer(64)),
  () => new Float32Array(0),
  () => new Float32Array(7).fill(Number.NaN),
  () => new Float64Array(9).fill(1e308),
  () => new Uint8Array(3),
  () => new Uint16Array(12).fill(0x7c00),
  () => Uint32Array.of(0, 2 ** 32 - 1, 7),
  () => new Int8Array(16),
  () => new BigInt64Array(4),
  () => new Float32Array(new SharedArrayBuffer(64)),
  () => {
    const detached = new Float32Array(64);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    return detached;
  },
  () => {
    const buffer: ArrayBuffer & { resize(bytes: number): void } = Reflect.construct(ArrayBuffer, [
      256,
      { maxByteLength: 256 },
    ]);
    const view = new Float32Array(buffer, 0, 64);
    buffer.resize(8);
    return view;
  },
];

type TypedArray = Float32Array | Float64Array | Uint8Array | Uint16Array | Uint32Array | Int32Array;
/** Of numbers and not empty: an empty one may be detached, and then cannot even be copied. */
const isTypedArray = (value: unknown): value is TypedArray =>
  ArrayBuffer.isView(value) && typeof (value as TypedArray)[0] === 'number';
const isTree = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype);

/** A copy of the arguments with the changes made to it. */
export function mutate(args: readonly unknown[], mutations: readonly Mutation[]): unknown[] {
  let root: unknown = copyTree(args);
  for (const { node, kind, value, element } of mutations) {
    const places = placesOf(root);
    const place = places[node % places.length]!;
    const changed = change(place.value, kind, value, element);
    if (place.holder) place.holder[place.key] = changed;
    else root = Array.isArray(changed) ? changed : [changed];
  }
  return root as unknown[];
}

/** Plain objects and arrays are copied, everything else is shared. */
function copyTree(value: unknown): unknown {
  if (!isTree(value)) return value;
  if (Array.isArray(value)) return value.map(copyTree);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyTree(inner)]));
}

interface Place {
  holder?: Record<string, unknown>;
  key: string;
  value: unknown;
}

function placesOf(root: unknown): Place[] {
  const places: Place[] = [{ key: '', value: root }];
  for (let i = 0; i < places.length && places.length < 500; ++i) {
    const { value } = places[i]!;
    if (!isTree(value)) continue;
    for (const key of Object.keys(value)) places.push({ holder: value, key, value: value[key] });
  }
  return places;
}

function change(old: unknown, kind: number, value: number, element: number): unknown {
  const number = HOSTILE_NUMBERS[value % HOSTILE_NUMBERS.length]!;
  const anything = () => HOSTILE_VALUES[value % HOSTILE_VALUES.length]!();
  if (typeof old === 'number') return kind % 4 === 0 ? anything() : number;
  if (isTypedArray(old)) {
    switch (kind % 6) {
      case 0:
        return anything();
      case 1:
        return old.slice(0, -1);
      case 2:
        return concatenated(old);
      default: {
        const copy = old.slice();
        copy[element % copy.length] = number;
        return copy;
      }
    }
  }
  if (isTree(old) && kind % 3 === 0) {
    const copy = copyTree(old) as Record<string, unknown>;
    const keys = Object.keys(copy);
    if (keys.length > 0) delete copy[keys[element % keys.length]!];
    return copy;
  }
  return kind % 2 ? anything() : number;
}

function concatenated(array: TypedArray): TypedArray {
  const longer: TypedArray = Reflect.construct(array.constructor, [array.length + 1]);
  longer.set(array);
  return longer;
}

/** Bytes with pieces overwritten, cut out, repeated or cut off. */
export function mutateBytes(bytes: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  let result = Uint8Array.from(bytes);
  for (const { node, kind, value, element } of mutations) {
    const at = node % (result.length + 1);
    const length = element % 64;
    switch (kind % 6) {
      case 0:
        result = result.slice(0, at);
        break;
      case 1:
        result = concat(result.slice(0, at), result.slice(at + length));
        break;
      case 2:
        result = concat(result.slice(0, at + length), result.slice(at));
        break;
      case 3:
        result.fill(value % 2 ? 0xff : 0, at, at + 4);
        break;
      default:
        if (at < result.length) result[at] = value;
    }
  }
  return result;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
