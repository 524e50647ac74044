import { describe, expect, it } from 'vitest';
import { deviation } from '../bench/robust/judge.js';
import { robustPicture } from '../bench/robust/pictures.js';
import { Random } from '../lib/sample/random.js';
import { DENSE_CLASSES } from '../lib/stages/dense.js';
import { againstLineOfSight, degreesBetween, seenRotation } from '../lib/stages/seen-pose.js';
import { useStudio } from './portrait-studio.js';

/** Head upright, facing the camera, then turned by yaw and pitch; row-major. */
function rotated(yaw: number, pitch: number): number[] {
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return [cy, 0, sy, sp * sy, -cp, -sp * cy, cp * sy, sp, -cp * cy];
}

/** A map whose pixels show points of a bumpy surface as a far camera sees them. */
function mapOf(rotation: readonly number[], noiseMm: number, face = 1) {
  const side = 48;
  const plane = side * side;
  const random = new Random(5);
  const points = new Float32Array(3 * plane);
  const [a, b, c, d, e, f] = rotation as [number, number, number, number, number, number];
  for (let i = 0; i < plane; i++) {
    const [u, v] = [(i % side) + 0.5 - side / 2, Math.floor(i / side) + 0.5 - side / 2];
    const z = 30 * Math.cos(u / 9) * Math.cos(v / 11);
    // Two pixels a millimetre: the point at this depth of the head's own frame that the pixel shows.
    const [p, q] = [2 * u - c * z, 2 * v - f * z];
    const determinant = a * e - b * d;
    points[i] = (e * p - b * q) / determinant + random.normal(0, noiseMm);
    points[plane + i] = (a * q - d * p) / determinant + random.normal(0, noiseMm);
    points[2 * plane + i] = z + random.normal(0, noiseMm);
  }
  const classes = new Float32Array(DENSE_CLASSES.length * plane);
  classes.fill(face, DENSE_CLASSES.indexOf('face') * plane, (DENSE_CLASSES.indexOf('face') + 1) * plane);
  const toPhoto = [3, 0, 100, 0, 3, 40] as [number, number, number, number, number, number];
  return { side, classes, points, pointSigma: new Float32Array(plane).fill(2), toPhoto };
}

describe('seenRotation', () => {
  it.each([
    [0, 0],
    [0.5, 0.1],
    [-0.7, -0.3],
  ])('is that of the points: yaw %f, pitch %f', (yaw, pitch) => {
    const rotation = rotated(yaw, pitch);
    expect(degreesBetween(seenRotation(mapOf(rotation, 0))!, rotation)).toBeLessThan(0.01);
    expect(degreesBetween(seenRotation(mapOf(rotation, 1))!, rotation)).toBeLessThan(1.5);
  });

  it('is none where hardly any skin is seen, or all lies in a plane', () => {
    expect(seenRotation(mapOf(rotated(0, 0), 0, 0.5))).toBeUndefined();
    const flat = mapOf(rotated(0, 0), 0);
    flat.points.fill(0, 2 * flat.side ** 2);
    expect(seenRotation(flat)).toBeUndefined();
  });

  it('is against the line of sight', () => {
    // A head beside the axis that faces the camera stands as one before it does.
    const [x, z] = [300, 800];
    const turn = Math.atan2(x, z);
    const facingCamera = rotated(0, 0).map((_, i) => {
      const r = [Math.cos(turn), 0, Math.sin(turn), 0, 1, 0, -Math.sin(turn), 0, Math.cos(turn)];
      return [0, 1, 2].reduce((sum, k) => sum + r[3 * Math.floor(i / 3) + k]! * rotated(0, 0)[3 * k + (i % 3)]!, 0);
    });
    expect(degreesBetween(againstLineOfSight(facingCamera, [x, 0, z]), rotated(0, 0))).toBeLessThan(1e-3);
  });
});

describe('a border in the photo', () => {
  const used = useStudio();

  it.each([
    [500034, 1],
    [300158, 1],
  ])('through the ear does not turn the head: seed %i, face %i', async (seed, face) => {
    const { image, faces } = await robustPicture(seed, used.studio.painter, used.studio.model);
    const options = { detail: 'medium', textureSize: 256 } as const;
    const head = await used.hrn.fit(image, { ...options, face });
    const { box } = head.face;
    const distance = ({ x, y }: { x: number; y: number }) =>
      Math.hypot(box.x + box.width / 2 - x, box.y + box.height / 2 - y);
    const shown = faces.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    const own = await used.hrn.fit(shown.own, options);
    expect(deviation(head, own, shown).poseDegrees).toBeLessThan(5);
  });
});
