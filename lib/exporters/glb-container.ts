/**
 * The container of binary glTF 2.0 and its accessors.
 *
 * Written here because a head has over six hundred sparse accessors, for which the usual library takes half a second on
 * the main thread; tests read the files with that library and with the Khronos validator.
 */

const FLOAT = 5126;
const UNSIGNED_BYTE = 5121;
const UNSIGNED_SHORT = 5123;
const UNSIGNED_INT = 5125;
const ARRAY_BUFFER = 34962;
const ELEMENT_ARRAY_BUFFER = 34963;
const GLB_MAGIC = 0x46546c67;
const JSON_CHUNK = 0x4e4f534a;
const BINARY_CHUNK = 0x004e4942;

/** What a glTF buffer view says of its contents; those of one kind share a buffer view. */
const KINDS = {
  vec2: { target: ARRAY_BUFFER, byteStride: 8 },
  vec3: { target: ARRAY_BUFFER, byteStride: 12 },
  vec4: { target: ARRAY_BUFFER, byteStride: 16 },
  zeros: { target: ARRAY_BUFFER, byteStride: 12 },
  joints: { target: ARRAY_BUFFER, byteStride: 4 },
  weights: { target: ARRAY_BUFFER, byteStride: 8 },
  matrices: {},
  keys: {},
  indices: { target: ELEMENT_ARRAY_BUFFER },
  sparseIndices: {},
  sparseValues: {},
  image: {},
  roughnessImage: {},
  normalImage: {},
  lashImage: {},
  hairImage: {},
} as const;
type Kind = keyof typeof KINDS;

/** Data of one kind, back to back. */
interface Section {
  kind: Kind;
  chunks: Uint8Array[];
  byteLength: number;
}

/** Where data lies, in glTF's words. */
interface Place {
  bufferView: number;
  byteOffset: number;
}

const padding = (length: number): number => (4 - (length % 4)) % 4;

/** Numbers below `limit`, in the fewest bits that glTF has for them. */
function shortened(numbers: Uint32Array, limit: number): { stored: Uint16Array | Uint32Array; componentType: number } {
  // 65535 itself means "restart" to some hardware.
  return limit < 65535
    ? { stored: new Uint16Array(numbers), componentType: UNSIGNED_SHORT }
    : { stored: numbers, componentType: UNSIGNED_INT };
}

/** Smallest and largest value per component, as glTF demands for positions. */
function extent(array: Float32Array, width: number): { min: number[]; max: number[] } {
  const min = new Array<number>(width).fill(Number.POSITIVE_INFINITY);
  const max = new Array<number>(width).fill(Number.NEGATIVE_INFINITY);
  for (let k = 0; k < width; k++) {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = k; i < array.length; i += width) {
      const value = array[i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    [min[k], max[k]] = [low, high];
  }
  return { min, max };
}

/** Collects binary data and describes it as glTF accessors and buffer views; gives their indices. */
export class GlbContainer {
  readonly #accessors: object[] = [];
  readonly #sections: Section[] = [];

  /** `[count][3]`, with its bounds. */
  vec3(array: Float32Array): number {
    const count = array.length / 3;
    return this.#accessor({
      ...this.#place('vec3', array),
      componentType: FLOAT,
      type: 'VEC3',
      count,
      ...extent(array, 3),
    });
  }

  /** `[count][2]` */
  vec2(array: Float32Array): number {
    const count = array.length / 2;
    return this.#accessor({ ...this.#place('vec2', array), componentType: FLOAT, type: 'VEC2', count });
  }

  /** `[count][4]` */
  vec4(array: Float32Array): number {
    const count = array.length / 4;
    return this.#accessor({ ...this.#place('vec4', array), componentType: FLOAT, type: 'VEC4', count });
  }

  /** The corners of triangles, with 16 bits where they suffice. */
  indices(array: Uint32Array, vertexCount: number): number {
    const { stored, componentType } = shortened(array, vertexCount);
    return this.#accessor({ ...this.#place('indices', stored), componentType, type: 'SCALAR', count: array.length });
  }

  /** `[count][4]`: the joints that move each vertex. */
  joints(array: Uint8Array): number {
    const place = this.#place('joints', array);
    return this.#accessor({ ...place, componentType: UNSIGNED_BYTE, type: 'VEC4', count: array.length / 4 });
  }

  /** `[count][4]`: how far each of them does, 65,535 being wholly. */
  weights(array: Uint16Array): number {
    const place = this.#place('weights', array);
    const count = array.length / 4;
    return this.#accessor({ ...place, componentType: UNSIGNED_SHORT, normalized: true, type: 'VEC4', count });
  }

  /** `[count][4 columns][4]` */
  matrices(array: Float32Array): number {
    const place = this.#place('matrices', array);
    return this.#accessor({ ...place, componentType: FLOAT, type: 'MAT4', count: array.length / 16 });
  }

  /**
   * `[count][3]`, most of it zero: only what differs from zero is stored, with its index, where that saves space.
   *
   * glTF lets an accessor of zeros go without a buffer view; Assimp, glTFast and UnityGLTF do not take that, so all of
   * these share one view of zeros.
   *
   * @param vertices which differ from zero, ascending
   * @param values `[vertices][3]`
   */
  offsets(count: number, vertices: Uint32Array, values: Float32Array): number {
    const { stored, componentType } = shortened(vertices, count);
    if (stored.byteLength + values.byteLength > 12 * count) {
      const all = new Float32Array(3 * count);
      for (let i = 0; i < vertices.length; i++) {
        for (let k = 0; k < 3; k++) all[3 * (vertices[i] as number) + k] = values[3 * i + k] as number;
      }
      return this.vec3(all);
    }
    const { min, max } = extent(values, 3);
    if (vertices.length < count) {
      for (let k = 0; k < 3; k++) {
        min[k] = Math.min(min[k] as number, 0);
        max[k] = Math.max(max[k] as number, 0);
      }
    }
    const accessor = { ...this.#zeros(count), componentType: FLOAT, type: 'VEC3', count, min, max };
    if (vertices.length === 0) return this.#accessor(accessor);
    const indices = { ...this.#place('sparseIndices', stored), componentType };
    return this.#accessor({
      ...accessor,
      sparse: { count: vertices.length, indices, values: this.#place('sparseValues', values) },
    });
  }

  /** Times of an animation's keys, ascending, seconds. */
  times(array: Float32Array): number {
    const place = this.#place('keys', array);
    return this.#accessor({ ...place, componentType: FLOAT, type: 'SCALAR', count: array.length, ...extent(array, 1) });
  }

  /** Values of an animation's keys. */
  keys(array: Float32Array, type: 'SCALAR' | 'VEC3' | 'VEC4'): number {
    const width = { SCALAR: 1, VEC3: 3, VEC4: 4 }[type];
    return this.#accessor({
      ...this.#place('keys', array),
      componentType: FLOAT,
      type,
      count: array.length / width,
    });
  }

  /** An encoded image; gives the index of its buffer view, which is the image's own. */
  image(
    bytes: Uint8Array,
    kind: 'image' | 'roughnessImage' | 'normalImage' | 'lashImage' | 'hairImage' = 'image',
  ): number {
    return this.#place(kind, bytes).bufferView;
  }

  /**
   * The file.
   *
   * @param gltf everything but accessors, buffer views and buffers
   */
  toBytes(gltf: object): Uint8Array {
    let byteLength = 0;
    const bufferViews = this.#sections.map((section) => {
      const view = { buffer: 0, byteOffset: byteLength, byteLength: section.byteLength, ...KINDS[section.kind] };
      byteLength += section.byteLength;
      return view;
    });
    const json = Buffer.from(
      JSON.stringify({ ...gltf, accessors: this.#accessors, bufferViews, buffers: [{ byteLength }] }),
    );
    const jsonLength = json.length + padding(json.length);
    const words = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
    return Buffer.concat([
      words(GLB_MAGIC, 2, 28 + jsonLength + byteLength),
      words(jsonLength, JSON_CHUNK),
      json,
      Buffer.alloc(padding(json.length), ' '),
      words(byteLength, BINARY_CHUNK),
      ...this.#sections.flatMap(({ chunks }) => chunks),
    ]);
  }

  #accessor(accessor: object): number {
    return this.#accessors.push(accessor) - 1;
  }

  /** The shared view of zeros, long enough for `count` vectors. */
  #zeros(count: number): Place {
    const section = this.#section('zeros');
    if (12 * count > section.byteLength) {
      section.chunks = [new Uint8Array(12 * count)];
      section.byteLength = 12 * count;
    }
    return { bufferView: this.#sections.indexOf(section), byteOffset: 0 };
  }

  #section(kind: Kind): Section {
    let section = this.#sections.find((one) => one.kind === kind);
    if (!section) {
      section = { kind, chunks: [], byteLength: 0 };
      this.#sections.push(section);
    }
    return section;
  }

  /** Appends to the section of that kind, padded to four bytes. */
  #place(kind: Kind, data: Float32Array | Uint16Array | Uint32Array | Uint8Array): Place {
    const section = this.#section(kind);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const byteOffset = section.byteLength;
    const gap = padding(bytes.length);
    section.chunks.push(bytes);
    if (gap > 0) section.chunks.push(new Uint8Array(gap));
    section.byteLength += bytes.length + gap;
    return { bufferView: this.#sections.indexOf(section), byteOffset };
  }
}
