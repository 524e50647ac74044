import type { Verdict } from './judge.js';
import type { Kind } from './pictures.js';

/** What became of one face, or of something that is none. */
export interface Judged {
  kind: Kind;
  verdict: Verdict;
  why: string;
  /** Right, with a warning all the same. */
  isWarned?: boolean;
  /** Those of its warnings that nothing in the picture's recipe explains (deserved.ts). */
  falseAlarms?: string[];
  /** Of the true head to its left, and of the fitted one, degrees. */
  turn?: number;
  fittedTurn?: number;
  /** Between the fitted head and the true one, against the line of sight. */
  truthDegrees?: number;
  /** Mean colour of the skin without light, 0 to 1. */
  skin?: number;
}

const VERDICTS: readonly Verdict[] = ['right', 'told', 'wrong', 'honest refusal', 'false refusal'];
const TRUE_POSE_DEGREES = 5;
const TURNS = [0, 20, 40, 50, 60, 70, 90] as const;
/** Brackets of the skin's mean colour. */
const SKINS = { dark: [0, 0.35], medium: [0.35, 0.55], light: [0.55, 1.01] } as const;

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
  const { wrong, falseRefusals } = shares(judged);
  const warned = judged.filter(({ isWarned }) => isWarned).length;
  const alarmed = judged.filter(({ falseAlarms }) => falseAlarms && falseAlarms.length > 0);
  const byCode = new Map<string, number>();
  for (const code of alarmed.flatMap(({ falseAlarms }) => falseAlarms!)) byCode.set(code, (byCode.get(code) ?? 0) + 1);
  const codes = [...byCode].map(([code, times]) => `${code} ${times}`).join(', ');
  const right = countOf(judged, 'right');
  const untold = judged.filter(
    ({ verdict, isWarned, truthDegrees }) => truthDegrees !== undefined && (verdict === 'wrong' || isWarned === false),
  );
  const off = untold.filter(({ truthDegrees }) => truthDegrees! > TRUE_POSE_DEGREES).length;
  const rest = judged.filter(({ verdict }) => verdict === 'wrong' || verdict === 'false refusal' || verdict === 'told');
  const skins = Object.entries(SKINS).map(([name, [from, to]]) =>
    row(
      name,
      judged.filter(({ skin }) => skin !== undefined && skin >= from && skin < to),
    ),
  );
  return `# Robustness

\`npm run bench:robust\`: ${count} generated pictures from seed ${first}, detail ${detail}, in ${minutes.toFixed(0)} minutes. A head is
right within 3 % landmark error, 5 degrees and 5 % of the width of the same face fitted from its own crop (where that is
refused: 5 degrees of the true pose); told: not right, but with a warning; wrong: not right and no word of it.

Wrong without a word: ${(100 * wrong).toFixed(2)} %. False refusals: ${(100 * falseRefusals).toFixed(2)} % of the faces that should be fitted.
Right heads with a warning all the same: ${warned} of ${right}; with one that nothing in the picture's recipe explains (a
false alarm): ${alarmed.length}, ${((100 * alarmed.length) / right).toFixed(1)} %${codes && ` (${codes})`}.

Of ${untold.length} heads without a word ${off} stand off the true pose by more than ${TRUE_POSE_DEGREES} degrees.

${table('kind', [
  ...kinds.map((kind) =>
    row(
      kind,
      judged.filter((one) => one.kind === kind),
    ),
  ),
  row('all', judged),
])}

By the colour of the skin without light (its mean, dark below ${SKINS.medium[0]}, light from ${SKINS.light[0]} on; sex and age are not known of
the model's heads):

${table('skin', skins)}

By the turn of the true head, with the fitted head's difference to it:

${turnTable(judged)}

${rest.map(({ kind, verdict, why }) => `- ${kind}: ${verdict}: ${why}`).join('\n')}
`;
}

function table(name: string, rows: readonly string[]): string {
  return [`| ${name} | faces | ${VERDICTS.join(' | ')} |`, `| --- | --- | ${VERDICTS.map(() => '---').join(' | ')} |`]
    .concat(rows)
    .join('\n');
}

function row(name: string, these: readonly Judged[]): string {
  return `| ${name} | ${these.length} | ${VERDICTS.map((verdict) => countOf(these, verdict)).join(' | ')} |`;
}

function turnTable(judged: readonly Judged[]): string {
  const rows = TURNS.slice(1).map((to, i) => {
    const from = TURNS[i]!;
    const these = judged.filter(({ turn }) => turn !== undefined && Math.abs(turn) >= from && Math.abs(turn) < to);
    const fitted = these.filter(({ fittedTurn }) => fittedTurn !== undefined);
    const off = fitted.map(({ turn, fittedTurn }) => Math.abs(fittedTurn! - turn!)).sort((a, b) => a - b);
    const figures =
      off.length > 0 ? [off[Math.floor(off.length / 2)]!, off.at(-1)!].map((x) => x.toFixed(1)) : ['', ''];
    const beyond = off.filter((x) => x > 5).length;
    return `| ${from} to ${to} degrees | ${these.length} | ${fitted.length} | ${figures.join(' | ')} | ${beyond} |`;
  });
  return ['| turn | faces | fitted | median, degrees | most | off by over 5 |', '| --- | --- | --- | --- | --- | --- |']
    .concat(rows)
    .join('\n');
}
