import type { Verdict } from './judge.js';
import type { Kind } from './pictures.js';

/** What became of one face, or of something that is none. */
export interface Judged {
  kind: Kind;
  verdict: Verdict;
  why: string;
  /** Right, with a warning all the same. */
  isWarned?: boolean;
}

const VERDICTS: readonly Verdict[] = ['right', 'told', 'wrong', 'honest refusal', 'false refusal', 'no reference'];

export function countOf(judged: readonly Judged[], verdict: Verdict): number {
  return judged.filter((one) => one.verdict === verdict).length;
}

/** Share of wrong heads without a word, and of false refusals among the faces that should be fitted. */
export function shares(judged: readonly Judged[]): { wrong: number; falseRefusals: number } {
  const fair =
    countOf(judged, 'right') + countOf(judged, 'told') + countOf(judged, 'wrong') + countOf(judged, 'false refusal');
  return { wrong: countOf(judged, 'wrong') / judged.length, falseRefusals: countOf(judged, 'false refusal') / fair };
}

export function summary(
  judged: readonly Judged[],
  { first, count, detail, minutes }: { first: number; count: number; detail: string; minutes: number },
): string {
  const kinds = [...new Set(judged.map(({ kind }) => kind))].sort();
  const row = (name: string, these: readonly Judged[]) =>
    `| ${name} | ${these.length} | ${VERDICTS.map((verdict) => countOf(these, verdict)).join(' | ')} |`;
  const { wrong, falseRefusals } = shares(judged);
  const warned = judged.filter(({ isWarned }) => isWarned).length;
  const rest = judged.filter(({ verdict }) => verdict === 'wrong' || verdict === 'false refusal' || verdict === 'told');
  return `# Robustness

\`npm run bench:robust\`: ${count} generated pictures from seed ${first}, detail ${detail}, in ${minutes.toFixed(0)} minutes. A head is
right within 3 % landmark error, 5 degrees and 5 % of the width of the same face fitted from its own crop.

| kind | faces | ${VERDICTS.join(' | ')} |
| --- | --- | ${VERDICTS.map(() => '---').join(' | ')} |
${kinds
  .map((kind) =>
    row(
      kind,
      judged.filter((one) => one.kind === kind),
    ),
  )
  .join('\n')}
${row('all', judged)}

Wrong without a word: ${(100 * wrong).toFixed(2)} %. False refusals: ${(100 * falseRefusals).toFixed(2)} % of the faces that should be fitted.
Right heads with a warning all the same: ${warned} of ${countOf(judged, 'right')}.

${rest.map(({ kind, verdict, why }) => `- ${kind}: ${verdict}: ${why}`).join('\n')}
`;
}
