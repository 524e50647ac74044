import { readFile } from 'node:fs/promises';
import { HrnError } from '../errors.js';
import { locateModels } from '../models/locate.js';
import { readModel } from '../models/manifest.js';
import type { CropSpec, NativeBothWays, NativeDenseLook, NativeSession } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import { onnxRuntime } from '../native/onnx-runtime.js';
import type { Photo } from './photo.js';

/** Takes part in fits of the embedded head alone. */
export const REGRESSOR_FILE = 'coefficient-regressor.onnx';

const FILES = {
  detectShortRange: 'face-detection-short-range.onnx',
  detectFullRange: 'face-detection-full-range.onnx',
  landmarks: 'face-landmarks.onnx',
  segmentPerson: 'person-segmentation.onnx',
  dense: 'dense-face.onnx',
  eyes: 'eye-state.onnx',
  mouth: 'mouth-state.onnx',
  regress: REGRESSOR_FILE,
} as const;

export type NetworkName = keyof typeof FILES;

/** The face networks; each is read, verified and opened when it is first needed. */
export class FaceNetworks {
  readonly #folder: string;
  readonly #cudaDevice: number | undefined;
  #fallbackReason = '';
  readonly #ownRegressor: Uint8Array | string | undefined;
  readonly #sessions = new Map<NetworkName, { native: NativeSession; opened: Promise<void> }>();
  #disposed = false;

  /**
   * @param options.models folder with manifest.json, instead of the embedded one
   * @param options.cudaDevice where ONNX Runtime's CUDA provider is to run them; the CPU does where that fails
   * @param options.regressor a coefficient network in place of the embedded one: its bytes, or the path of its file
   */
  constructor(
    options: {
      models?: string | undefined;
      cudaDevice?: number | undefined;
      regressor?: Uint8Array | string | undefined;
    } = {},
  ) {
    this.#folder = locateModels(options.models);
    this.#cudaDevice = options.cudaDevice;
    this.#ownRegressor = options.regressor;
  }

  /** What runs those opened so far: `cpu`, `cuda:0`, or `cpu (why cuda:0 does not)`. */
  get device(): string {
    if (this.#cudaDevice === undefined) return 'cpu';
    return this.#fallbackReason === '' ? `cuda:${this.#cudaDevice}` : `cpu (${this.#fallbackReason})`;
  }

  /** Starts to open networks that will be needed soon, beside other work; run() tells what failed. */
  prepare(...names: readonly NetworkName[]): void {
    for (const name of names) this.#open(name).catch(() => {});
  }

  /**
   * Runs a network off the event loop.
   *
   * @param input NHWC
   * @returns outputs by the names that the network's author gave them
   * @throws HrnError MODEL_MISSING, MODEL_CORRUPT, NATIVE_UNAVAILABLE, DISPOSED
   */
  async run(name: NetworkName, input: Float32Array, signal?: AbortSignal): Promise<Record<string, Float32Array>> {
    const session = await this.#open(name);
    return await runJob(() => session.run(input), { signal });
  }

  /**
   * The same on a crop of a photo, without a copy of it for JavaScript.
   *
   * @param crop of the network's size
   */
  async look(
    name: NetworkName,
    photo: Pick<Photo, 'context' | 'pixels'>,
    crop: CropSpec,
    signal?: AbortSignal,
  ): Promise<Record<string, Float32Array>> {
    const session = await this.#open(name);
    return await runJob(() => session.look(photo.context, photo.pixels, crop), { signal });
  }

  /** The same on the crop and on its mirror image. */
  async lookBothWays(
    name: NetworkName,
    photo: Pick<Photo, 'context' | 'pixels'>,
    crop: CropSpec,
    signal?: AbortSignal,
  ): Promise<NativeBothWays> {
    const session = await this.#open(name);
    return await runJob(() => session.lookBothWays(photo.context, photo.pixels, crop), { signal });
  }

  /** What the dense network says of a square crop of 256 pixels, in planes of 128 x 128. */
  async lookDensely(
    photo: Pick<Photo, 'context' | 'pixels'>,
    crop: CropSpec,
    signal?: AbortSignal,
  ): Promise<NativeDenseLook> {
    const session = await this.#open('dense');
    return await runJob(() => session.lookDensely(photo.context, photo.pixels, crop), { signal });
  }

  /** The person's mask on the pixels of the fine crop, which come with it. */
  async lookForPerson(
    photo: Pick<Photo, 'context' | 'pixels'>,
    crop: CropSpec,
    fine: CropSpec & { radius: number; epsilon: number },
    signal?: AbortSignal,
  ): Promise<{ mask: Float32Array; rgb: Float32Array }> {
    const session = await this.#open('segmentPerson');
    return await runJob(() => session.lookForPerson(photo.context, photo.pixels, crop, fine), { signal });
  }

  /** Runs under way end first. */
  dispose(): void {
    this.#disposed = true;
    for (const session of this.#sessions.values()) session.native.dispose();
    this.#sessions.clear();
  }

  async #open(name: NetworkName): Promise<NativeSession> {
    if (this.#disposed) throw new HrnError('DISPOSED', 'the face networks were disposed; create a new instance');
    let session = this.#sessions.get(name);
    if (session === undefined) {
      const created = new (native().Session)();
      session = { native: created, opened: this.#load(created, name) };
      this.#sessions.set(name, session);
      // A failure is told to whoever waits, and tried again by the next caller.
      session.opened.catch(() => this.#sessions.delete(name));
    }
    await session.opened;
    return session.native;
  }

  async #load(session: NativeSession, name: NetworkName): Promise<void> {
    const own = name === 'regress' ? this.#ownRegressor : undefined;
    const model = own === undefined ? await readModel(this.#folder, FILES[name]) : await ownNetwork(own);
    const place = this.#cudaDevice === undefined ? {} : { cudaDevice: this.#cudaDevice };
    const { library } = onnxRuntime(this.#cudaDevice === undefined ? 'cpu' : 'cuda');
    const options = { library, model, ...place };
    this.#fallbackReason = (await session.open(options).promise) || this.#fallbackReason;
  }
}

async function ownNetwork(network: Uint8Array | string): Promise<Uint8Array> {
  if (typeof network !== 'string') return network;
  try {
    return await readFile(network);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new HrnError('MODEL_MISSING', `${network} cannot be read (${reason}); check the option regressor`, { cause });
  }
}
