import type { NativeFineDetail } from '../native/face-view.js';
import { runJob } from '../native/job.js';
import { native } from '../native/load.js';
import type { PersonMask } from './mask.js';

/** In the middle half of what the person network saw; what surrounds the person there does not count for fine and coarse. */
export function measureFineDetail(
  person: Pick<PersonMask, 'rgb' | 'values' | 'size'>,
  signal?: AbortSignal,
): Promise<NativeFineDetail> {
  return runJob(() => native().fineDetail(person), { signal });
}
