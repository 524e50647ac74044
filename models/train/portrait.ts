/**
 * Training portraits: random heads of the model under far more varied conditions than `hrn sample` draws. What is drawn
 * also departs from the model's own shapes, as people do; the truth is the shape without that.
 */

import { decodeHalfs } from '../../lib/half-float.js';
import type { Basis, MorphableModel, PartName } from '../../lib/morphable-model.js';
import type { NativeContext, NativeModel } from '../../lib/native/binding.js';
import { native } from '../../lib/native/load.js';
import { randomBackdrop } from '../../lib/sample/backdrop.js';
import { type SampleCamera, toCameraFrame } from '../../lib/sample/camera.js';
import { addNormals } from '../../lib/sample/normal-sums.js';
import { Random } from '../../lib/sample/random.js';
import { randomExpression } from '../../lib/sample/random-head.js';
import { trainingCamera } from './camera.js';
import { ComplexionPainter } from './complexion.js';
import { type Covering, degrade } from './degrade.js';
import { illuminate } from './illumination.js';
import { valueNoise } from './value-noise.js';

export interface TrainingPortrait {
  /** 8-bit RGB, `PORTRAIT_PX` squared. */
  pixels: Uint8Array;
  identity: Float32Array;
  expression: Float32Array;
  /** `[vertices][3]`, mm, head frame: the model's shape for these coefficients. */
  positions: Float32Array;
  /** `[vertices][3]`, mm, head frame: the skin that is drawn, without the hair on it. */
  skinPositions: Float32Array;
  camera: SampleCamera;
  /** Mean colour of the face without light, 0 to 1. */
  skin: number;
  /** What lies over the face. */
  over: (Covering | 'fringe' | 'dyed beard')[];
  /** Standard deviation of its blur. */
  blurPx: number;
}

/** What a portrait can be asked to show. */
export interface Scene {
  camera?: typeof trainingCamera;
  expression?: typeof randomExpression;
}

/** The landmark network sees faces at about 128 pixels. */
export const PORTRAIT_PX = 240;

const IDENTITY_LIMIT = 3;
const ALBEDO_LIMIT = 2.5;
const BUMPS = 14;
const BUMP_MM = 0.9;
/** Light that reaches the inside of a mouth. */
const MOUTH_LIGHT: Partial<Record<PartName, number>> = { upperTeeth: 0.75, lowerTeeth: 0.6, tongue: 0.5 };

export class PortraitPainter {
  readonly #model: MorphableModel;
  readonly #context: NativeContext;
  readonly #native: NativeModel;
  readonly #albedo: Float32Array;
  readonly #complexion: ComplexionPainter;
  readonly #mouth: Float32Array;
  readonly #outward: Float32Array;

  constructor(context: NativeContext, model: MorphableModel, nativeModel: NativeModel) {
    this.#model = model;
    this.#context = context;
    this.#native = nativeModel;
    this.#albedo = decodeHalfs(model.albedo.halfs);
    this.#complexion = new ComplexionPainter(model);
    this.#mouth = new Float32Array(model.vertexCount).fill(1);
    for (const { name, firstTriangle, triangleCount } of model.parts) {
      for (let i = 3 * firstTriangle; i < 3 * (firstTriangle + triangleCount); i++) {
        this.#mouth[model.triangles[i]!] = MOUTH_LIGHT[name] ?? 1;
      }
    }
    this.#outward = vertexNormals(model.mean, model.triangles);
  }

  /** @param scene in place of the training's own cameras and expressions */
  async draw(seed: number, scene: Scene = {}): Promise<TrainingPortrait> {
    const { camera: cameraFor = trainingCamera, expression: expressionFor = randomExpression } = scene;
    const model = this.#model;
    const random = new Random(seed);
    const identity = Float32Array.from({ length: model.identity.count }, () => random.normal(0, 1, IDENTITY_LIMIT));
    const expression = expressionFor(model.expression, random);
    const shape = [identity, expression].map((c) => Float64Array.from(c)) as [Float64Array, Float64Array];
    const positions = await native().headShape(this.#context, this.#native, ...shape).promise;

    const colours = model.albedo.mean.slice();
    const albedo = Float32Array.from({ length: model.albedo.count }, () => random.normal(0, 1, ALBEDO_LIMIT));
    add(colours, model.albedo, this.#albedo, albedo);
    const complexion = this.#complexion.paint(random, colours);
    const skin = meanColour(complexion.colours, model.deformable);

    const { skinPositions, drawn } = this.#depart(random, positions, complexion.hairMm);
    const camera = cameraFor(random, PORTRAIT_PX);
    const cameraPositions = toCameraFrame(camera, drawn);
    const normals = vertexNormals(cameraPositions, model.triangles);
    for (let i = 0; i < normals.length; i += 3) {
      // Camera frame to view frame: y up, z towards the camera.
      normals[i + 1]! *= -1;
      normals[i + 2]! *= -1;
    }
    illuminate(random, complexion.colours, normals, drawn, this.#mouth);
    const { rgba } = await native().render(this.#context, {
      positions: drawn,
      indices: model.triangles,
      colours: complexion.colours,
      light: 'none',
      rotation: camera.rotation,
      translation: camera.translation,
      focalLengthPx: camera.focalLengthPx,
      principalPointPx: camera.principalPointPx,
      width: PORTRAIT_PX,
      height: PORTRAIT_PX,
      supersampling: 2,
      background: { data: backdrop(random, cameraPositions, camera), channels: 3 },
    }).promise;
    const clear = new Uint8Array(3 * PORTRAIT_PX * PORTRAIT_PX);
    for (let i = 0, o = 0; i < rgba.length; i += 4) for (let k = 0; k < 3; k++) clear[o++] = rgba[i + k]!;
    const landmarks = projectedLandmarks(model, drawn, camera);
    const { pixels, over, blurPx } = await degrade(random, clear, PORTRAIT_PX, landmarks);
    const covers = [
      ...over,
      ...(complexion.hasFringe ? (['fringe'] as const) : []),
      ...(complexion.hasDyedBeard ? (['dyed beard'] as const) : []),
    ];
    return { pixels, identity, expression, positions, skinPositions, camera, skin, over: covers, blurPx };
  }

  /** Moves the skin away from the model, by smooth bumps as no component makes them, and what is drawn by hair too. */
  #depart(random: Random, positions: Float32Array, hairMm: Float32Array) {
    const [skinPositions, drawn] = [positions.slice(), positions.slice()];
    const { mean } = this.#model;
    const bumps = Array.from({ length: BUMPS }, () => {
      const v = 3 * random.integer(hairMm.length);
      const size = random.normal(0, BUMP_MM);
      return { at: mean.subarray(v, v + 3), radius: random.uniform(8, 28), size };
    });
    const roughness = random.chance(0.4) ? random.uniform(0, 0.4) : 0;
    const seed = random.integer(1 << 20);
    for (let v = 0; v < hairMm.length; v++) {
      const x = mean[3 * v]!;
      const y = mean[3 * v + 1]!;
      const z = mean[3 * v + 2]!;
      let out = 0;
      if (roughness > 0) out += roughness * (valueNoise(x / 5, y / 5, z / 5, seed) - 0.5);
      for (let b = 0; b < BUMPS; b++) {
        const { at, radius, size } = bumps[b]!;
        const dx = x - at[0]!;
        const dy = y - at[1]!;
        const dz = z - at[2]!;
        const d = (dx * dx + dy * dy + dz * dz) / (radius * radius);
        if (d < 6) out += size * Math.exp(-d);
      }
      for (let k = 0; k < 3; k++) {
        skinPositions[3 * v + k]! += out * this.#outward[3 * v + k]!;
        drawn[3 * v + k]! += (out + hairMm[v]!) * this.#outward[3 * v + k]!;
      }
    }
    return { skinPositions, drawn };
  }
}

/** Of the vertices that a fit may deform: the face. Colours are `[vertices][3]`. */
export function meanColour(colours: Float32Array, deformable: Float32Array): number {
  let [sum, weight] = [0, 0];
  for (let v = 0; v < deformable.length; v++) {
    sum += (deformable[v]! * (colours[3 * v]! + colours[3 * v + 1]! + colours[3 * v + 2]!)) / 3;
    weight += deformable[v]!;
  }
  return weight > 0 ? sum / weight : 0.5;
}

/** Unit normals `[vertices][3]` in the frame of the positions. */
function vertexNormals(p: Float64Array | Float32Array, triangles: Uint32Array): Float32Array {
  const normals = addNormals(p, triangles, new Float32Array(p.length));
  for (let i = 0; i < normals.length; i += 3) {
    const length = Math.sqrt(normals[i]! ** 2 + normals[i + 1]! ** 2 + normals[i + 2]! ** 2) || 1;
    for (let k = 0; k < 3; k++) normals[i + k]! /= length;
  }
  return normals;
}

function add(target: Float32Array, { count }: Basis, values: Float32Array, weights: Float32Array): void {
  const size = target.length;
  for (let k = 0; k < count; k++) {
    const weight = weights[k]!;
    if (weight === 0) continue;
    const component = values.subarray(k * size, (k + 1) * size);
    for (let i = 0; i < size; i++) target[i]! += weight * component[i]!;
  }
}

/** `[68][2]`, pixels. */
function projectedLandmarks({ ibug68 }: MorphableModel, positions: Float32Array, camera: SampleCamera): number[][] {
  return Array.from({ length: ibug68.count }, (_, l) => {
    const point = [0, 0, 0, 1];
    for (let j = 0; j < 3; j++) {
      const v = 3 * ibug68.vertices[3 * l + j]!;
      for (let k = 0; k < 3; k++) point[k]! += ibug68.weights[3 * l + j]! * positions[v + k]!;
    }
    const row = (o: number): number => point.reduce((sum, x, k) => sum + x * camera.projection[o + k]!, 0);
    return [row(0) / row(8), row(4) / row(8)];
  });
}

/** The wall of `hrn sample`, or patches of any colour with sharp borders; 8-bit RGB. */
function backdrop(random: Random, cameraPositions: Float64Array, camera: SampleCamera): Uint8Array {
  let lowest = 0;
  for (let i = 3; i < cameraPositions.length; i += 3) {
    if (cameraPositions[i + 1]! > cameraPositions[lowest + 1]!) lowest = i;
  }
  const perMm = camera.focalLengthPx / cameraPositions[lowest + 2]!;
  const neckPx = [0, 1].map((k) => cameraPositions[lowest + k]! * perMm + camera.principalPointPx[k]!);
  const wall = randomBackdrop(random, PORTRAIT_PX, {
    neckPx: [neckPx[0]!, neckPx[1]! - 10],
    halfNeckPx: 58 * perMm,
  });
  const patches = random.chance(0.5) ? [] : Array.from({ length: 2 }, () => [0, 1, 2].map(() => random.uniform(0, 1)));
  const seed = random.integer(1 << 20);
  const scale = PORTRAIT_PX * random.uniform(0.04, 0.4);
  const sharp = random.uniform(1, 12);
  const pixels = new Uint8Array(3 * PORTRAIT_PX * PORTRAIT_PX);
  const rgb = new Float64Array(3);
  // Smooth and behind everything: one value for two by two pixels.
  for (let y = 0; y < PORTRAIT_PX; y += 2) {
    for (let x = 0; x < PORTRAIT_PX; x += 2) {
      wall(x + 1, y + 1, rgb);
      for (let i = 0; i < patches.length; i++) {
        const patch = patches[i]!;
        const cover = Math.min(1, Math.max(0, (valueNoise(x / scale, y / scale, i * 7.3, seed) - 0.6) * sharp));
        for (let k = 0; k < 3; k++) rgb[k]! += cover * (patch[k]! - rgb[k]!);
      }
      for (let k = 0; k < 3; k++) {
        const value = 255 * Math.min(1, Math.max(0, rgb[k]!)) + 0.5;
        const o = 3 * (y * PORTRAIT_PX + x) + k;
        pixels[o] = value;
        pixels[o + 3] = value;
        pixels[o + 3 * PORTRAIT_PX] = value;
        pixels[o + 3 * PORTRAIT_PX + 3] = value;
      }
    }
  }
  return pixels;
}
