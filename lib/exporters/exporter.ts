import type { OutputFile } from '../atomic-write.js';
import type { ReconstructionData } from '../result-data.js';
import type { ResolvedExportOptions } from './options.js';

/** Turns a result into the bytes of one file format. It reads only the result and writes nothing itself. */
export interface Exporter {
  /** Lower case, with the dot. */
  extension: string;
  /** For people: what the format is and what it holds. */
  description: string;
  /**
   * The files that make up the format, the one that refers to the others last.
   *
   * @param path where the user wants the file; companions are named after it and lie beside it.
   */
  encode(result: ReconstructionData, path: string, options: ResolvedExportOptions): Promise<OutputFile[]>;
}
