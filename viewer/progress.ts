/** Stages of a fit as people read them; the service names them. */
const STAGES: readonly [stage: string, text: string][] = [
  ['queued', 'Waiting for a turn'],
  ['decode', 'Reading the photo'],
  ['detect', 'Looking for a face'],
  ['landmarks', 'Finding its features'],
  ['mask', 'Telling face from hair and background'],
  ['regress', 'A first guess of the head'],
  ['coarse', 'Fitting the head'],
  ['refine', 'Fitting what is this person’s own'],
  ['detail', 'Adding wrinkles and folds'],
  ['texture', 'Taking colours from the photo'],
  ['write', 'Writing files'],
];

/** The list of stages and the bar. */
export class ProgressList {
  readonly #bar: HTMLProgressElement;
  readonly #items: HTMLLIElement[];
  readonly #say: (text: string) => void;
  #latest = -1;

  constructor(bar: HTMLProgressElement, list: HTMLElement, say: (text: string) => void) {
    this.#bar = bar;
    this.#say = say;
    this.#items = STAGES.map(([, text]) => {
      const item = document.createElement('li');
      item.textContent = text;
      return item;
    });
    list.replaceChildren(...this.#items);
  }

  reset(): void {
    this.#latest = -1;
    this.#bar.removeAttribute('value');
    for (const item of this.#items) item.className = '';
  }

  show(stage: string, fraction: number): void {
    this.#bar.value = fraction;
    const now = stage === 'done' ? STAGES.length : STAGES.findIndex(([name]) => name === stage);
    // A stage that this page does not know yet moves the bar alone.
    if (now < 0 || now === this.#latest) return;
    this.#latest = now;
    for (const [i, item] of this.#items.entries()) {
      item.className = i < now ? 'done' : i === now ? 'now' : '';
      if (i === now) item.setAttribute('aria-current', 'step');
      else item.removeAttribute('aria-current');
    }
    const text = STAGES[now]?.[1];
    if (text) this.#say(text);
  }
}
