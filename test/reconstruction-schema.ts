import { WARNING_CODES } from '../lib/warnings.js';

const number = { type: 'number' } as const;
const numbers = (length?: number) => ({
  type: 'array',
  items: number,
  ...(length === undefined ? {} : { minItems: length, maxItems: length }),
});
const list = (items: object, length: number) => ({ type: 'array', items, minItems: length, maxItems: length });
const object = (properties: Record<string, object>, optional: string[] = []) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});
const byName = { type: 'object', additionalProperties: number };

/** JSON Schema of NAME.json, as docs/json.md describes it. */
export const reconstructionSchema = object(
  {
    version: { const: 1 },
    generator: { type: 'string', pattern: '^hrn ' },
    input: object({ width: { type: 'integer', minimum: 1 }, height: { type: 'integer', minimum: 1 } }),
    face: object({
      index: { type: 'integer', minimum: 0 },
      box: object({ x: number, y: number, width: number, height: number }),
      score: number,
      presence: number,
    }),
    warnings: {
      type: 'array',
      items: object({
        code: { enum: [...WARNING_CODES] },
        message: { type: 'string', minLength: 1 },
        details: { type: 'object', additionalProperties: { anyOf: [{ type: 'number' }, { type: 'string' }] } },
      }),
    },
    camera: object({
      projection: numbers(12),
      focalLengthPx: { type: 'number', exclusiveMinimum: 0 },
      focalLengthSource: { enum: ['option', 'exif', 'estimated'] },
      principalPointPx: numbers(2),
    }),
    mesh: object({ vertices: { type: 'integer' }, triangles: { type: 'integer' }, units: { const: 'mm' } }),
    scale: object({ source: { enum: ['iris', 'prior'] }, irisDiameterPx: number }, ['irisDiameterPx']),
    coefficients: object({ identity: numbers(), expression: byName, albedo: numbers(), lighting: list(numbers(9), 3) }),
    gaze: object({ left: object({ yaw: number, pitch: number }), right: object({ yaw: number, pitch: number }) }),
    pose: object({ rotation: numbers(9), translation: numbers(3) }),
    landmarks68: object({ positions: list(numbers(3), 68), pixels: list(numbers(2), 68) }),
    quality: object(
      {
        landmarkErrorPx: number,
        landmarkErrorPercent: number,
        photometricError: number,
        refinement: { enum: ['full', 'partial', 'none'] },
        refinementReason: { type: 'string', minLength: 1 },
      },
      ['refinementReason'],
    ),
    timingsMs: byName,
    device: { type: 'string' },
    inference: { type: 'string' },
    models: {
      type: 'array',
      items: object({
        name: { type: 'string' },
        sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
        licence: { type: 'string', minLength: 1 },
      }),
      minItems: 1,
    },
    reference: object({ coefficients: numbers(257) }),
  },
  ['reference', 'gaze'],
);
