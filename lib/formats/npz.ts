import { corruptFile, wrongFormat } from './errors.js';
import type { NdArray } from './nd-array.js';
import { type NpyContent, parseNpy } from './npy.js';
import { Zip } from './zip.js';

/** An archive of named numpy arrays, read one by one. */
export class Npz {
  private constructor(private readonly zip: Zip) {}

  /** @throws HrnError MODEL_CORRUPT */
  static async open(bytes: Uint8Array): Promise<Npz> {
    return new Npz(await Zip.open(bytes));
  }

  names(): string[] {
    return this.zip
      .names()
      .filter((name) => name.endsWith('.npy'))
      .map((name) => name.slice(0, -4));
  }

  has(name: string): boolean {
    return this.zip.has(`${name}.npy`);
  }

  /** @throws HrnError MODEL_FORMAT where it is missing; as parseNpy */
  async read(name: string): Promise<NpyContent> {
    if (!this.has(name)) throw wrongFormat(`an array ${name}`, `arrays ${this.names().slice(0, 20).join(', ')}`);
    return parseNpy(await this.zip.read(`${name}.npy`));
  }

  /** Numbers of a known shape; null matches any size. @throws HrnError MODEL_FORMAT; as parseNpy */
  async numbers(name: string, shape: readonly (number | null)[]): Promise<NdArray> {
    const content = await this.read(name);
    const fits =
      'data' in content &&
      content.shape.length === shape.length &&
      shape.every((n, axis) => n === null || n === content.shape[axis]);
    if (fits) return content;
    const got = 'objects' in content ? 'Python objects' : `[${content.shape.join(', ')}]`;
    throw wrongFormat(`${name} of shape [${shape.map((n) => n ?? 'any').join(', ')}]`, got);
  }

  async texts(name: string): Promise<string[]> {
    const content = await this.read(name);
    if ('texts' in content) return content.texts;
    throw corruptFile('.npz', `${name} holds no texts`);
  }
}
