import { basename } from 'node:path';
import type { FitJournal } from './fit-journal.js';
import type { CliImage } from './inputs.js';
import { outputNames } from './output-names.js';
import type { Reporter } from './reporter.js';

/** What became of one image, or of one of its faces. */
export type Outcome = 'done' | 'failed' | 'left out';

/** What fits one image and writes its files. */
export interface ImageFitter {
  /** @returns one outcome for each face that was asked for */
  fit(image: CliImage, name: string): Promise<Outcome[]>;
  /** Paths of the files written; whoever reads them takes them out. */
  written: string[];
}

/**
 * Fits the images one after the other. With a journal, what is done is written into it at once; with `resume`, too, those
 * that it knows as done are left out.
 */
export async function fitInOrder(
  fitter: ImageFitter,
  images: readonly CliImage[],
  { journal, resume, reporter }: { journal: FitJournal | undefined; resume: boolean; reporter: Reporter },
): Promise<Outcome[][]> {
  const start = performance.now();
  const paths = images.map(({ name }) => name);
  const names = journal?.names(paths) ?? outputNames(paths);
  const outcomes: Outcome[][] = [];
  for (const [i, image] of images.entries()) {
    const name = names[i]!;
    if (resume && (await journal?.isDone(image.name))) continue;
    reporter.begin(basename(image.name), `${i + 1}/${images.length}`);
    const outcome = await fitter.fit(image, name);
    outcomes.push(outcome);
    const done = outcome.includes('done') && !outcome.includes('failed');
    const files = fitter.written.splice(0);
    await journal?.add(image.name, name, done, files);
  }
  if (journal) {
    const failed = outcomes.filter((outcome) => !outcome.includes('done')).length;
    const counts = [`${outcomes.length - failed} done`, `${failed} failed`];
    if (resume) counts.push(`${images.length - outcomes.length} done before`);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    reporter.done(`${images.length} images: ${counts.join(', ')}; ${seconds} s`);
  }
  return outcomes;
}
