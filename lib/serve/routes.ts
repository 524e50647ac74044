import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { version } from '../index.js';
import type { FitPool } from '../workers/pool.js';
import type { Output, TaskOptions } from '../workers/task.js';
import { eventStream } from './events.js';
import type { FitRecord, Fits, Upload } from './fits.js';
import { readForm } from './form.js';
import type { ResolvedServeOptions } from './options.js';
import { savePhotoAt } from './photo-address.js';
import { Problem, SERVICE_CODES, statusOfFitError } from './problems.js';
import type { ResultFolder } from './result-folder.js';
import {
  errorSchema,
  fitSchema,
  healthSchema,
  idSchema,
  optionsSchema,
  querySchema,
  urlBodySchema,
} from './schemas.js';
import { saveBody } from './upload.js';

export interface RouteContext {
  options: ResolvedServeOptions;
  fits: Fits;
  pool: FitPool;
  folder: ResultFolder;
}

/** What is made where nothing is asked for. */
const DEFAULT_OUTPUTS: readonly Output[] = ['glb', 'obj', 'ply', 'json', 'preview', 'levels'];

/** What a client may ask for by name: the file that holds it and its type. No other name reaches the file system. */
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  'head.glb': ['head.glb', 'model/gltf-binary'],
  'head.obj': ['head.obj', 'model/obj'],
  'head.mtl': ['head.mtl', 'model/mtl'],
  'head.ply': ['head.ply', 'application/octet-stream'],
  'head.json': ['head.json', 'application/json'],
  'head.usdz': ['head.usdz', 'model/vnd.usdz+zip'],
  'head.stl': ['head.stl', 'model/stl'],
  'preview.png': ['preview.png', 'image/png'],
  'texture.png': ['head_texture.png', 'image/png'],
  // The name that head.mtl refers to.
  'head_texture.png': ['head_texture.png', 'image/png'],
  'coarse.ply': ['coarse.ply', 'application/octet-stream'],
  'medium.ply': ['medium.ply', 'application/octet-stream'],
  'high.ply': ['high.ply', 'application/octet-stream'],
};

/** What the API shows of a fit. */
function present(record: FitRecord) {
  const { summary, ...rest } = record;
  const self = `/v1/fits/${record.id}`;
  const written = new Set(summary?.files ?? []);
  const files = Object.entries(FILES).filter(([, [file]]) => written.has(file));
  return {
    ...rest,
    ...(summary && {
      quality: summary.quality,
      warnings: summary.warnings,
      timingsMs: summary.timingsMs,
      device: summary.device,
    }),
    files: Object.fromEntries(files.map(([name]) => [name, `${self}/${name}`])),
    links: { self, events: `${self}/events` },
  };
}

type Fields = Record<string, unknown>;

/** From checked fields to what the fit takes. */
function taskOf(fields: Fields, { maxPixels, maxSide }: ResolvedServeOptions): Omit<Upload, 'bytes'> {
  const { outputs, wait, url, ...options } = fields;
  const wanted = typeof outputs === 'string' ? (outputs.split(',') as Output[]) : DEFAULT_OUTPUTS;
  return { options: { ...(options as TaskOptions), maxPixels, maxSide }, outputs: [...new Set(wanted)] };
}

/** The photo and its options, however they were sent. */
function saverOf(request: FastifyRequest, options: ResolvedServeOptions): (path: string) => Promise<Upload> {
  const { bodyBytes } = options;
  const query = request.query as Fields;
  const check = (fields: Fields, schema: object): Fields => {
    if (!request.validateInput(fields, schema)) throw new Problem('BAD_REQUEST', 'the fields of the request are wrong');
    return fields;
  };
  const type = request.headers['content-type'] ?? '';
  if (/^multipart\/form-data\b/i.test(type)) {
    return async (path) => {
      const { bytes, fields } = await readForm(request.raw, request.headers, path, bodyBytes);
      return { bytes, ...taskOf({ ...query, ...check(fields, optionsSchema(options)) }, options) };
    };
  }
  if (/^application\/json\b/.test(type)) {
    return async (path) => {
      if (options.allowUrls.length === 0) {
        throw new Problem('FORBIDDEN', 'this service fetches no photos; send the photo itself, or see --allow-urls');
      }
      const body = check(request.body as Fields, urlBodySchema(options));
      const limits = { allowed: options.allowUrls, bodyBytes, timeoutMs: 1000 * options.requestTimeoutS };
      const bytes = await savePhotoAt(String(body.url), path, limits);
      return { bytes, ...taskOf({ ...query, ...body }, options) };
    };
  }
  return async (path) => {
    if (!(request.body instanceof Readable)) throw new Problem('BAD_REQUEST', 'the request has no body; send a photo');
    return { bytes: await saveBody(request.body, path, bodyBytes), ...taskOf(query, options) };
  };
}

const answers = (...statuses: (keyof typeof SERVICE_CODES)[]) =>
  Object.fromEntries(statuses.map((code) => [SERVICE_CODES[code], { description: code, ...errorSchema }]));

/** Everything under /v1, and the probes. */
export function addRoutes(app: FastifyInstance, context: RouteContext): void {
  const { options, fits, pool, folder } = context;

  app.post<{ Querystring: { wait?: string } }>(
    '/v1/fits',
    {
      schema: {
        summary: 'Fit a head to a photo',
        description:
          'The photo is the body, the file of a form, or, where the service allows it, at an address. ' +
          '202 with an id; with wait=1 the answer comes when the fit is finished.',
        consumes: ['image/*', 'application/octet-stream', 'multipart/form-data', 'application/json'],
        querystring: querySchema(options),
        response: {
          200: { description: 'finished', ...fitSchema },
          202: { description: 'accepted', ...fitSchema },
          ...answers('BAD_REQUEST', 'UNAUTHORIZED', 'FORBIDDEN', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'),
          ...answers('QUEUE_FULL', 'SHUTTING_DOWN', 'DISK_FULL'),
          422: { description: 'no head can be fitted to this photo', ...errorSchema },
        },
      },
    },
    async (request, reply) => {
      const { id } = await fits.add(saverOf(request, options));
      if (!['1', 'true'].includes(request.query.wait ?? '')) {
        const record = fits.get(id);
        return reply.code(202).header('location', `/v1/fits/${id}`).send(present(record));
      }
      const gone = () => void fits.remove(id).catch(() => {});
      // Whoever waits does not know the id yet: without them nobody can ask for the result.
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) gone();
      });
      const record = await fits.settled(id);
      if (record.error) return reply.code(statusOfFitError(record.error.code)).send({ error: record.error });
      return reply.code(200).header('location', `/v1/fits/${id}`).send(present(record));
    },
  );

  app.get<{ Params: { id: string } }>(
    '/v1/fits/:id',
    {
      schema: {
        summary: 'State, progress and quality of a fit',
        params: idSchema,
        response: { 200: { description: 'the fit', ...fitSchema }, ...answers('UNAUTHORIZED', 'NOT_FOUND') },
      },
    },
    async (request) => present(fits.get(request.params.id)),
  );

  app.delete<{ Params: { id: string } }>(
    '/v1/fits/:id',
    {
      schema: {
        summary: 'Stop a fit and remove its files',
        params: idSchema,
        response: { 204: { description: 'removed', type: 'null' }, ...answers('UNAUTHORIZED', 'NOT_FOUND') },
      },
    },
    async (request, reply) => {
      await fits.remove(request.params.id);
      return reply.code(204).send();
    },
  );

  app.get<{ Params: { id: string } }>(
    '/v1/fits/:id/events',
    {
      schema: {
        summary: 'Server-sent events: `fit` with the fit as JSON, now and with every change, until it is finished',
        params: idSchema,
        produces: ['text/event-stream'],
        response: { 200: { description: 'events', type: 'string' }, ...answers('UNAUTHORIZED', 'NOT_FOUND') },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const stream = eventStream(fits, id, present);
      return reply.type('text/event-stream').header('cache-control', 'no-store').send(stream);
    },
  );

  app.get<{ Params: { id: string; name: string } }>(
    '/v1/fits/:id/:name',
    {
      schema: {
        summary: 'A file of a finished fit',
        params: {
          ...idSchema,
          properties: { ...idSchema.properties, name: { type: 'string', enum: Object.keys(FILES) } },
          required: ['id', 'name'],
        },
        produces: [...new Set(Object.values(FILES).map(([, type]) => type))],
        response: {
          200: { description: 'the file', type: 'string', format: 'binary' },
          ...answers('UNAUTHORIZED', 'NOT_FOUND', 'NOT_READY'),
        },
      },
    },
    (request, reply) => sendFile(request.params, reply),
  );

  async function sendFile({ id, name }: { id: string; name: string }, reply: FastifyReply): Promise<unknown> {
    const record = fits.get(id);
    const [file, type] = FILES[name]!;
    if (record.state === 'failed') throw new Problem('NOT_FOUND', 'the fit failed; there are no files');
    if (!record.summary) throw new Problem('NOT_READY', 'the fit is not finished');
    if (!record.summary.files.includes(file)) throw new Problem('NOT_FOUND', 'this file was not asked for');
    // Opened before anything is sent: what expires meanwhile is still sent whole.
    const handle = await open(folder.fileOf(id, file)).catch(() => {
      throw new Problem('NOT_FOUND', 'there is no such fit; it may have expired');
    });
    const { size } = await handle.stat();
    reply.type(type).header('content-length', size).header('cache-control', 'private, no-store');
    return reply.send(handle.createReadStream());
  }

  app.get(
    '/healthz',
    {
      config: { open: true },
      schema: { summary: 'Is the process alive?', response: { 200: { description: 'yes', ...healthSchema } } },
    },
    async () => ({ status: 'ok', version }),
  );

  app.get(
    '/readyz',
    {
      config: { open: true },
      schema: {
        summary: 'Can it take a fit?',
        response: { 200: { description: 'yes', ...healthSchema }, 503: { description: 'no', ...healthSchema } },
      },
    },
    async (_request, reply) => {
      const { ready, running, waiting } = pool.counts;
      const status = fits.draining ? 'draining' : ready === 0 ? 'no workers' : 'ok';
      return reply.code(status === 'ok' ? 200 : 503).send({ status, version, workers: ready, running, waiting });
    },
  );
}
