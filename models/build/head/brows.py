"""Where the eyebrows are: the centre line of the skin that the brow expressions move, smoothed by a cubic."""

import numpy as np

import sources
from expression import NAMES
from surface import closest_on_triangles

UNITS = ("browDownLeft", "browDownRight", "browOuterUpLeft", "browOuterUpRight", "browInnerUp")
# The five landmarks of a brow, inner end first, as distances from the midline in units of the eye centre's.
STATIONS = np.array([0.39, 0.79, 1.24, 1.61, 1.90])


def brow_line(points, operator, outer, eye_x):
    """Coefficients of the cubic y(|x| / eye_x) of the brow's centre line on a subdivided head."""
    shapes = np.load(sources.WORK / "expression.npz")["shapes"]
    moved = sum(np.linalg.norm(operator @ shapes[NAMES.index(n)], axis=1) for n in UNITS) * outer
    x = np.abs(points[:, 0]) / eye_x
    samples = []
    for station in np.linspace(0.3, 1.8, 16):
        near = (np.abs(x - station) < 0.1) & (moved > 0.35 * moved.max())
        if near.any():
            weight = moved[near] ** 2
            samples.append((station, (points[near, 1] * weight).sum() / weight.sum(), weight.sum()))
    station, y, weight = np.array(samples).T
    return np.polyfit(station, y, 3, w=np.sqrt(weight))


def brow_points(points, operator, outer, triangles, eye_x):
    """Ten brow landmarks in iBUG order (17..26) as triangle rows and barycentric weights of the outer skin."""
    line = brow_line(points, operator, outer, eye_x)
    x = np.concatenate([-STATIONS[::-1], STATIONS])
    y = np.polyval(line, np.minimum(np.abs(x), 1.75))
    y -= 3.0 * np.maximum(np.abs(x) - 1.6, 0) / 0.3
    front = np.where(outer & (points[:, 2] > points[outer, 2].max() - 75))[0]
    nearest = [front[np.hypot(points[front, 0] - a * eye_x, points[front, 1] - b).argmin()] for a, b in zip(x, y)]
    queries = np.c_[x * eye_x, y, points[nearest, 2]]
    rows, weights, _ = closest_on_triangles(queries, points, triangles)
    return rows, weights
