/** Linear systems of a symmetric positive definite matrix, of which the lower triangle is given row by row. */

/** In place: the matrix becomes its Cholesky factor. */
export function factorise(l: readonly Float64Array[]): void {
  for (const [i, row] of l.entries()) {
    for (let j = 0; j <= i; j++) {
      let sum = row[j]!;
      for (let k = 0; k < j; k++) sum -= row[k]! * l[j]![k]!;
      row[j] = i === j ? Math.sqrt(sum) : sum / l[j]![j]!;
    }
  }
}

/** @param right one row per unknown, one column per system; so is what is returned */
export function solve(l: readonly Float64Array[], right: readonly Float64Array[]): Float64Array[] {
  const x = right.map((row) => row.slice());
  const subtract = (from: Float64Array, row: Float64Array, factor: number): void => {
    for (let c = 0; c < from.length; c++) from[c]! -= factor * row[c]!;
  };
  const divide = (row: Float64Array, by: number): void => {
    for (let c = 0; c < row.length; c++) row[c]! /= by;
  };
  for (let i = 0; i < x.length; i++) {
    for (let k = 0; k < i; k++) subtract(x[i]!, x[k]!, l[i]![k]!);
    divide(x[i]!, l[i]![i]!);
  }
  for (let i = x.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < x.length; k++) subtract(x[i]!, x[k]!, l[k]![i]!);
    divide(x[i]!, l[i]![i]!);
  }
  return x;
}
