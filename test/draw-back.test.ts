/** A refined shape is drawn back to the landmark fit's by what the photo leaves open. */
import { expect, it } from 'vitest';
import { drawnBack, faceEvidence } from '../lib/stages/draw-back.js';

const deformable = Float32Array.of(1, 0, 1);
const refined = {
  identity: Float64Array.of(2, -1),
  expression: Float64Array.of(0.5),
  positions: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
  deformationMap: { data: Float32Array.of(1, -2, 4), size: 1 },
};
const coarse = {
  identity: Float64Array.of(0, 1),
  expression: Float64Array.of(0),
  positions: new Float32Array(9),
};

it('counts the face alone', () => {
  expect(faceEvidence(deformable, Float32Array.of(0.5, 0, 0.7))).toBeCloseTo(0.6, 6);
});

it('leaves alone what the photo settles', () => {
  expect(drawnBack({ deformable }, Float32Array.of(0.8, 0, 0.9), refined, coarse)).toEqual(refined);
});

it('mixes all parts of a shape alike, so that they still add up', () => {
  const { identity, expression, positions, deformationMap } = drawnBack(
    { deformable },
    Float32Array.of(0.5, 0, 0.6),
    refined,
    coarse,
  );
  expect(identity[0]).toBeCloseTo(1.5, 6);
  expect(identity[1]).toBeCloseTo(-0.5, 6);
  expect(expression[0]).toBeCloseTo(0.375, 6);
  expect(positions[8]).toBeCloseTo(6.75, 6);
  expect(Array.from(deformationMap!.data)).toEqual([0.75, -1.5, 3].map((x) => expect.closeTo(x, 6)));
});
