import type { FastifyInstance } from 'fastify';
import { version } from '../index.js';
import { loadPackages } from '../workers/optional-package.js';
import { checkOrigin, tokenChecker } from './auth.js';
import { createMetrics } from './metrics.js';
import { isLoopback } from './options.js';
import { addPage } from './page.js';
import { answerOf, Problem } from './problems.js';
import { addRoutes, type RouteContext } from './routes.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a token. */
    open?: boolean;
  }
}

/** A request that names a photo's address. */
const JSON_BYTES = 16 * 1024;
const PACKAGES = ['fastify', '@fastify/busboy', '@fastify/swagger', 'prom-client'];

const load = () =>
  loadPackages('hrn serve', PACKAGES, async () => {
    const [{ fastify, LogController }, , swagger, prometheus] = await Promise.all([
      import('fastify'),
      import('@fastify/busboy'),
      import('@fastify/swagger'),
      import('prom-client'),
    ]);
    return {
      fastify,
      LogController,

      swagger: swagger.default,
      prometheus: prometheus.default,
    };
  });

/** The HTTP side of the service, not yet listening. */
export async function createApp(context: RouteContext): Promise<FastifyInstance> {
  const { options, fits, pool } = context;
  const { fastify, LogController, swagger, prometheus } = await load();
  const app = fastify({
    logger: { level: options.logLevel },
    // One line a request, below, in place of two.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyBytes,
    requestTimeout: 1000 * options.requestTimeoutS,
    keepAliveTimeout: 10_000,
    forceCloseConnections: 'idle',
    // A HEAD would run the handler and leave its file or stream unread.
    exposeHeadRoutes: false,
    // How often requests that take too long to arrive are looked for.
    http: { connectionsCheckingInterval: 2000 },
    // A wrong or unknown field is said so, not dropped.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, allErrors: false } },
    routerOptions: { maxParamLength: 64 },
  });
  app.server.maxConnections = options.connections;
  app.server.headersTimeout = Math.min(30_000, 1000 * options.requestTimeoutS);

  const metrics = createMetrics(prometheus, pool, fits);
  const authorized = tokenChecker(options.tokens);
  const { host } = options;
  const names = isLoopback(host) || options.hostnames.length > 0 ? [host, ...options.hostnames] : [];

  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    reply.header('cross-origin-resource-policy', 'same-origin');
    checkOrigin(request.headers, request.method, names);
    if (options.tokens.length === 0 || request.routeOptions.config.open) return;
    if (authorized(request.headers.authorization)) return;
    reply.header('www-authenticate', 'Bearer');
    throw new Problem('UNAUTHORIZED', 'a bearer token is needed');
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions, ip } = request;
    const { statusCode: code, elapsedTime: ms } = reply;
    const route = routeOptions.url ?? 'none';
    metrics.observeRequest(method, route, code, ms / 1000);
    // Ids are what lets one read a result, and an address may hold one: the log has the route alone.
    if (!routeOptions.config.open) app.log.info({ method, route, status: code, ms: Math.round(ms), ip }, 'request');
  });
  app.setErrorHandler((error, _request, reply) => {
    const { status, body, retryAfterS } = answerOf(error);
    if (status >= 500) app.log.error({ err: error }, 'request failed');
    if (retryAfterS !== undefined) reply.header('retry-after', retryAfterS);
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler(async () => {
    throw new Problem('NOT_FOUND', 'there is nothing at this address');
  });

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'hrn', version, description: 'One portrait photo in, a textured 3D head out.' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      ...(options.tokens.length > 0 && { security: [{ bearer: [] }] }),
    },
  });
  // Photos are streamed to disk; what is read into memory is small.
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: JSON_BYTES },
    app.getDefaultJsonParser('error', 'error'),
  );
  for (const type of [/^image\//, 'application/octet-stream', 'multipart/form-data']) {
    app.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
  }

  addRoutes(app, context);
  app.get('/openapi.json', { config: { open: true }, schema: { hide: true } }, async () => app.swagger());
  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Figures for Prometheus',
        produces: ['text/plain'],
        response: { 200: { description: 'figures', type: 'string' } },
      },
    },
    async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  await addPage(app);

  fits.on('finished', ({ state, error, summary }, seconds, cause) => {
    const facts = { state, code: error?.code, seconds: Number(seconds.toFixed(3)), device: summary?.device };
    // What a client did wrong is no trouble of the service.
    if (error?.code === 'INTERNAL' || error?.code === 'WORKER_DIED') app.log.error({ ...facts, err: cause }, 'fit');
    else app.log.info(facts, 'fit');
  });
  return app;
}
