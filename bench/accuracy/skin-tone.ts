/** sRGB's linear primaries to Y and Z (D65), rows. */
const TO_YZ = [
  [0.2126, 0.7152, 0.0722],
  [0.0193, 0.1192, 0.9505],
] as const;
const WHITE = [1, 1.089] as const;

/**
 * The individual typology angle of a skin's albedo (linear sRGB, 0..1), degrees: over 55 very light, under -30 dark
 * (Chardon, Cretois and Hourseau 1991).
 */
export function typologyAngle(albedo: readonly number[]): number {
  const [y, z] = TO_YZ.map((row, k) => lightness(row.reduce((sum, w, c) => sum + w * albedo[c]!, 0) / WHITE[k]!));
  return (Math.atan2(116 * y! - 16 - 50, 200 * (y! - z!)) * 180) / Math.PI;
}

function lightness(t: number): number {
  return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29;
}
