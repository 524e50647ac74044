/** Marks the missing fourth corner of a triangle in a list of quads. */
export const NO_VERTEX = 0xffff;

/** A subdivision step as a sparse matrix, column by column (a column per cage vertex), and the mesh that it yields. */
export interface Subdivision {
  /** Cage vertices, then one point per edge in order of first appearance, then one per face. */
  vertexCount: number;
  /** `[cage vertices + 1]`: where each column's entries start in `rows` and `weights`. */
  columnStarts: Uint32Array;
  rows: Uint32Array;
  weights: Float32Array;
  /** `[quads][4]`; those of a face are adjacent, one per corner, in the order of the faces. */
  quads: Uint32Array;
  /** Edges as their two cage vertices, smaller index first. */
  edges: Uint16Array;
}

interface Topology {
  edges: Uint16Array;
  edgeFaces: Int32Array;
  faceEdges: Uint32Array;
}

const cornerCount = (faces: Uint16Array, face: number) => (faces[4 * face + 3] === NO_VERTEX ? 3 : 4);

function buildTopology(faces: Uint16Array): Topology {
  const faceCount = faces.length / 4;
  const ids = new Map<number, number>();
  const edges = new Uint16Array(faces.length * 2);
  const edgeFaces = new Int32Array(faces.length * 2).fill(-1);
  const faceEdges = new Uint32Array(faces.length);
  for (let face = 0; face < faceCount; face++) {
    const corners = cornerCount(faces, face);
    for (let k = 0; k < corners; k++) {
      const a = faces[4 * face + k]!;
      const b = faces[4 * face + ((k + 1) % corners)]!;
      const key = Math.min(a, b) * 65536 + Math.max(a, b);
      let id = ids.get(key);
      if (id === undefined) {
        id = ids.size;
        ids.set(key, id);
        edges[2 * id] = Math.min(a, b);
        edges[2 * id + 1] = Math.max(a, b);
        edgeFaces[2 * id] = face;
      } else {
        edgeFaces[2 * id + 1] = face;
      }
      faceEdges[4 * face + k] = id;
    }
  }
  return {
    edges: edges.slice(0, 2 * ids.size),
    edgeFaces: edgeFaces.slice(0, 2 * ids.size),
    faceEdges,
  };
}

/** Collects the weights of one matrix row at a time, adding up repeated columns; gives the matrix by columns. */
class MatrixBuilder {
  private readonly sums: Float64Array;
  private readonly columnSizes: Uint32Array;
  private touched: number[] = [];
  private readonly rows: number[] = [];
  private readonly columns: number[] = [];
  private readonly weights: number[] = [];
  private row = 0;

  constructor(columnCount: number) {
    this.sums = new Float64Array(columnCount);
    this.columnSizes = new Uint32Array(columnCount);
  }

  add(column: number, weight: number): void {
    if (this.sums[column] === 0) this.touched.push(column);
    this.sums[column]! += weight;
  }

  finishRow(): void {
    for (const column of this.touched) {
      this.rows.push(this.row);
      this.columns.push(column);
      this.weights.push(this.sums[column]!);
      this.columnSizes[column]!++;
      this.sums[column] = 0;
    }
    this.touched = [];
    this.row++;
  }

  byColumns(): Pick<Subdivision, 'columnStarts' | 'rows' | 'weights'> {
    const columnStarts = new Uint32Array(this.columnSizes.length + 1);
    for (let c = 0; c < this.columnSizes.length; c++) columnStarts[c + 1] = columnStarts[c]! + this.columnSizes[c]!;
    const cursor = columnStarts.slice();
    const rows = new Uint32Array(this.rows.length);
    const weights = new Float32Array(this.rows.length);
    this.rows.forEach((row, i) => {
      const k = cursor[this.columns[i]!]!++;
      rows[k] = row;
      weights[k] = this.weights[i]!;
    });
    return { columnStarts, rows, weights };
  }
}

/**
 * One Catmull-Clark step with smooth boundary curves as a linear operator.
 *
 * @param vertexCount cage vertices, below 65,535
 * @param faces `[faces][4]` counter-clockwise; a triangle has NO_VERTEX last; at most two faces share an edge
 */
export function catmullClark(vertexCount: number, faces: Uint16Array): Subdivision {
  const faceCount = faces.length / 4;
  const { edges, edgeFaces, faceEdges } = buildTopology(faces);
  const edgeCount = edges.length / 2;
  const total = vertexCount + edgeCount + faceCount;
  const rows = new MatrixBuilder(vertexCount);
  const addFace = (face: number, weight: number) => {
    const corners = cornerCount(faces, face);
    for (let k = 0; k < corners; k++) rows.add(faces[4 * face + k]!, weight / corners);
  };
  const facesOf = incidence(vertexCount, faceCount, (face) => {
    const corners = cornerCount(faces, face);
    return faces.subarray(4 * face, 4 * face + corners);
  });
  const edgesOf = incidence(vertexCount, edgeCount, (edge) => edges.subarray(2 * edge, 2 * edge + 2));
  for (let v = 0; v < vertexCount; v++) {
    const around = edgesOf(v);
    const border = around.filter((edge) => edgeFaces[2 * edge + 1] === -1);
    const other = (edge: number) => (edges[2 * edge] === v ? edges[2 * edge + 1]! : edges[2 * edge]!);
    if (border.length > 0) {
      rows.add(v, 0.75);
      for (const edge of border) rows.add(other(edge), 0.25 / border.length);
    } else if (around.length > 0) {
      const adjacent = facesOf(v);
      const n = adjacent.length;
      rows.add(v, 1 - 2 / n);
      for (const edge of around) rows.add(other(edge), 1 / (n * n));
      for (const face of adjacent) addFace(face, 1 / (n * n));
    } else {
      rows.add(v, 1);
    }
    rows.finishRow();
  }
  for (let edge = 0; edge < edgeCount; edge++) {
    const second = edgeFaces[2 * edge + 1]!;
    const weight = second === -1 ? 0.5 : 0.25;
    rows.add(edges[2 * edge]!, weight);
    rows.add(edges[2 * edge + 1]!, weight);
    if (second !== -1) {
      addFace(edgeFaces[2 * edge]!, 0.25);
      addFace(second, 0.25);
    }
    rows.finishRow();
  }
  const quads: number[] = [];
  for (let face = 0; face < faceCount; face++) {
    addFace(face, 1);
    rows.finishRow();
    const corners = cornerCount(faces, face);
    for (let k = 0; k < corners; k++) {
      const next = faceEdges[4 * face + k]!;
      const previous = faceEdges[4 * face + ((k + corners - 1) % corners)]!;
      quads.push(faces[4 * face + k]!, vertexCount + next, vertexCount + edgeCount + face, vertexCount + previous);
    }
  }
  return {
    vertexCount: total,
    ...rows.byColumns(),
    quads: Uint32Array.from(quads),
    edges,
  };
}

/** Lists, per vertex, the items (faces or edges) that contain it, in ascending order. */
function incidence(vertexCount: number, itemCount: number, verticesOf: (item: number) => Uint16Array) {
  const starts = new Uint32Array(vertexCount + 1);
  for (let item = 0; item < itemCount; item++) for (const v of verticesOf(item)) starts[v + 1]!++;
  for (let v = 0; v < vertexCount; v++) starts[v + 1]! += starts[v]!;
  const items = new Uint32Array(starts[vertexCount]!);
  const cursor = starts.slice(0, vertexCount);
  for (let item = 0; item < itemCount; item++) for (const v of verticesOf(item)) items[cursor[v]!++] = item;
  return (v: number) => items.subarray(starts[v], starts[v + 1]);
}

/**
 * Subdivided positions or offsets. Vertices at zero cost nothing, which most of an expression's are.
 *
 * @param cage `[cage vertices][3]`
 * @param out `[vertexCount][3]`
 */
export function applySubdivision(operator: Subdivision, cage: Float32Array, out: Float32Array): void {
  const { columnStarts, rows, weights } = operator;
  out.fill(0);
  for (let column = 0; column + 1 < columnStarts.length; column++) {
    const x = cage[3 * column]!;
    const y = cage[3 * column + 1]!;
    const z = cage[3 * column + 2]!;
    if (x === 0 && y === 0 && z === 0) continue;
    const end = columnStarts[column + 1]!;
    for (let k = columnStarts[column]!; k < end; k++) {
      const weight = weights[k]!;
      const row = 3 * rows[k]!;
      out[row]! += weight * x;
      out[row + 1]! += weight * y;
      out[row + 2]! += weight * z;
    }
  }
}

/** The same permutation of mirror images for the subdivided vertices, from that of the cage; undefined if asymmetric. */
export function subdividedMirror(
  mirror: Uint16Array,
  faces: Uint16Array,
  operator: Subdivision,
): Uint32Array | undefined {
  const cageCount = mirror.length;
  const edgeCount = operator.edges.length / 2;
  const edgeIds = new Map<number, number>();
  const key = (a: number, b: number) => Math.min(a, b) * 65536 + Math.max(a, b);
  for (let e = 0; e < edgeCount; e++) edgeIds.set(key(operator.edges[2 * e]!, operator.edges[2 * e + 1]!), e);
  const faceKey = (face: number, image: (v: number) => number) => {
    const corners = Array.from(faces.subarray(4 * face, 4 * face + cornerCount(faces, face)), image);
    return corners.sort((a, b) => a - b).join();
  };
  const faceIds = new Map<string, number>();
  const faceCount = faces.length / 4;
  for (let face = 0; face < faceCount; face++)
    faceIds.set(
      faceKey(face, (v) => v),
      face,
    );
  const out = new Uint32Array(operator.vertexCount);
  out.set(mirror);
  for (let e = 0; e < edgeCount; e++) {
    const image = edgeIds.get(key(mirror[operator.edges[2 * e]!]!, mirror[operator.edges[2 * e + 1]!]!));
    if (image === undefined) return undefined;
    out[cageCount + e] = cageCount + image;
  }
  for (let face = 0; face < faceCount; face++) {
    const image = faceIds.get(faceKey(face, (v) => mirror[v]!));
    if (image === undefined) return undefined;
    out[cageCount + edgeCount + face] = cageCount + edgeCount + image;
  }
  return out;
}
