/**
 * Jobs that run beside others: declare it with `await using`. What fails waits for what it has begun: whoever is told may end the
 * process, and ONNX Runtime complains on stderr of a network that runs then.
 */
export class Begun {
  readonly #jobs: Promise<unknown>[] = [];

  /** Whoever needs the result waits for it, and sees it fail, in its own order. */
  add<T>(job: Promise<T>): Promise<T> {
    job.catch(() => {});
    this.#jobs.push(job);
    return job;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#jobs);
  }
}
