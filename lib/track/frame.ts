import type { Camera, Pose } from '../result-data.js';

/** What the tracker makes of one frame. */
export interface TrackedFrame {
  /** From 0. */
  index: number;
  /** From the first frame. */
  timeSeconds: number;
  /** `lost`: the person is not seen; expression and pose are those of the last frame that showed them. */
  status: 'tracked' | 'lost';
  /** The picture changed from one scene to another, or the face came back: nothing connects it with the frame before. */
  cut: boolean;
  /** By ARKit name, 0..1; the gaze is in the eyeLook... of both eyes. */
  expression: Record<string, number>;
  /** The frame of `person.mesh` to this frame's camera. */
  pose: Pose;
  camera: Pick<Camera, 'focalLengthPx' | 'principalPointPx'>;
  /** Spherical harmonics, `[3][9]`, view frame. */
  lighting: Float32Array;
  quality: {
    /** Mean distance of the landmarks in percent of the eyes' distance. */
    landmarkErrorPercent: number;
    /** How sure the landmark network is of a face, 0..1. */
    presence: number;
    /** Sharpness of the face over the track's usual one: below about 0.6 it is blurred by motion. */
    sharpness: number;
  };
}
