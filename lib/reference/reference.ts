import type { HeadModel } from '../head-model.js';
import type { DecodedImage } from '../image.js';
import { WorkSlices } from '../importers/work-slices.js';
import type { NativeContext, NativeSession } from '../native/binding.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import { onnxRuntime } from '../native/onnx-runtime.js';
import type { NativeReferenceModel } from '../native/reference.js';
import type { ReferenceMethod, ResolvedFitOptions } from '../options.js';
import type { ProgressReporter, Stage } from '../progress.js';
import { Reconstruction } from '../result.js';
import type { DetectedFace } from '../stages/detected-face.js';
import { faceView } from '../stages/face-view.js';
import { measureFineDetail } from '../stages/fine-detail.js';
import { headTurn, requireFacing } from '../stages/head-turn.js';
import { type DenseLandmarks, landmarksInFrame } from '../stages/landmarks.js';
import { findPersonMask, type PersonMask } from '../stages/mask.js';
import { INNER_LIPS, LEFT_LIDS, RIGHT_LIDS } from '../stages/mesh-points.js';
import type { FaceNetworks } from '../stages/networks.js';
import type { Photo } from '../stages/photo.js';
import { faceWarnings } from '../stages/warnings.js';
import { type Alignment, align } from './align.js';
import { assembleReference } from './assemble.js';
import { MAP_PX, type ReferenceAssets, type ReferenceNetwork, readReferenceAssets } from './assets.js';
import { bicubicCrop } from './bicubic-crop.js';
import { IMAGE_PX } from './face-model.js';
import { fittingMethod, fittingModel } from './fitting-method.js';
import { channelsFirst, hrnMethod, LARGE_PX } from './hrn-method.js';
import { faceLines, landmarks68 } from './landmarks-68.js';
import { morphableOf } from './morphable.js';
import { smallerPhoto } from './smaller-photo.js';
import { type UvGrid, uvGrid } from './uv-grid.js';
import { widened } from './widened.js';

/** The reference's own method, with its own files: networks and model held until dispose(). */
export class Reference {
  readonly #assets: ReferenceAssets;
  readonly #grid: UvGrid;
  readonly #sessions: ReadonlyMap<ReferenceNetwork, NativeSession>;
  readonly model;
  /** Of the fitting release alone. */
  readonly #fitting: NativeReferenceModel | undefined;

  private constructor(
    assets: ReferenceAssets,
    sessions: ReadonlyMap<ReferenceNetwork, NativeSession>,
    fitting: NativeReferenceModel | undefined,
  ) {
    this.#fitting = fitting;
    this.#assets = assets;
    this.#sessions = sessions;
    this.#grid = uvGrid(assets.model, assets.uvs, MAP_PX);
    this.model = morphableOf(assets);
  }

  /**
   * Reads the folder of HRN's or ModelScope's files and opens their networks.
   *
   * @param threads of a network's run
   * @throws HrnError MODEL_MISSING, MODEL_FORMAT, MODEL_CORRUPT, MODEL_UNSAFE, MODEL_TOO_LARGE, NATIVE_UNAVAILABLE
   */
  static async open(folder: string, method: ReferenceMethod, threads: number): Promise<Reference> {
    const assets = await readReferenceAssets(folder);
    const { library } = onnxRuntime('cpu');
    const sessions = new Map<ReferenceNetwork, NativeSession>();
    for (const name of Object.keys(assets.networks) as ReferenceNetwork[]) {
      const session = new (native().Session)();
      await session.open({ library, model: assets.networks[name], threads }).promise;
      sessions.set(name, session);
      // The runtime has its own copy by now.
      assets.networks[name] = new Uint8Array();
    }
    const fitting =
      method === 'inference+fitting' ? await native().buildReferenceModel(fittingModel(assets)).promise : undefined;
    return new Reference(assets, sessions, fitting);
  }

  dispose(): void {
    for (const session of this.#sessions.values()) session.dispose();
  }

  /** One face of one photo by the reference's method. */
  async fit(
    {
      context,
      networks,
      head,
      device,
    }: { context: NativeContext; networks: FaceNetworks; head: HeadModel; device: string },
    image: DecodedImage,
    photo: Photo,
    face: DetectedFace & { index: number },
    { signal, detail }: ResolvedFitOptions,
    progress: ProgressReporter,
    timingsMs: Record<string, number>,
  ): Promise<Reconstruction> {
    const stage = async <T>(name: Stage, run: () => Promise<T>): Promise<T> => {
      signal?.throwIfAborted();
      progress.report(name, 0, 1);
      const start = performance.now();
      const result = await run();
      timingsMs[name] = performance.now() - start;
      progress.report(name, 1, 1);
      return result;
    };
    const landmarks = await stage('landmarks', () => landmarksInFrame(networks, photo, face.framed, signal));
    const turnDegrees = headTurn(landmarks);
    requireFacing(turnDegrees);
    const person = await stage('mask', () => findPersonMask(networks, photo, landmarks, signal));
    const points = landmarks68(landmarks.pixels, image.height);
    const fitted = await stage('refine', async () => {
      const work = new WorkSlices(signal);
      const shown = await smallerPhoto(image, work);
      const ratio = [shown.width / image.width, shown.height / image.height];
      const place = landmarks68(
        landmarks.pixels.map((x, i) => x * ratio[i % 2]!),
        shown.height,
      );
      const [small, large] = [IMAGE_PX, LARGE_PX].map((side) =>
        align(place, this.#assets.standardPoints, shown, side),
      ) as [Alignment, Alignment];
      const [picture, largePicture, mask] = await Promise.all([
        bicubicCrop(shown, small, work),
        bicubicCrop(shown, large, work),
        faceMask(context, photo, small, landmarks, person, signal),
      ]);
      const run = async (name: ReferenceNetwork, input: Float32Array) =>
        Object.values(await runJob(() => this.#sessions.get(name)!.run(input), { signal }))[0]!;
      const onProgress = progress.of('refine');
      if (this.#fitting) {
        const coefficients = await run('coefficients', channelsFirst([{ data: picture, channels: 3 }], IMAGE_PX));
        const seen = { picture, mask, landmarks: small.landmarks, coefficients };
        const job = { signal, onProgress };
        const result = await fittingMethod(context, this.#assets, this.#fitting, this.#grid, seen, job, work);
        return { picture, small, result };
      }
      const texturePicture = widened(picture, IMAGE_PX, faceLines(landmarks.pixels, image.width, small));
      const input = { picture, largePicture, texturePicture, mask };
      return { picture, small, result: await hrnMethod(this.#assets, this.#grid, input, run, work, onProgress) };
    });
    const result = assembleReference(
      this.#assets,
      this.model,
      fitted.result,
      fitted.picture,
      fitted.small,
      image,
      points,
      detail === 'high',
    );
    return new Reconstruction({
      ...result,
      timingsMs,
      face: { index: face.index, box: face.box, score: face.score, presence: landmarks.presence },
      warnings: faceWarnings({
        photo,
        face,
        landmarks,
        turnDegrees,
        person,
        fineDetail: await measureFineDetail(person, signal),
        model: head.morphable,
        quality: result.quality,
      }),
      device,
      inference: networks.device,
      input: { data: image.data, width: image.width, height: image.height, channels: image.channels },
      model: this.model,
      models: [...head.records.filter(({ name }) => name.endsWith('.onnx')), ...this.#assets.records],
    });
  }
}

/** Where the crop shows the face, eyes and mouth included: `[224][224]`. */
async function faceMask(
  context: NativeContext,
  photo: Photo,
  at: Alignment,
  landmarks: DenseLandmarks,
  person: PersonMask,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const scale = at.width / photo.width;
  const frame = { x0: at.left / scale, y0: at.top / scale, scale, size: at.side };
  const view = faceView(person, landmarks);
  const mask = await runJob(
    () => native().skinMask(context, view, undefined, frame, { width: photo.width, height: photo.height }),
    { signal },
  );
  for (const outline of [LEFT_LIDS, RIGHT_LIDS, INNER_LIPS]) {
    const corners = outline.map(
      (i) => [scale * landmarks.pixels[2 * i]! - at.left, scale * landmarks.pixels[2 * i + 1]! - at.top] as const,
    );
    fillPolygon(mask, at.side, corners);
  }
  return mask;
}

function fillPolygon(mask: Float32Array, side: number, corners: readonly (readonly [number, number])[]): void {
  for (let row = 0; row < side; row++) {
    const y = row + 0.5;
    const crossings: number[] = [];
    for (const [i, [ax, ay]] of corners.entries()) {
      const [bx, by] = corners[(i + 1) % corners.length]!;
      if (ay > y !== by > y) crossings.push(ax + ((y - ay) * (bx - ax)) / (by - ay));
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      // A pixel wider, so that no gap is left to the mask around it.
      const [from, to] = [Math.max(0, Math.floor(crossings[i]! - 1)), Math.min(side - 1, Math.ceil(crossings[i + 1]!))];
      for (let x = from; x <= to; x++) mask[row * side + x] = 1;
    }
  }
}
