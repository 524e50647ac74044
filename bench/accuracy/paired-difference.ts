/** Differences between two ways of fitting the same portraits. */

/**
 * Mean of `values` less `reference`, and its standard error. Portraits of one head are not independent: their differences
 * are averaged first.
 *
 * @param heads of which head each portrait is
 * @returns a standard error of NaN where there are fewer than two heads
 */
export function pairedDifference(
  heads: readonly string[],
  values: readonly number[],
  reference: readonly number[],
): { difference: number; standardError: number } {
  const byHead = new Map<string, number[]>();
  for (const [i, head] of heads.entries()) {
    byHead.set(head, [...(byHead.get(head) ?? []), values[i]! - reference[i]!]);
  }
  const mean = (x: readonly number[]): number => x.reduce((sum, value) => sum + value, 0) / x.length;
  const differences = [...byHead.values()].map(mean);
  const difference = mean(differences);
  const n = differences.length;
  const variance = differences.reduce((sum, d) => sum + (d - difference) ** 2, 0) / (n - 1);
  return { difference, standardError: Math.sqrt(variance / n) };
}
