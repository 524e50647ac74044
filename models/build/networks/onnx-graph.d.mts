/** An attribute that is a float, where a plain number is an integer. */
export class Float {
  constructor(value: number);
}

/** Collects nodes and constants of an ONNX graph; values are referred to by name. */
export class OnnxGraph {
  constructor(name: string);
  /** Adds a node with one output and returns the output's name (a fresh one unless given). */
  node(type: string, inputs: readonly string[], attributes?: Record<string, unknown>, output?: string): string;
  floats(values: ArrayLike<number> & Iterable<number>, shape?: readonly number[]): string;
  input(name: string, shape: readonly number[]): void;
  output(name: string, shape: readonly number[]): void;
  serialize(metadata: Record<string, string>): Uint8Array;
}
