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
