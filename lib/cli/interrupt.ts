/** Exit codes that shells expect of a program ended by these signals. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs `work` with a signal that the first SIGINT or SIGTERM aborts, so that it can stop cleanly; a second one ends the
 * process at once, as always. Sets the exit code if interrupted.
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const interrupt = (name: NodeJS.Signals): void => {
    process.exitCode = EXIT_CODES[name as keyof typeof EXIT_CODES];
    controller.abort(new Error(`interrupted by ${name}`));
  };
  for (const name of Object.keys(EXIT_CODES)) process.once(name, interrupt);
  try {
    await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  } finally {
    for (const name of Object.keys(EXIT_CODES)) process.removeListener(name, interrupt);
  }
  if (controller.signal.aborted) process.stderr.write('hrn: interrupted; nothing half-written was left behind\n');
}

/**
 * For a program that runs until it is told to end: at the first SIGINT or SIGTERM `drain`, which finishes what was begun;
 * at a second one `close`, which does not. Resolves when either is through.
 */
export async function drained(drain: () => Promise<void>, close: () => Promise<void>): Promise<void> {
  const names = Object.keys(EXIT_CODES) as NodeJS.Signals[];
  const next = () =>
    new Promise<NodeJS.Signals>((resolve) => {
      for (const name of names) process.once(name, resolve);
    });
  await next();
  const draining = drain();
  const again = next().then(async (name) => {
    process.exitCode = EXIT_CODES[name as keyof typeof EXIT_CODES];
    await close();
  });
  await Promise.race([draining, again]);
  for (const name of names) process.removeAllListeners(name);
}
