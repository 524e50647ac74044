import { HrnError } from '../errors.js';
import { corruptFile, wrongFormat } from './errors.js';
import { checkedCount, type NdArray, type NumberArray } from './nd-array.js';

const SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

export function isHdf5(bytes: Uint8Array): boolean {
  return SIGNATURE.equals(bytes.subarray(0, SIGNATURE.length));
}

/** An optional peer dependency, so that installing hrn for anything but importing models stays small. */
function packageMissing(cause: unknown): never {
  if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
  throw new HrnError(
    'DEPENDENCY_MISSING',
    "HDF5 files are read by a package that is not installed: npm install 'jsfive@^0.4.2'",
    { cause, details: { packages: ['jsfive'] } },
  );
}

/** An HDF5 file, its arrays read one by one by jsfive. */
export class Hdf5 {
  private constructor(private readonly file: import('jsfive').File) {}

  /** @throws HrnError MODEL_FORMAT, MODEL_CORRUPT, DEPENDENCY_MISSING */
  static async open(bytes: Uint8Array): Promise<Hdf5> {
    if (!isHdf5(bytes)) throw wrongFormat('an HDF5 file', 'a file of another kind');
    const { File } = await import('jsfive').catch(packageMissing);
    try {
      return new Hdf5(new File(new Uint8Array(bytes).buffer, 'model'));
    } catch (error) {
      throw corruptFile('HDF5', String((error as Error)?.message ?? error), { cause: error });
    }
  }

  has(path: string): boolean {
    try {
      this.file.get(path);
      return true;
    } catch {
      return false;
    }
  }

  /** @throws HrnError MODEL_FORMAT where there is no such array, MODEL_CORRUPT, MODEL_TOO_LARGE */
  numbers(path: string): NdArray {
    if (!this.has(path)) throw wrongFormat(`a dataset ${path}`, `groups ${this.file.keys.slice(0, 20).join(', ')}`);
    let shape: number[];
    let value: unknown;
    try {
      const found = this.file.get(path);
      if (!('shape' in found)) throw new Error(`${path} is a group`);
      shape = found.shape ?? [];
      checkedCount('HDF5', shape);
      value = found.value;
    } catch (error) {
      if ((error as { code?: string })?.code?.startsWith('MODEL_')) throw error;
      throw corruptFile('HDF5', String((error as Error)?.message ?? error), { cause: error });
    }
    const count = checkedCount('HDF5', shape);
    const data = ArrayBuffer.isView(value) ? (value as NumberArray) : Float64Array.from(value as number[]);
    if (data.length !== count || !Number.isFinite(count === 0 ? 0 : data[0])) {
      throw corruptFile('HDF5', `${path} holds ${data.length} numbers, expected ${count}`);
    }
    return { shape, data };
  }
}
