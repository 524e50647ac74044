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
 * some (seen from below, turned far) 80, for all of them alike; of another person's 70 to 200. So one that is high by
 * itself is left out, and photos that are hard throughout are not.
 */
const HIGH_EXCESS = 60;
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
    const excess = coarse.map(({ cost }, i) => cost - views[i]!.view.coarse.fit.cost);
    const worst = excess.indexOf(Math.max(...excess));
    const usual = median(excess.filter((_, i) => i !== worst));
    const fits = !(excess[worst]! > Math.max(HIGH_EXCESS, OVER_THE_OTHERS * usual));
    if (fits || views.length < LEAST_VIEWS) return { views, coarse, leftOut };
    leftOut.push({
      index: views[worst]!.index,
      code: 'VIEWS_DISAGREE',
      message: `the head of the other photos does not go with it (${excess[worst]!.toFixed(0)}, the others ${usual.toFixed(0)}): another person, or features that were not found`,
    });
    views = views.filter((_, i) => i !== worst);
    if (leftOut.length >= views.length) {
      throw new HrnError(
        'VIEWS_DISAGREE',
        `expected photos of one person, but ${leftOut.length} of ${all.length} do not go with the others: images ${leftOut.map(({ index }) => index).join(', ')}; leave out those of other people`,
        { details: { leftOut } },
      );
    }
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
