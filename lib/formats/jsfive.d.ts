/** The part of jsfive that is used here; the package brings no types. */
declare module 'jsfive' {
  export interface Dataset {
    shape: number[] | null;
    dtype: unknown;
    value: unknown;
  }
  export class Group {
    readonly keys: string[];
    get(path: string): Group | Dataset;
  }
  export class File extends Group {
    constructor(buffer: ArrayBuffer, name?: string);
  }
}
