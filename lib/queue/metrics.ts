import { createServer, type Server } from 'node:http';
import { HrnError } from '../index.js';
import { loadPackages } from '../workers/optional-package.js';
import type { RunningWorker, WorkerEvent } from './worker.js';

/** Bounds of the histogram, seconds. */
const BUCKETS = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 120, 300];

/** Figures of one worker for Prometheus, at http://127.0.0.1:PORT/metrics. */
export class WorkerMetrics {
  readonly #server: Server;
  readonly observe: (event: WorkerEvent) => void;

  private constructor(server: Server, observe: (event: WorkerEvent) => void) {
    this.#server = server;
    this.observe = observe;
  }

  /** @throws HrnError DEPENDENCY_MISSING, SERVICE_UNAVAILABLE (the port is taken) */
  static async listen(port: number, worker: RunningWorker): Promise<WorkerMetrics> {
    const client = await loadPackages(
      '--metrics-port',
      ['prom-client'],
      async () => (await import('prom-client')).default,
    );
    const registry = new client.Registry();
    const registers = [registry];
    client.collectDefaultMetrics({ register: registry });
    const jobs = new client.Counter({
      name: 'hrn_jobs_total',
      help: 'Jobs by how they ended: done, known (the result was there), failed, retry',
      labelNames: ['result'],
      registers,
    });
    const seconds = new client.Histogram({
      name: 'hrn_job_seconds',
      help: 'From taking a job to its result',
      buckets: BUCKETS,
      registers,
    });
    new client.Gauge({
      name: 'hrn_fits_running',
      help: 'Fits that run in this worker',
      registers,
      collect() {
        this.set(worker.pool.counts.running);
      },
    });
    new client.Gauge({
      name: 'hrn_queue_jobs',
      help: 'Jobs of the whole queue by state',
      labelNames: ['state'],
      registers,
      async collect() {
        const counts = await worker.queue.getJobCounts('waiting', 'prioritized', 'delayed', 'active', 'failed');
        for (const [state, count] of Object.entries(counts)) this.set({ state }, count);
      },
    });
    const server = createServer(async (request, response) => {
      try {
        const found = request.url === '/metrics';
        const text = found ? await registry.metrics() : 'metrics are at /metrics\n';
        response
          .writeHead(found ? 200 : 404, { 'content-type': found ? registry.contentType : 'text/plain' })
          .end(text);
      } catch {
        response.writeHead(503).end();
      }
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        reject(
          new HrnError('SERVICE_UNAVAILABLE', `cannot listen at port ${port} for metrics (${cause.code})`, { cause }),
        );
      });
      server.listen(port, '127.0.0.1', resolve);
    });
    return new WorkerMetrics(server, (event) => {
      if (event.type === 'done') {
        jobs.inc({ result: event.known ? 'known' : 'done' });
        if (!event.known) seconds.observe(event.seconds);
      } else if (event.type === 'failed') {
        jobs.inc({ result: event.final ? 'failed' : 'retry' });
      }
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
