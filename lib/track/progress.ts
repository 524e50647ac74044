/** `person`: frames are looked at and some fitted together; `frames`: one after the other. */
export interface TrackProgressEvent {
  stage: 'person' | 'frames';
  /** Frames done of this stage, and how many are expected: undefined where nobody can tell. */
  done: number;
  total: number | undefined;
}

export type OnTrackProgress = (event: TrackProgressEvent) => void;
