import type { HrnError, HrnErrorCode } from '../errors.js';

/**
 * Everything that the addon exports, in TypeScript. A test compares the addon's names with NATIVE_EXPORTS.
 *
 * Entry points check what they are given and throw HrnError INVALID_ARGUMENT; jobs run off the event loop.
 */
export interface NativeBinding {
  /** Backends in this binary, best first. */
  backends(): string[];
  /** The codes that native code throws. */
  errorCodes(): HrnErrorCode[];
  /** What native errors are thrown as. */
  setErrorClass(errorClass: new (code: HrnErrorCode, message: string) => HrnError): void;
  Context: new (options: { threads: number }) => NativeContext;
}

export const NATIVE_EXPORTS = [
  'backends',
  'errorCodes',
  'setErrorClass',
  'Context',
] as const satisfies readonly (keyof NativeBinding)[];

/** A thread pool that jobs share; jobs of one context run one after the other. */
export interface NativeContext {
  /** 0 after dispose. */
  readonly threads: number;
  /** A job that runs keeps its threads until it ends. */
  dispose(): void;
}

/** Work under way on a thread of its own. */
export interface NativeJob<Result> {
  promise: Promise<Result>;
  /** Makes the promise reject soon, with code CANCELLED, unless it is about to settle. */
  cancel(): void;
}

/** Called on the event loop, in order; values may be skipped. Must not throw: that cancels the job. */
export type NativeProgress = (done: number, total: number) => void;
