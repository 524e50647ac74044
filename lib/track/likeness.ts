/**
 * Who is who in a video: by what the coefficient network makes of the shape of faces. On 35 faces of photos and clips the
 * cosine between two estimates of one person is above 0.53 in nine of ten pairs, and between two people's below 0.43; means
 * over several frames are told apart better.
 */

/** From here on two faces that were never seen together are one person's; */
const ALIKE = 0.45;
/** a face in the place where a person was a moment ago may be less like; */
const ALIKE_NEARBY = 0.2;
/** and so may one that is found anew among those whom the video is known to show. */
export const FOUND_AGAIN = 0.35;

/** Sum of what the network said of a face's identity, over all looks at it. Empty: it does not know. */
export type Looks = Float64Array;

export function addLooks(sum: Looks, more: Looks): Looks {
  if (sum.length !== more.length) return sum.length > 0 ? sum : more.slice();
  return sum.map((value, k) => value + more[k]!);
}

/** -1 to 1. Without a network everybody is like everybody: places alone tell people apart. */
export function likeness(a: Looks, b: Looks): number {
  let [product, aa, bb] = [0, 0, 0];
  for (let k = 0; k < Math.min(a.length, b.length); k++) {
    product += a[k]! * b[k]!;
    aa += a[k]! ** 2;
    bb += b[k]! ** 2;
  }
  return aa > 0 && bb > 0 ? product / Math.sqrt(aa * bb) : 1;
}

export function isSamePerson(alike: number, isNear: boolean): boolean {
  return alike >= (isNear ? ALIKE_NEARBY : ALIKE);
}

export interface Pair {
  a: number;
  b: number;
  score: number;
}

/** Each of either side at most once, the best pair first. */
export function matched(pairs: readonly Pair[]): Pair[] {
  const [usedA, usedB] = [new Set<number>(), new Set<number>()];
  return pairs
    .toSorted((one, other) => other.score - one.score)
    .filter(({ a, b }) => {
      if (usedA.has(a) || usedB.has(b)) return false;
      usedA.add(a);
      usedB.add(b);
      return true;
    });
}
