import { EXPRESSION_NAMES } from '../expression-names.js';

/** The 52 blend shapes in the order in which Apple lists them, which capture tools (Live Link Face) count by. */
export const ARKIT_ORDER: readonly string[] = EXPRESSION_NAMES;

export function isArkitName(name: string): boolean {
  return ARKIT_ORDER.includes(name);
}

/** Indices of `names` in Apple's order; names that Apple does not have come last, in their own order. */
export function inArkitOrder(names: readonly string[]): number[] {
  const place = (name: string) => (isArkitName(name) ? ARKIT_ORDER.indexOf(name) : ARKIT_ORDER.length);
  return names.map((_, i) => i).sort((a, b) => place(names[a] as string) - place(names[b] as string) || a - b);
}
