import { OUTPUTS } from '../workers/task.js';
import type { ResolvedServeOptions } from './options.js';

// One description of what goes in and out: requests are checked by it, and the OpenAPI document is made of it.

const code = { type: 'string', description: 'see docs/errors.md and docs/serve.md' };

export const errorSchema = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: { code, message: { type: 'string' } },
      required: ['code', 'message'],
    },
  },
  required: ['error'],
} as const;

const optionProperties = ({ maxTextureSize }: Pick<ResolvedServeOptions, 'maxTextureSize'>) => ({
  detail: { type: 'string', minLength: 1, maxLength: 20, description: 'coarse, medium (default) or high' },
  face: {
    type: 'integer',
    minimum: 0,
    maximum: 9999,
    description: 'number of the face, 0 (default) being the largest',
  },
  focalLengthPx: { type: 'number', minimum: 1, maximum: 1e6, description: 'default: from EXIF, else estimated' },
  textureSize: { type: 'integer', minimum: 256, maximum: maxTextureSize, description: 'texels a side, default 2048' },
  minFacePx: { type: 'number', minimum: 1, maximum: 65_535, description: 'smaller faces are refused, default 45' },
  regressor: { type: 'boolean', description: 'false: fit without the coefficient network' },
  outputs: {
    type: 'string',
    pattern: `^(${OUTPUTS.join('|')})(,(${OUTPUTS.join('|')}))*$`,
    maxLength: 100,
    description: `files to make, separated by commas: ${OUTPUTS.join(', ')}; default all but the last two`,
  },
});

/** Options of a fit, in the query or as fields of the form. */
export function optionsSchema(limits: Pick<ResolvedServeOptions, 'maxTextureSize'>) {
  return { type: 'object', properties: optionProperties(limits), additionalProperties: false };
}

export function querySchema(limits: Pick<ResolvedServeOptions, 'maxTextureSize'>) {
  const wait = { type: 'string', enum: ['0', '1', 'false', 'true'], description: '1: answer when the fit is finished' };
  return { type: 'object', properties: { ...optionProperties(limits), wait }, additionalProperties: false };
}

export function urlBodySchema(limits: Pick<ResolvedServeOptions, 'maxTextureSize'>) {
  const url = { type: 'string', maxLength: 2048, pattern: '^https?://' };
  return {
    type: 'object',
    properties: { url, ...optionProperties(limits) },
    required: ['url'],
    additionalProperties: false,
  };
}

export const idSchema = {
  type: 'object',
  properties: { id: { type: 'string', pattern: '^[A-Za-z0-9_-]{24}$' } },
  required: ['id'],
} as const;

const timestamp = { type: 'string', format: 'date-time' };
const numbers = { type: 'object', additionalProperties: { type: 'number' } };

export const fitSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    state: { type: 'string', enum: ['queued', 'running', 'done', 'failed'] },
    createdAt: timestamp,
    startedAt: timestamp,
    finishedAt: timestamp,
    expiresAt: timestamp,
    progress: {
      type: 'object',
      properties: { stage: { type: 'string' }, fraction: { type: 'number', minimum: 0, maximum: 1 } },
      required: ['stage', 'fraction'],
    },
    quality: { type: 'object', additionalProperties: { type: ['number', 'string'] } },
    warnings: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          code: { type: 'string' },
          message: { type: 'string' },
          details: { type: 'object', additionalProperties: { type: ['number', 'string'] } },
        },
        required: ['code', 'message'],
      },
    },
    timingsMs: numbers,
    device: { type: 'string' },
    files: { type: 'object', additionalProperties: { type: 'string' }, description: 'address by name' },
    error: errorSchema.properties.error,
    links: { type: 'object', properties: { self: { type: 'string' }, events: { type: 'string' } } },
  },
  required: ['id', 'state', 'createdAt', 'progress', 'files', 'links'],
} as const;

export const healthSchema = {
  type: 'object',
  properties: {
    status: { type: 'string' },
    version: { type: 'string' },
    workers: { type: 'integer' },
    running: { type: 'integer' },
    waiting: { type: 'integer' },
  },
  required: ['status'],
} as const;
