/** Heads to wrinkle and paint: random ones of the embedded model and of ICT-FaceKit, without their own relief. */
import type { MorphableModel } from '../../lib/morphable-model.js';
import { addNormals } from '../../lib/sample/normal-sums.js';
import { Random } from '../../lib/sample/random.js';
import { randomHead } from '../../lib/sample/random-head.js';
import { type IctModel, randomIctHead } from '../accuracy/ict-head.js';
import { randomPaint } from '../accuracy/ict-paint.js';
import { ICT_FACE_CENTRE_MM } from '../accuracy/ict-portrait.js';
import { landmarkPositions } from '../accuracy/model-face.js';
import { FaceChart } from './face-chart.js';

export interface BareHead {
  name: string;
  /** `[vertices][3]`, mm. */
  positions: Float32Array;
  /** `[vertices][3]`, unit. */
  normals: Float32Array;
  triangles: Uint32Array;
  chart: FaceChart;
  /** `[vertices][2]`: where each vertex lies in the chart. */
  places: Float32Array;
  /** 1 for triangles of skin, which have relief and paint. */
  isSkin: Uint8Array;
  /** Middle of the face, mm. */
  centreMm: readonly [number, number, number];
  /** Linear light 0..1 of a point of a triangle, by the weights of its corners. */
  colour(triangle: number, w0: number, w1: number, w2: number, rgb: Float64Array): void;
}

const FACE_CENTRE_MM = [0, -25, 60] as const;

export function modelHead(model: MorphableModel, seed: number): BareHead {
  const head = randomHead(model, new Random(seed));
  const chart = new FaceChart(landmarkPositions(model.ibug68, model.mean));
  const isSkin = new Uint8Array(model.triangleCount);
  const skin = model.parts.find((part) => part.name === 'skin')!;
  isSkin.fill(1, skin.firstTriangle, skin.firstTriangle + skin.triangleCount);
  const { triangles } = model;
  return {
    name: `model-${seed}`,
    positions: head.positions,
    normals: unitNormals(head.positions, triangles),
    triangles,
    chart,
    places: chart.placeAll(model.mean),
    isSkin,
    centreMm: FACE_CENTRE_MM,
    colour: (t, w0, w1, w2, rgb) => {
      for (let k = 0; k < 3; k++) {
        const at = (corner: number): number => head.colours[3 * triangles[3 * t + corner]! + k]!;
        rgb[k] = decode(w0 * at(0) + w1 * at(1) + w2 * at(2));
      }
    },
  };
}

export function ictHead(ict: IctModel, seed: number): BareHead {
  const { positions } = randomIctHead(ict, seed);
  const landmarks = new Float64Array(3 * 68);
  ict.landmarks68.forEach((v, l) => {
    landmarks.set(ict.neutral.subarray(3 * v, 3 * v + 3), 3 * l);
  });
  const chart = new FaceChart(landmarks);
  const painter = randomPaint(ict, positions, new Random(seed ^ 0x1c7));
  const { triangles, neutral } = ict;
  return {
    name: `ict-${seed}`,
    positions,
    normals: unitNormals(positions, triangles),
    triangles,
    chart,
    places: chart.placeAll(neutral),
    isSkin: Uint8Array.from(ict.parts, (part) => (part === 'skin' ? 1 : 0)),
    centreMm: ICT_FACE_CENTRE_MM,
    colour: (t, w0, w1, w2, rgb) => {
      const [a, b, c] = [3 * triangles[3 * t]!, 3 * triangles[3 * t + 1]!, 3 * triangles[3 * t + 2]!];
      const at = (k: number): number => w0 * neutral[a + k]! + w1 * neutral[b + k]! + w2 * neutral[c + k]!;
      painter(ict.parts[t]!, at(0), at(1), at(2), rgb);
    },
  };
}

function unitNormals(positions: Float32Array, triangles: Uint32Array): Float32Array {
  const normals = addNormals(positions, triangles, new Float32Array(positions.length));
  for (let i = 0; i < normals.length; i += 3) {
    const length = Math.hypot(normals[i]!, normals[i + 1]!, normals[i + 2]!) || 1;
    for (let k = 0; k < 3; k++) normals[i + k]! /= length;
  }
  return normals;
}

/** sRGB to linear light. */
function decode(x: number): number {
  const c = Math.min(1, Math.max(0, x));
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}
