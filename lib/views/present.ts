/** A joint fit as a result: with the expression, pose and camera of one of its views. */

import { vertexNormals } from '../exporters/vertex-normals.js';
import type { Resources } from '../fit.js';
import type { PixelLimits } from '../image/limits.js';
import { decodeImage } from '../image.js';
import type { CoarseFit } from '../native/coarse.js';
import { invalid } from '../options.js';
import type { Camera } from '../result-data.js';
import { assemble, betweenEyes, fitQuality, namedExpressions, placedCamera, withTexture } from '../stages/assemble.js';
import type { MetricScale } from '../stages/iris-scale.js';
import { REGRESSOR_FILE } from '../stages/networks.js';
import type { RefinedHead } from '../stages/refine.js';
import { EMBEDDED_REGRESSOR } from '../stages/regress.js';
import { faceWarnings } from '../stages/warnings.js';
import { type FittedView, type LeftOutView, type ViewsContinued, ViewsReconstruction } from './result.js';
import type { View } from './view.js';

/** A view and its number among the images that were given. */
export interface NumberedView {
  index: number;
  view: View;
}

/** Everything that a joint fit found; lists are in the order of `views`. */
export interface JointFit {
  views: readonly NumberedView[];
  leftOut: readonly LeftOutView[];
  coarse: readonly CoarseFit[];
  refined: readonly RefinedHead[];
  /** An animator's weights of each view's expression. */
  told: readonly Float64Array[];
  scale: MetricScale;
  /** `[size][size][3]`, and each view's share in it. */
  texture: { rgb: Uint8Array; shares: readonly number[] };
  timingsMs: Readonly<Record<string, number>>;
}

export async function present(
  resources: Resources,
  fit: JointFit,
  chosen: number,
  limits: PixelLimits & { signal?: AbortSignal | undefined },
  add: ViewsContinued['add'],
): Promise<ViewsReconstruction> {
  const { networks, head, regressor, device } = resources;
  const { morphable } = head;
  if (!(Number.isInteger(chosen) && chosen >= 0 && chosen < fit.views.length))
    throw invalid(`a view from 0 to ${fit.views.length - 1}`, 'view', chosen);
  const { view } = fit.views[chosen]!;
  const input = await decodeImage(view.image, limits);
  const refined = fit.refined[chosen]!;
  const origin = betweenEyes(morphable, refined.positions);
  const stage = (i: number) => ({ problem: fit.views[i]!.view.coarse.problem, fit: fit.coarse[i]! });
  const normals = vertexNormals(refined.positions, morphable.triangles);
  const unpainted = assemble({
    head: morphable,
    landmarks: view.landmarks,
    told: fit.told[chosen]!,
    coarse: stage(chosen),
    refined,
    scale: fit.scale,
    focal: view.focal,
    principalPx: view.principalPx,
    origin,
  });
  const result = withTexture(unpainted, { rgb: fit.texture.rgb, normals });
  const fitted = ({ index, view: one }: NumberedView, i: number): FittedView => {
    const { camera, lighting } = fit.refined[i]!;
    const { pose, projection } = placedCamera(camera, origin, fit.scale.factor, one.principalPx);
    const lens: Camera = {
      projection,
      focalLengthPx: camera.focalPx,
      principalPointPx: [...one.principalPx] as [number, number],
      focalLengthSource: one.focal.source,
    };
    return {
      index,
      width: one.width,
      height: one.height,
      face: detectedAs(one),
      pose,
      camera: lens,
      expression: namedExpressions(morphable, fit.told[i]!),
      lighting: Float32Array.from(lighting),
      quality: fitQuality(morphable, one.landmarks, stage(i), fit.refined[i]!),
      textureShare: fit.texture.shares[i]!,
    };
  };
  const { data, width, height, channels } = input;
  return new ViewsReconstruction(
    {
      ...result,
      view: chosen,
      views: fit.views.map(fitted),
      leftOut: fit.leftOut,
      timingsMs: { ...fit.timingsMs },
      warnings: faceWarnings({ photo: view, ...view, model: morphable, quality: result.quality }),
      face: detectedAs(view),
      device,
      inference: networks.device,
      input: { data, width, height, channels },
      model: morphable,
      models: head.records.filter(({ name }) => name !== REGRESSOR_FILE || regressor === EMBEDDED_REGRESSOR),
    },
    { add, show: (other) => present(resources, fit, other, limits, add) },
  );
}

function detectedAs({ face, landmarks }: View): FittedView['face'] {
  return { index: 0, box: face.box, score: face.score, presence: landmarks.presence };
}
