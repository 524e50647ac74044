/** The stages of a fit of several photos, in order; `views`: each photo by itself. */
export const VIEWS_STAGES = ['views', 'coarse', 'refine', 'texture'] as const;
export type ViewsStage = (typeof VIEWS_STAGES)[number];

/** As ProgressEvent. */
export interface ViewsProgressEvent {
  stage: ViewsStage;
  done: number;
  total: number;
  /** Of the whole fit, 0 to 1. */
  fraction: number;
}

export type OnViewsProgress = (event: ViewsProgressEvent) => void;

/** Rough shares of the time; they only pace the bar. */
const WEIGHTS: Record<ViewsStage, number> = { views: 25, coarse: 5, refine: 55, texture: 15 };
const TOTAL = VIEWS_STAGES.reduce((sum, stage) => sum + WEIGHTS[stage], 0);

/** Turns stage reports into events that never go back. */
export class ViewsProgress {
  #fraction = 0;
  readonly #listener: OnViewsProgress | undefined;

  constructor(listener: OnViewsProgress | undefined) {
    this.#listener = listener;
  }

  report(stage: ViewsStage, done: number, total: number): void {
    const before = VIEWS_STAGES.slice(0, VIEWS_STAGES.indexOf(stage)).reduce((sum, one) => sum + WEIGHTS[one], 0);
    const fraction = (before + (WEIGHTS[stage] * done) / Math.max(1, total)) / TOTAL;
    if (fraction < this.#fraction) return;
    this.#fraction = fraction;
    this.#listener?.({ stage, done, total, fraction });
  }

  /**
   * A stage's own (done, total) callback, for its jobs one after the other.
   */
  of(stage: ViewsStage): (done: number, total: number) => void {
    return (done, total) => this.report(stage, done, total);
  }
}
