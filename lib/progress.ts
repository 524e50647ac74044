/** The stages of a fit, in order. */
export const STAGES = [
  'decode',
  'detect',
  'landmarks',
  'mask',
  'regress',
  'coarse',
  'refine',
  'detail',
  'texture',
] as const;
export type Stage = (typeof STAGES)[number];

/** One step forward. Events of one fit never go back: neither in stage nor in `done` nor in `fraction`. */
export interface ProgressEvent {
  stage: Stage;
  /** Steps done of this stage, 0 at its start and `total` at its end. */
  done: number;
  total: number;
  /** Of the whole fit, 0 to 1. */
  fraction: number;
}

export type OnProgress = (event: ProgressEvent) => void;

/** Rough shares of a warm medium fit's time; they only pace the bar. */
const WEIGHTS: Record<Stage, number> = {
  decode: 2,
  detect: 2,
  landmarks: 4,
  mask: 2,
  regress: 1,
  coarse: 5,
  refine: 65,
  detail: 40,
  texture: 20,
};

/** Turns stage reports into monotone events; a report that would go back is dropped. */
export class ProgressReporter {
  #fraction = 0;
  #latest: ProgressEvent | undefined;
  readonly #listener: OnProgress | undefined;
  readonly #stages: readonly Stage[];

  /** @param skipped stages that this fit does without: they take no part of the whole */
  constructor(listener: OnProgress | undefined, skipped: readonly Stage[] = []) {
    this.#listener = listener;
    this.#stages = STAGES.filter((stage) => !skipped.includes(stage));
  }

  report(stage: Stage, done: number, total: number): void {
    if (!this.#listener) return;
    const latest = this.#latest;
    if (latest && STAGES.indexOf(stage) < STAGES.indexOf(latest.stage)) return;
    const share = total > 0 ? Math.min(1, done / total) : 1;
    if (latest?.stage === stage) {
      if (share <= latest.done / latest.total) return;
      // A stage that ends before its last step, converged, ends in the steps it counted in.
      if (share === 1) [done, total] = [latest.total, latest.total];
    }
    const weightOf = (stages: readonly Stage[]) => stages.reduce((sum, one) => sum + WEIGHTS[one], 0);
    const before = weightOf(this.#stages.slice(0, this.#stages.indexOf(stage)));
    this.#fraction = Math.max(this.#fraction, (before + share * WEIGHTS[stage]) / weightOf(this.#stages));
    this.#latest = { stage, done, total: Math.max(1, total), fraction: this.#fraction };
    this.#listener(this.#latest);
  }

  /** A stage's own (done, total) callback, for jobs. */
  of(stage: Stage): (done: number, total: number) => void {
    return (done, total) => this.report(stage, done, total);
  }
}
