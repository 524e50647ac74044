/** Which views are of one person: those whose landmarks one head explains about as well as a head of their own. */
import { HrnError } from '../errors.js';
import type { HeadModel } from '../head-model.js';
import type { NativeContext } from '../native/binding.js';
import type { CoarseFit } from '../native/coarse.js';
import type { JobOptions } from '../native/job.js';
import { fitJointCoarse } from './joint.js';
import type { NumberedView } from './present.js';
import type { LeftOutView } from './result.js';

/**
 * By how much a view's cost rises in the joint fit over that of its own. Of photos of one person it is mostly below 45, of
 * some (seen from below) 80, for all of them alike; of another person's 70 to 200. So one that is high by itself is left
 * out, and photos that are hard throughout are not. A turned head's coefficients are told worse, and its own cost rises
 * with its turn (synthetic heads: to 89 at 45 degrees, and they are worth having), so more is allowed there.
 */
const HIGH_EXCESS = 72;
const OVER_THE_OTHERS = 2;
/** Of two views that disagree nobody can say which is the wrong one. */
const LEAST_VIEWS = 3;

export interface Agreement {
  views: NumberedView[];
  coarse: CoarseFit[];
  leftOut: LeftOutView[];
}

/**
 * The joint landmark fit of the views that agree.
 *
 * @throws HrnError VIEWS_DISAGREE where half of them or more do not
 */
export async function fitThoseThatAgree(
  context: NativeContext,
  head: HeadModel,
  all: readonly NumberedView[],
  oneCamera: boolean,
  job: JobOptions,
): Promise<Agreement> {
  let views = [...all];
  const leftOut: LeftOutView[] = [];
  for (;;) {
    const coarse = await fitJointCoarse(
      context,
      head,
      views.map(({ view }) => view),
      oneCamera,
      job,
    );
    const stranger = findStranger(
      views.map(({ view }, i) => ({ rise: coarse[i]!.cost - view.coarse.fit.cost, turnDegrees: view.turnDegrees })),
    );
    if (!stranger) return { views, coarse, leftOut };
    const { place, excess, usual } = stranger;
    leftOut.push({
      index: views[place]!.index,
      code: 'VIEWS_DISAGREE',
      message: `the head of the other photos does not go with it (${excess.toFixed(0)}, the others ${usual.toFixed(0)}): another person, or features that were not found`,
    });
    views = views.filter((_, i) => i !== place);
    if (leftOut.length >= views.length) {
      throw new HrnError(
        'VIEWS_DISAGREE',
        `expected photos of one person, but ${leftOut.length} of ${all.length} do not go with the others: images ${leftOut.map(({ index }) => index).join(', ')}; leave out those of other people`,
        { details: { leftOut } },
      );
    }
  }
}

/** The view that goes least with the others, where it goes with them too little. `rise`: of its cost in the joint fit. */
export function findStranger(
  views: readonly { rise: number; turnDegrees: number }[],
): { place: number; excess: number; usual: number } | undefined {
  if (views.length < LEAST_VIEWS) return undefined;
  const excesses = views.map(({ rise, turnDegrees }) => rise * Math.cos((turnDegrees * Math.PI) / 180));
  const excess = Math.max(...excesses);
  const place = excesses.indexOf(excess);
  const usual = median(excesses.filter((_, i) => i !== place));
  return excess > Math.max(HIGH_EXCESS, OVER_THE_OTHERS * usual) ? { place, excess, usual } : undefined;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
