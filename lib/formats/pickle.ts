import { HrnError } from '../errors.js';
import { corruptFile, tooLarge } from './errors.js';

/** A class or function that a pickle names. It is only ever a name here. */
export class PickleGlobal {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}
  get path(): string {
    return `${this.module}.${this.name}`;
  }
}

/** What stands for an object of a class that the reader knows: built from arguments, completed by a state. */
export interface PickleObject {
  setState(state: unknown): void;
}

export interface PickleRules {
  /**
   * Stands for calling a class or function of the pickle; undefined means that it is not allowed.
   * Nothing of the pickle's is ever run: this decides by name alone.
   */
  call(callee: PickleGlobal, args: readonly unknown[]): unknown | undefined;
  /** What a persistent id stands for. */
  persistent?(id: unknown): unknown;
}

export interface Unpickled {
  value: unknown;
  /** Where the pickle ends. */
  end: number;
}

const MAX_OPERATIONS = 5_000_000;
/** Python 2's byte strings: short ones are names, long ones raw data. */
const MAX_TEXT = 1 << 16;
const MARK = Symbol('mark');

/**
 * Reads a pickle of protocol 0 to 5 without running anything: dictionaries become Maps, tuples and lists arrays, bytes
 * Buffers, and every class or function goes through `rules`.
 *
 * @throws HrnError MODEL_CORRUPT, MODEL_UNSAFE for a class or function that the rules do not know, MODEL_TOO_LARGE
 */
export function unpickle(bytes: Uint8Array, rules: PickleRules): Unpickled {
  try {
    return new Machine(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), rules).run();
  } catch (error) {
    if (error instanceof HrnError) throw error;
    throw corruptFile('pickle', (error as Error).message, { cause: error });
  }
}

/** Bytes of either kind of Python string. */
export function bytesOf(value: unknown): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value;
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : undefined;
}

class Machine {
  readonly #bytes: Buffer;
  readonly #rules: PickleRules;
  #at = 0;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(bytes: Buffer, rules: PickleRules) {
    this.#bytes = bytes;
    this.#rules = rules;
  }

  run(): Unpickled {
    for (let count = 0; count < MAX_OPERATIONS; count++) {
      const op = String.fromCharCode(this.#byte());
      if (op === '.') return { value: this.#pop(), end: this.#at };
      this.#step(op);
    }
    throw tooLarge('the number of operations of a pickle', MAX_OPERATIONS + 1, MAX_OPERATIONS);
  }

  #step(op: string): void {
    switch (op) {
      // Values.
      case 'N':
        this.#push(null);
        return;
      case '\x88':
        this.#push(true);
        return;
      case '\x89':
        this.#push(false);
        return;
      case 'K':
        this.#push(this.#byte());
        return;
      case 'M':
        this.#push(this.#take(2).readUInt16LE());
        return;
      case 'J':
        this.#push(this.#take(4).readInt32LE());
        return;
      case 'G':
        this.#push(this.#take(8).readDoubleBE());
        return;
      case 'I':
      case 'L':
        this.#push(numberLine(this.#line()));
        return;
      case 'F':
        this.#push(Number(this.#line()));
        return;
      case '\x8a':
        this.#push(bigInteger(this.#take(this.#byte())));
        return;
      case '\x8b':
        this.#push(bigInteger(this.#take(this.#length(4))));
        return;
      // Texts and bytes.
      case 'S':
        this.#push(quoted(this.#line()));
        return;
      case 'V':
        this.#push(this.#line().replace(/\\u([0-9a-fA-F]{4})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))));
        return;
      case 'U':
        this.#push(this.#take(this.#byte()).toString('latin1'));
        return;
      case 'T': {
        const data = this.#take(this.#length(4));
        this.#push(data.length > MAX_TEXT ? data : data.toString('latin1'));
        return;
      }
      case 'X':
        this.#push(this.#take(this.#length(4)).toString('utf8'));
        return;
      case '\x8c':
        this.#push(this.#take(this.#byte()).toString('utf8'));
        return;
      case '\x8d':
        this.#push(this.#take(this.#length(8)).toString('utf8'));
        return;
      case 'C':
        this.#push(this.#take(this.#byte()));
        return;
      case 'B':
        this.#push(this.#take(this.#length(4)));
        return;
      case '\x8e':
      case '\x96':
        this.#push(this.#take(this.#length(8)));
        return;
      // Collections.
      case '(':
        this.#push(MARK);
        return;
      case ')':
      case ']':
        this.#push([]);
        return;
      case '}':
        this.#push(new Map());
        return;
      case '\x8f':
        this.#push(new Set());
        return;
      case 't':
      case 'l':
        this.#push(this.#popMark());
        return;
      case '\x85':
        this.#push([this.#pop()]);
        return;
      case '\x86':
        this.#push(this.#popMany(2));
        return;
      case '\x87':
        this.#push(this.#popMany(3));
        return;
      case 'd': {
        const items = this.#popMark();
        this.#push(new Map());
        this.#setItems(items);
        return;
      }
      case 's':
        this.#setItems(this.#popMany(2));
        return;
      case 'u':
        this.#setItems(this.#popMark());
        return;
      case 'a':
        this.#append([this.#pop()]);
        return;
      case 'e':
        this.#append(this.#popMark());
        return;
      case '\x90': {
        const items = this.#popMark();
        const set = this.#top();
        if (!(set instanceof Set)) throw new Error('items are added to something that is no set');
        for (const item of items) set.add(item);
        return;
      }
      case '\x91':
        this.#push(new Set(this.#popMark()));
        return;
      // Memory.
      case 'p':
        this.#remember(Number(this.#line()));
        return;
      case 'q':
        this.#remember(this.#byte());
        return;
      case 'r':
        this.#remember(this.#length(4));
        return;
      case '\x94':
        this.#remember(this.#memo.size);
        return;
      case 'g':
        this.#recall(Number(this.#line()));
        return;
      case 'h':
        this.#recall(this.#byte());
        return;
      case 'j':
        this.#recall(this.#length(4));
        return;
      case '0':
        this.#pop();
        return;
      case '1':
        this.#popMark();
        return;
      case '2':
        this.#push(this.#top());
        return;
      // Objects.
      case 'c': {
        const module = this.#line();
        this.#push(new PickleGlobal(module, this.#line()));
        return;
      }
      case '\x93': {
        const [module, name] = this.#popMany(2);
        if (typeof module !== 'string' || typeof name !== 'string') throw new Error('a class has no name');
        this.#push(new PickleGlobal(module, name));
        return;
      }
      case 'R': {
        const [callee, args] = this.#popMany(2);
        this.#call(callee, args);
        return;
      }
      case '\x81': {
        const [callee, args] = this.#popMany(2);
        this.#call(callee, args);
        return;
      }
      case '\x92': {
        const [callee, args] = this.#popMany(3);
        this.#call(callee, args);
        return;
      }
      case 'i': {
        const module = this.#line();
        const name = this.#line();
        this.#call(new PickleGlobal(module, name), this.#popMark());
        return;
      }
      case 'o': {
        const [callee, ...args] = this.#popMark();
        this.#call(callee, args);
        return;
      }
      case 'b': {
        const state = this.#pop();
        const target = this.#top() as PickleObject;
        if (typeof target?.setState !== 'function') {
          // Dictionaries with attributes (torch's OrderedDict): the attributes are of no use here.
          if (target instanceof Map) return;
          throw new Error('a state is given to something that has none');
        }
        target.setState(state);
        return;
      }
      case 'P':
        this.#persistent(this.#line());
        return;
      case 'Q':
        this.#persistent(this.#pop());
        return;
      // Frames and protocol: of no meaning to a reader that has all bytes.
      case '\x80':
        this.#byte();
        return;
      case '\x95':
        this.#length(8);
        return;
      default:
        throw corruptFile('pickle', `operation 0x${op.charCodeAt(0).toString(16)} at byte ${this.#at - 1} is unknown`);
    }
  }

  #call(callee: unknown, args: unknown): void {
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args))
      throw new Error('something that is no class is called');
    const made = this.#rules.call(callee, args);
    if (made === undefined) {
      throw new HrnError('MODEL_UNSAFE', `the pickle asks for ${callee.path}; expected nothing but arrays and lists`, {
        details: { global: callee.path },
      });
    }
    this.#push(made);
  }

  #persistent(id: unknown): void {
    if (!this.#rules.persistent) throw new Error('it refers to data outside itself');
    this.#push(this.#rules.persistent(id));
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw new Error(`it ends in the middle, at byte ${this.#at}`);
    return this.#bytes[this.#at++]!;
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new Error(`it claims ${length} bytes at byte ${this.#at}`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #length(size: 4 | 8): number {
    const data = this.#take(size);
    return size === 4 ? data.readUInt32LE() : Number(data.readBigUInt64LE());
  }

  #line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end < 0) throw new Error('a line does not end');
    const line = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end + 1;
    return line;
  }

  #push(value: unknown): void {
    this.#stack.push(value);
  }

  #pop(): unknown {
    if (this.#stack.length === 0) throw new Error('its stack is empty');
    const value = this.#stack.pop();
    if (value === MARK) throw new Error('a mark stands where a value should');
    return value;
  }

  #top(): unknown {
    if (this.#stack.length === 0) throw new Error('its stack is empty');
    return this.#stack.at(-1);
  }

  #popMany(count: number): unknown[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  #popMark(): unknown[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw new Error('there is no mark');
    const items = this.#stack.splice(at);
    items.shift();
    return items;
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw new Error('items are added to something that is no list');
    for (const item of items) list.push(item);
  }

  #setItems(items: readonly unknown[]): void {
    const map = this.#top();
    if (!(map instanceof Map) || items.length % 2 !== 0)
      throw new Error('items are set on something that is no dictionary');
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  #remember(key: number): void {
    this.#memo.set(key, this.#top());
  }

  #recall(key: number): void {
    if (!this.#memo.has(key)) throw new Error(`it recalls ${key}, which it has not stored`);
    this.#push(this.#memo.get(key));
  }
}

function numberLine(line: string): number | boolean | bigint {
  if (line === '00' || line === '01') return line === '01';
  const digits = line.replace(/L$/, '');
  if (!/^-?\d{1,40}$/.test(digits)) throw new Error(`${line.slice(0, 40)} is no number`);
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}

function bigInteger(data: Buffer): number | bigint {
  if (data.length === 0) return 0;
  if (data.length > 64) throw new Error(`a number has ${data.length} bytes`);
  const unsigned = BigInt(`0x${Buffer.from(data).reverse().toString('hex')}`);
  const value = BigInt.asIntN(8 * data.length, unsigned);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** A Python 2 text as its source would show it. */
function quoted(line: string): string {
  const [, quote, body] = /^(['"])(.*)\1$/s.exec(line) ?? [];
  if (quote === undefined || body === undefined) throw new Error('a text has no quotes');
  const named: Record<string, string> = { n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", '"': '"' };
  return body.replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(parseInt(code.slice(1), 16)) : (named[code] ?? `\\${code}`),
  );
}
