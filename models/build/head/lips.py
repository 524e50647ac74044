"""Keeps the lips of every neutral head closed: moves both lips towards each other by the gap between them, in the mean
and in every identity component, so that no coefficient opens the mouth (that is what expressions are for)."""

import numpy as np

from contours import mouth_slit

REACH_MM = 7.0
OVERLAP_MM = 0.25


class LipSeal:
    def __init__(self, mean, cage, operator, jaw_open, outer):
        """mean [V,3], jaw_open [V,3] cage offsets of the jawOpen expression, outer [V2] mask."""
        self.operator, self.triangles = operator, cage.triangles
        points = operator @ mean
        jaw = np.linalg.norm(operator @ jaw_open, axis=1)
        self.slit = mouth_slit(points, cage, jaw, outer)
        line = (self.slit.points(points, cage.triangles, True) + self.slit.points(points, cage.triangles, False)) / 2
        skin = cage.part_vertices("skin")
        x = mean[skin, 0]
        within = np.interp(np.abs(x), [self.slit.x.max() - 1.5, self.slit.x.max() + 1.5], [1, 0])
        y, z = (np.interp(x, self.slit.x, line[:, k]) for k in (1, 2))
        distance = np.hypot(mean[skin, 1] - y, mean[skin, 2] - z)
        moved = np.linalg.norm(jaw_open[skin], axis=1)
        # The jaw carries the lower lip; half-way values mark the corner, which stays.
        top, bottom = (np.interp(x, self.slit.x, self._rim(jaw, upper)) for upper in (True, False))
        lower = np.clip((moved - top) / np.maximum(bottom - top, 1.0), 0, 1) * 2 - 1
        self.weight = np.zeros(len(mean))
        self.weight[skin] = 0.5 * lower * within * np.exp(-((distance / REACH_MM) ** 2))
        self.x = mean[:, 0]

    def _rim(self, values, upper):
        rows, weights = self.slit.side(upper)
        return (values[self.triangles[rows]] * weights).sum(1)

    def gap(self, shape):
        """Height of the opening (mm) at each column for a cage shape or offset field."""
        points = self.operator @ shape
        return (self.slit.points(points, self.triangles, True) - self.slit.points(points, self.triangles, False))[:, 1]

    def apply(self, shape, overlap=0.0):
        """Cage shape or offset field [V,3] with its opening closed (to an overlap in mm)."""
        out = shape.copy()
        gap = self.gap(shape) + overlap
        out[:, 1] += self.weight * np.interp(self.x, self.slit.x, gap)
        return out
