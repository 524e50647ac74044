import type { Registry } from 'prom-client';
import type { FitPool } from '../workers/pool.js';
import type { Fits } from './fits.js';

type PromClient = typeof import('prom-client');

/** Bounds of the histograms, seconds. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 120];

export interface Metrics {
  registry: Registry;
  observeRequest: (method: string, route: string, status: number, seconds: number) => void;
}

/** What /metrics shows, in a registry of its own, so that several services may live in one process. */
export function createMetrics(client: PromClient, pool: FitPool, fits: Fits): Metrics {
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new client.Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('hrn_workers_ready', 'Processes that can fit', () => pool.counts.ready);
  gauge('hrn_uploads', 'Photos that are being sent', () => fits.uploading);
  gauge('hrn_fits_running', 'Fits that run', () => pool.counts.running);
  gauge('hrn_fits_waiting', 'Fits that wait for a process', () => pool.counts.waiting);
  gauge('hrn_results_bytes', 'Bytes that uploads and results take, or are set aside for them', () => fits.bytes);
  new client.Counter({
    name: 'hrn_worker_restarts_total',
    help: 'Processes that were replaced',
    registers,
    collect() {
      this.reset();
      this.inc(pool.counts.restarts);
    },
  });
  const finished = new client.Counter({
    name: 'hrn_fits_total',
    help: 'Finished fits by state and error code',
    labelNames: ['state', 'code'],
    registers,
  });
  const seconds = new client.Histogram({
    name: 'hrn_fit_seconds',
    help: 'From upload to result, waiting included',
    buckets: BUCKETS,
    registers,
  });
  fits.on('finished', ({ state, error }, duration) => {
    finished.inc({ state, code: error?.code ?? '' });
    if (state === 'done') seconds.observe(duration);
  });
  const requests = new client.Histogram({
    name: 'hrn_http_request_seconds',
    help: 'HTTP requests by method, route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers,
  });
  return {
    registry,
    observeRequest: (method, route, status, duration) => requests.observe({ method, route, status }, duration),
  };
}
