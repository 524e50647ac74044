// One check of .ci/gpu: a command, the time it may take, and what its output says.

export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** What the project wants: at most or at least this. */
  limit?: number;
  at?: 'most' | 'least';
}

/** What a command left. */
export interface Output {
  text: string;
  status: number | null;
  /** Its time was over. */
  stopped: boolean;
}

export interface Outcome {
  figures: Figure[];
  /** In one sentence, where something is wrong. */
  failure?: string;
}

export interface Step {
  name: string;
  /** What runs; undefined with `reason` where it cannot run here. */
  command?: readonly string[];
  reason?: string;
  env?: Record<string, string>;
  /** Stopped after this time. */
  limitS: number;
  /** Not started with less time than this left. */
  leastS: number;
  read(output: Output): Outcome;
}

export function isMet({ value, limit, at }: Figure): boolean | undefined {
  if (limit === undefined) return undefined;
  return at === 'least' ? value >= limit : value <= limit;
}

/** The JSON lines in a text; others are passed over, and so is a last one cut short. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return [JSON.parse(line) as Record<string, unknown>];
    } catch {
      return [];
    }
  });
}
