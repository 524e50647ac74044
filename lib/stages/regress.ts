import { HrnError } from '../errors.js';
import type { Kinship, MorphableModel, Translation } from '../morphable-model.js';
import type { ResolvedCoefficientNetwork } from '../options.js';
import { FACE_CROP_PX, faceCrop, framedLandmarks } from './face-frame.js';
import type { DenseLandmarks } from './landmarks.js';
import type { FaceNetworks } from './networks.js';
import type { Photo } from './photo.js';

/** What a coefficient network is shown. */
export type RegressorInput = Omit<ResolvedCoefficientNetwork, 'onnx'>;

/** What models/coefficient-regressor.onnx takes. */
export const EMBEDDED_REGRESSOR: RegressorInput = {
  input: 'landmarks+crop',
  cropPx: FACE_CROP_PX,
  cropLayout: 'hwc',
};

export interface Estimate {
  mean: Float64Array;
  /** One standard deviation. */
  sigma: Float64Array;
}

/** What a network makes of a face before any fitting. */
export interface CoefficientEstimate {
  /** One per identity component. */
  identity: Estimate;
  /** One per expression component. */
  expression: Estimate;
  /** From the camera to the head's origin, mm. */
  distance?: { logMm: number; logSigma: number };
  /** Told of the embedded head, and translated to an imported model's coefficients. */
  isTranslated?: boolean;
}

/** A deviation that the network does not tell, as a share of the model's own. */
const UNTOLD_SHARE = 0.5;
/** Never surer than this, in shares of the model's own deviation. */
const LEAST_SHARE = 0.02;

/**
 * Runs the coefficient network on a face.
 *
 * @throws HrnError MODEL_MISSING, MODEL_CORRUPT (also for outputs that do not fit the model)
 */
export async function regress(
  networks: FaceNetworks,
  regressor: RegressorInput,
  model: MorphableModel,
  photo: Photo,
  landmarks: DenseLandmarks,
  signal?: AbortSignal,
): Promise<CoefficientEstimate> {
  const { input, cropPx, cropLayout } = regressor;
  const ofEmbedded = regressor === EMBEDDED_REGRESSOR;
  const parts: Float32Array[] = [];
  if (input !== 'crop') parts.push(framedLandmarks(landmarks));
  if (input !== 'landmarks') {
    const crop = await faceCrop(photo, landmarks.region, cropPx, signal);
    parts.push(cropLayout === 'hwc' ? crop : coloursFirst(crop));
  }
  const outputs = await networks.run('regress', joined(parts), signal);
  const { expression, kinship } = model;
  const logMm = outputs.logDistance?.[0];
  const told =
    kinship && ofEmbedded
      ? translated(outputs, kinship, expression)
      : {
          identity: estimateOf(outputs, 'identity', new Float32Array(model.identity.count), undefined),
          expression: estimateOf(outputs, 'expression', expression.mean, expression.sigma),
        };
  return {
    ...told,
    ...(logMm !== undefined && Number.isFinite(logMm)
      ? { distance: { logMm, logSigma: outputs.logDistanceDeviation?.[0] ?? UNTOLD_SHARE } }
      : {}),
  };
}

/** What the network tells of the embedded head, told in an imported model's coefficients. */
function translated(
  outputs: Record<string, Float32Array>,
  { identity, expression }: Kinship,
  { min, max }: MorphableModel['expression'],
): Pick<CoefficientEstimate, 'identity' | 'expression' | 'isTranslated'> {
  const told = (name: 'identity' | 'expression', { from, rows, variance }: Translation) => {
    const mean = new Float64Array(variance.length);
    // A model without expressions.
    if (mean.length === 0) return { mean, sigma: mean };
    const embedded = estimateOf(outputs, name, new Float32Array(from), undefined);
    const sigma = new Float64Array(variance.length);
    for (let i = 0; i < mean.length; i++) {
      const row = rows.subarray(i * (1 + from), (i + 1) * (1 + from));
      let [sum, square] = [row[0]!, variance[i]!];
      for (let k = 0; k < from; k++) {
        sum += row[1 + k]! * embedded.mean[k]!;
        square += (row[1 + k]! * embedded.sigma[k]!) ** 2;
      }
      mean[i] = sum;
      sigma[i] = Math.sqrt(square);
    }
    return { mean, sigma };
  };
  const weights = told('expression', expression);
  weights.mean = weights.mean.map((weight, k) => Math.min(max[k]!, Math.max(min[k]!, weight)));
  return { identity: told('identity', identity), expression: weights, isTranslated: true };
}

/** The network's values where it has any, the model's prior for the components that it does not tell. */
function estimateOf(
  outputs: Record<string, Float32Array>,
  name: 'identity' | 'expression',
  priorMean: Float32Array,
  priorSigma: Float32Array | undefined,
): Estimate {
  const values = outputs[name];
  const deviations = outputs[`${name}Deviation`];
  const count = values?.length ?? 0;
  const usable =
    (name === 'expression' || count > 0) &&
    count <= priorMean.length &&
    (deviations === undefined || deviations.length === count) &&
    [...(values ?? []), ...(deviations ?? [])].every(Number.isFinite);
  if (!usable) {
    throw new HrnError(
      'MODEL_CORRUPT',
      `the coefficient network's ${name} does not fit the head model (${priorMean.length} components, as many deviations as values, all finite); give another network`,
      { details: { output: name, count } },
    );
  }
  const own = (k: number): number => priorSigma?.[k] ?? 1;
  return {
    mean: Float64Array.from(priorMean, (mean, k) => (k < count ? values![k]! : mean)),
    sigma: Float64Array.from(priorMean, (_, k) => {
      if (k >= count) return own(k);
      return Math.max(LEAST_SHARE * own(k), deviations?.[k] ?? UNTOLD_SHARE * own(k));
    }),
  };
}

/** `[n][n][3]` to `[3][n][n]` */
function coloursFirst(pixels: Float32Array): Float32Array {
  const area = pixels.length / 3;
  return Float32Array.from(pixels, (_, i) => pixels[3 * (i % area) + Math.floor(i / area)]!);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
