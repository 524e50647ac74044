/** What a head does over time, for the formats that can hold it. Lists are a frame each, in the order of time. */
export interface HeadMotion {
  /** Ascending, from 0. */
  timesSeconds: Float32Array;
  /** `[frames][expressions of the model]`, 0..1. */
  weights: Float32Array;
  /** `[frames][4]`, unit quaternions x, y, z, w: head frame to that of a camera whose y points up and z backwards. */
  rotations: Float32Array;
  /** `[frames][3]`, mm, of the same. */
  translations: Float32Array;
}
