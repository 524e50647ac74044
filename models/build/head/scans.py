"""The scan-derived faces used for calibration: ICT-FaceKit light (MIT). Only statistics of fits to it enter the model."""

import os

import numpy as np

MM_PER_UNIT = 10.0
HEAD_VERTICES = 11248
FACE_VERTICES = 6706


class ScanFaces:
    """Neutral head surface [11248,3] mm, its identity modes [100,11248,3] (one standard deviation), quads, landmarks."""

    def __init__(self):
        data = np.load(os.environ["HEAD_ICT"])
        self.neutral = data["neutral"][:HEAD_VERTICES].astype(float) * MM_PER_UNIT
        self.modes = data["identity"][:, :HEAD_VERTICES].astype(float) * MM_PER_UNIT
        quads = data["quads"]
        quads = quads[(quads < HEAD_VERTICES).all(1)]
        self.triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
        self.landmarks = data["landmarks68"]

    def head(self, coefficients):
        return self.neutral + np.tensordot(coefficients, self.modes, 1)


def available():
    return os.path.exists(os.environ.get("HEAD_ICT", ""))
