/**
 * Input and output of the landmark fit (`NativeBinding.coarseFit`): pose, focal length, identity and expression from
 * the dense landmarks of one photo by Levenberg-Marquardt. `n` is `model.dense.count`.
 *
 * Frames: p_cam = R p + t in mm (x right, y down, z away from the camera), u = f x / z + cx, v = f y / z + cy in pixels
 * with (0,0) the top-left image corner and pixel centres at +0.5.
 */
export interface CoarseProblem {
  /** `[n][2]`, px. */
  pixels: Float64Array;
  /** `[n]`, px, larger is farther; only differences count. A weak term: networks know depth only roughly. */
  depths?: Float64Array;
  /** `[n]`, multiplies the inverse variance; 0 leaves a point out. Default 1. */
  weights?: Float64Array;
  /** Initial focal length and the mean of its prior. */
  focalPx: number;
  /** Prior deviation of the logarithm of the focal length; 0 (the default) keeps it fixed. */
  logFocalSigma?: number;
  principalPx: Float64Array;
  /** `[n]`, deviation of the landmarks in the face plane; default the model's own. */
  sigmaMm?: Float64Array;
  /** Added to it in quadrature; default 0.5. */
  sigmaFloorPx?: number;
  /** Deviation of `depths`; default 10. */
  depthSigmaMm?: number;
  /** `[n][2]`, where the network puts its points relative to the surface points, head frame x and y. */
  biasMm?: Float64Array;
  /** `[identityCount][n][2]`, how far each landmark goes astray per unit of an identity coefficient, mm, head frame x and y. */
  responseMm?: Float32Array;
  /** `[components][n][2]`, correlated landmark errors (one deviation each), head frame x and y. */
  nuisanceMm?: Float32Array;
  /** Number of leading identity components to fit. */
  identityCount: number;
  /** `[identityCount]`; default the model's prior N(0, 1). */
  identityMean?: Float64Array;
  identitySigma?: Float64Array;
  /** One per expression component; default the model's own. */
  expressionMean?: Float64Array;
  expressionSigma?: Float64Array;
  /** Loss of the whitened residuals; default 'huber'. */
  robust?: 'none' | 'huber' | 'gemanMcClure';
  /** In standard deviations; default 2. */
  robustScale?: number;
  /** Vertices whose silhouette the dynamic landmarks may slide along; absent: they stay on their surface points. */
  contourVertices?: Uint32Array;
  /** Deviation across the silhouette; default 1.5. */
  contourSigmaMm?: number;
  /** A silhouette farther away is not the one observed; default 15. */
  contourMaxSlideMm?: number;
  /** Default 20. */
  maxIterations?: number;
  /** Stop when an iteration lowers the cost by less than this fraction; default 1e-5. */
  tolerance?: number;
}

export interface CoarseFit {
  /** Row-major 3x3. */
  rotation: Float64Array;
  /** mm. */
  translation: Float64Array;
  focalPx: number;
  /** `[identityCount]`, prior deviations. */
  identity: Float64Array;
  expression: Float64Array;
  /** One per component of `nuisanceMm`. */
  nuisance: Float64Array;
  /** `[n][2]`, where the fitted points (with bias and nuisance) project; on the silhouette for sliding ones. */
  predictedPx: Float64Array;
  /** `[n]`, distance to the observation; across the silhouette for sliding points. */
  residualPx: Float64Array;
  /** `[n]`, 1 where a dynamic landmark ended on the silhouette. */
  sliding: Uint8Array;
  iterations: number;
  converged: boolean;
  /** Half the sum of the squared whitened residuals (robust) and priors. */
  cost: number;
  /** Posterior deviation of the logarithm of the focal length; 0 when it was fixed. */
  logFocalSigma: number;
  /** `[identityCount]`, posterior deviations. */
  identitySigma: Float64Array;
}
