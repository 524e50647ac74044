export { type Enqueued, type EnqueueOptions, type Entry, enqueue } from './enqueue.js';
export { WorkerMetrics } from './metrics.js';
export { type QueueStatus, type StatusOptions, status } from './status.js';
export { type RunningWorker, startWorker, type WorkerEvent, type WorkerOptions } from './worker.js';
