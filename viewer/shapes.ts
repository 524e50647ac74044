/** Regions of the ARKit names, in the order of a face from above. */
const REGIONS: readonly [title: string, pattern: RegExp][] = [
  ['Brows', /^brow/],
  ['Eyes', /^eye/],
  ['Cheeks and nose', /^(cheek|nose)/],
  ['Jaw', /^jaw/],
  ['Mouth', /^mouth/],
  ['Tongue', /^tongue/],
];

/** `mouthSmileLeft` as people say it: "Smile, left". */
export function spoken(name: string): string {
  const words = name.replace(/^(brow|eye|cheek|nose|jaw|mouth)(?=[A-Z])/, '').replace(/([A-Z])/g, ' $1');
  const text = words
    .trim()
    .toLowerCase()
    .replace(/ (left|right)$/, ', $1');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A slider per shape, under headings; returns a function that moves them. */
export function buildSliders(
  parent: HTMLElement,
  shapes: readonly [name: string, weight: number][],
  onChange: (name: string, weight: number) => void,
): (weights: ReadonlyMap<string, number>) => void {
  const inputs = new Map<string, HTMLInputElement>();
  parent.replaceChildren();
  const rest = new Map(shapes);
  for (const [title, pattern] of [...REGIONS, ['Others', /./] as const]) {
    const names = [...rest.keys()].filter((name) => pattern.test(name));
    if (names.length === 0) continue;
    const heading = document.createElement('h3');
    heading.textContent = title;
    parent.append(heading);
    for (const name of names) {
      const label = document.createElement('label');
      const input = document.createElement('input');
      Object.assign(input, { type: 'range', min: '0', max: '1', step: '0.01', value: String(rest.get(name)), name });
      input.addEventListener('input', () => {
        say(input);
        onChange(name, Number(input.value));
      });
      say(input);
      label.append(spoken(name), input);
      parent.append(label);
      inputs.set(name, input);
      rest.delete(name);
    }
  }
  return (weights) => {
    for (const [name, input] of inputs) {
      // The slider rounds; the head takes the weight as it is.
      const weight = weights.get(name) ?? 0;
      input.value = String(weight);
      say(input);
      onChange(name, weight);
    }
  };
}

/** What a screen reader says of a slider's value. */
function say(input: HTMLInputElement): void {
  input.setAttribute('aria-valuetext', `${Math.round(100 * Number(input.value))} percent`);
}
