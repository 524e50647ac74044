/** Error figures of many fits: means over heads, as a table and as JSON. */
/** What is compared on one portrait. */
export const LEVELS = ['mean head', 'coarse', 'medium', 'high'] as const;
export type Level = (typeof LEVELS)[number];

export interface CaseResult {
  name: string;
  set: string;
  view?: string;
  focalLength: 'known' | 'unknown';
  /** `high` where that was asked for. */
  levels: Record<Exclude<Level, 'high'>, LevelFigures> & { high?: LevelFigures };
  /** Focal length of the fit over the true one. */
  focalRatio: number;
}

export interface Figures {
  meanMm: number;
  medianMm: number;
  p90Mm: number;
  normalDegrees: number;
  noseDepthMm: number;
  /** Mean distance of corresponding vertices of the neutral heads, where the truth is a head of the embedded model. */
  neutralMm?: number;
}

export interface LevelFigures {
  /** After similarity alignment. */
  similarity: Figures;
  /** After rigid alignment: a wrong size counts. */
  rigid: Figures;
}

/** Means over cases; the depth of the nose is averaged without its sign, so that errors do not cancel. */
function averaged(figures: readonly Figures[]): Figures {
  const mean = (value: (f: Figures) => number): number =>
    figures.reduce((sum, f) => sum + value(f), 0) / figures.length;
  const neutralMm = figures[0]?.neutralMm === undefined ? {} : { neutralMm: mean((f) => f.neutralMm!) };
  return {
    meanMm: mean((f) => f.meanMm),
    medianMm: mean((f) => f.medianMm),
    p90Mm: mean((f) => f.p90Mm),
    normalDegrees: mean((f) => f.normalDegrees),
    noseDepthMm: mean((f) => Math.abs(f.noseDepthMm)),
    ...neutralMm,
  };
}

export interface SummaryRow {
  set: string;
  view: string;
  focalLength: string;
  level: Level;
  heads: number;
  /** Share of the mean head's similarity distance. */
  ofMeanHead: number;
  /** Heads on which this level is nearer than the mean head. */
  better: number;
  similarity: Figures;
  rigid: Figures;
}

/** One row per set, view, focal length and level. */
export function summarise(results: readonly CaseResult[]): SummaryRow[] {
  const groups = new Map<string, CaseResult[]>();
  for (const result of results) {
    const views = result.view === undefined ? ['all'] : ['all', result.view];
    for (const view of views) {
      const key = JSON.stringify([result.set, view, result.focalLength]);
      groups.set(key, [...(groups.get(key) ?? []), result]);
    }
  }
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.flatMap(([key, cases]) => {
    const [set, view, focalLength] = JSON.parse(key) as [string, string, string];
    const reference = averaged(cases.map((c) => c.levels['mean head'].similarity)).meanMm;
    const levels = LEVELS.filter((level) => cases.every((c) => c.levels[level]));
    return levels.map((level) => {
      const similarity = averaged(cases.map((c) => c.levels[level]!.similarity));
      return {
        set,
        view,
        focalLength,
        level,
        heads: cases.length,
        ofMeanHead: similarity.meanMm / reference,
        better: cases.filter((c) => c.levels[level]!.similarity.meanMm < c.levels['mean head'].similarity.meanMm)
          .length,
        similarity,
        rigid: averaged(cases.map((c) => c.levels[level]!.rigid)),
      };
    });
  });
}

/** GitHub-flavoured Markdown. */
export function markdownTable(rows: readonly SummaryRow[]): string {
  const header = [
    'set',
    'view',
    'focal length',
    'level',
    'portraits',
    'mean mm',
    'median mm',
    '90 % mm',
    'of mean head',
    'nearer on',
    'normals deg',
    'nose depth mm',
    'neutral mm',
    'rigid mean mm',
    'rigid median mm',
    'rigid 90 % mm',
    'rigid nose mm',
    'rigid neutral mm',
  ];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  // What the high level changes is little.
  const digits = rows.some(({ level }) => level === 'high') ? 3 : 2;
  const body = rows.map((row) =>
    line([
      row.set,
      row.view,
      row.focalLength,
      row.level,
      String(row.heads),
      row.similarity.meanMm.toFixed(digits),
      row.similarity.medianMm.toFixed(digits),
      row.similarity.p90Mm.toFixed(digits),
      row.ofMeanHead.toFixed(digits),
      row.level === 'mean head' ? '' : `${row.better} of ${row.heads}`,
      row.similarity.normalDegrees.toFixed(digits - 1),
      row.similarity.noseDepthMm.toFixed(digits),
      row.similarity.neutralMm?.toFixed(digits) ?? '',
      row.rigid.meanMm.toFixed(digits),
      row.rigid.medianMm.toFixed(digits),
      row.rigid.p90Mm.toFixed(digits),
      row.rigid.noseDepthMm.toFixed(digits),
      row.rigid.neutralMm?.toFixed(digits) ?? '',
    ]),
  );
  return [line(header), line(header.map(() => '---')), ...body].join('\n');
}
