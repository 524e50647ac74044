/**
 * What the landmark network errs by on one person, whatever they do: learned from the frames of a video as they come. A
 * person's brows lie higher than the network's idea of them in every frame; what moves is the expression.
 */

/** So many frames of evidence are believed of "no error of their own" before the first one. */
const DOUBT_FRAMES = 10;
/** A frame that is this far off, mm, says less: it shows an expression that the fit did not follow, or a fault. */
const OUTLIER_MM = 2;

/** A frame's landmarks beside the fitted head. */
export interface FollowedLandmarks {
  /** `[n][3]`, mm, where the network is expected to put its points on this head, head frame. */
  points: ArrayLike<number>;
  /** `[n][2]`, where it has put them, pixels. */
  pixels: ArrayLike<number>;
  /** Row-major 3x3. */
  rotation: ArrayLike<number>;
  /** mm. */
  translation: ArrayLike<number>;
  focalPx: number;
  principalPx: readonly [number, number];
}

/**
 * Robust least squares, a frame after the other. What foreshortening hides of an error counts by as much less, so that
 * turned frames tell of height and not of breadth.
 */
export class OwnErrors {
  /** `[n][2]`, mm, head frame x and y: zero before the first frame. */
  readonly mm: Float64Array;
  /** `[n][3]`: xx, xy, yy of the normal equations; `[n][2]`: their right side. */
  readonly #products: Float64Array;
  readonly #right: Float64Array;

  constructor(count: number) {
    this.mm = new Float64Array(2 * count);
    this.#products = new Float64Array(3 * count);
    this.#right = new Float64Array(2 * count);
  }

  add({ points, pixels, rotation: r, translation: t, focalPx, principalPx }: FollowedLandmarks): void {
    const pxPerMm = focalPx / t[2]!;
    for (let i = 0; i < this.mm.length / 2; i++) {
      const [px, py, pz] = [points[3 * i]!, points[3 * i + 1]!, points[3 * i + 2]!];
      const x = r[0]! * px + r[1]! * py + r[2]! * pz + t[0]!;
      const y = r[3]! * px + r[4]! * py + r[5]! * pz + t[1]!;
      const z = r[6]! * px + r[7]! * py + r[8]! * pz + t[2]!;
      // How far off it is, and what a millimetre of the head's x and y moves it by, both in millimetres at the head's distance.
      const [u, v, near] = [x / z, y / z, t[2]! / z];
      const off = [
        (pixels[2 * i]! - principalPx[0] - focalPx * u) / pxPerMm,
        (pixels[2 * i + 1]! - principalPx[1] - focalPx * v) / pxPerMm,
      ] as const;
      this.#addPoint(
        i,
        off,
        [near * (r[0]! - u * r[6]!), near * (r[3]! - v * r[6]!)],
        [near * (r[1]! - u * r[7]!), near * (r[4]! - v * r[7]!)],
      );
    }
  }

  #addPoint(
    i: number,
    [du, dv]: readonly [number, number],
    [ux, vx]: readonly [number, number],
    [uy, vy]: readonly [number, number],
  ): void {
    const { mm } = this;
    const [products, right] = [this.#products, this.#right];
    const [a, b] = [du - ux * mm[2 * i]! - uy * mm[2 * i + 1]!, dv - vx * mm[2 * i]! - vy * mm[2 * i + 1]!];
    const weight = 1 / (1 + (a * a + b * b) / OUTLIER_MM ** 2) ** 2;
    products[3 * i]! += weight * (ux * ux + vx * vx);
    products[3 * i + 1]! += weight * (ux * uy + vx * vy);
    products[3 * i + 2]! += weight * (uy * uy + vy * vy);
    right[2 * i]! += weight * (ux * du + vx * dv);
    right[2 * i + 1]! += weight * (uy * du + vy * dv);
    const [xx, xy, yy] = [products[3 * i]! + DOUBT_FRAMES, products[3 * i + 1]!, products[3 * i + 2]! + DOUBT_FRAMES];
    const determinant = xx * yy - xy * xy;
    mm[2 * i] = (yy * right[2 * i]! - xy * right[2 * i + 1]!) / determinant;
    mm[2 * i + 1] = (xx * right[2 * i + 1]! - xy * right[2 * i]!) / determinant;
  }
}
