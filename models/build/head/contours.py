"""Lid margins and the line where the lips meet, read off an orthographic frontal view of a head.

Each curve is a set of columns: x (mm) with the surface points (triangle row, barycentrics) just above and just below.
"""

from dataclasses import dataclass

import numpy as np

from render import rasterize

PX_PER_MM = 14.0
EYE_WINDOW = (20.0, 14.0)
MOUTH_WINDOW = (42.0, 16.0)
JAW_JUMP_MM = 2.0


@dataclass
class Slit:
    """Upper and lower rim of an opening by column, x ascending."""

    x: np.ndarray
    upper_rows: np.ndarray
    upper_weights: np.ndarray
    lower_rows: np.ndarray
    lower_weights: np.ndarray

    def side(self, upper):
        return (self.upper_rows, self.upper_weights) if upper else (self.lower_rows, self.lower_weights)

    def at(self, x, upper):
        """Triangle rows and weights of the rim at the columns nearest to x."""
        rows, weights = self.side(upper)
        nearest = np.abs(np.asarray(x)[:, None] - self.x).argmin(1)
        return rows[nearest], weights[nearest]

    def points(self, positions, triangles, upper):
        rows, weights = self.side(upper)
        return (positions[triangles[rows]] * weights[:, :, None]).sum(1)


def frontal(points, triangles, centre, half_size):
    """Triangle ids, barycentrics and the x of every column in a window (mm) around a point, seen from the front."""
    width, height = (int(2 * h * PX_PER_MM) for h in half_size)
    screen = np.c_[
        (points[:, 0] - centre[0]) * PX_PER_MM + width / 2,
        (centre[1] - points[:, 1]) * PX_PER_MM + height / 2,
        -points[:, 2],
    ]
    ids, bary, _ = rasterize(screen, triangles, width, height)
    return ids, bary, centre[0] + (np.arange(width) + 0.5 - width / 2) / PX_PER_MM


def _collect(columns):
    x, upper, lower = zip(*columns)
    return Slit(
        np.array(x),
        np.array([u[0] for u in upper]),
        np.array([u[1] for u in upper]),
        np.array([low[0] for low in lower]),
        np.array([low[1] for low in lower]),
    )


def lid_slit(points, cage, part):
    """Margins of the lids around an eyeball."""
    label = 1 if part == "leftEye" else 2
    eye = points[cage.part_vertices2(part)]
    centre = (eye.max(0) + eye.min(0)) / 2
    ids, bary, xs = frontal(points, cage.triangles, centre, EYE_WINDOW)
    kind = np.where(ids >= 0, cage.triangle_part[ids], 255)
    columns = []
    for j, x in enumerate(xs):
        rows = np.where(kind[:, j] == label)[0]
        if len(rows) < 2:
            continue
        top, bottom = rows[0] - 1, rows[-1] + 1
        if top < 0 or bottom >= len(kind) or kind[top, j] != 0 or kind[bottom, j] != 0:
            continue
        columns.append((x, (ids[top, j], bary[top, j]), (ids[bottom, j], bary[bottom, j])))
    return _collect(columns)


def mouth_slit(points, cage, jaw_offset, outer):
    """The line between the lips; `jaw_offset` [V2] (mm) tells the lower lip, which follows the jaw, from the upper."""
    lip = cage.part_vertices2("skin")
    lip = lip[outer[lip]]
    teeth = points[cage.part_vertices2("upperTeeth")]
    centre = np.array([0, teeth[:, 1].min(), 0])
    ids, bary, xs = frontal(points, cage.triangles, centre, MOUTH_WINDOW)
    skin = (ids >= 0) & (cage.triangle_part[ids] == 0) & outer[cage.triangles[ids]].all(2)
    moved = (jaw_offset[cage.triangles[ids]] * bary).sum(2)
    columns = []
    for j, x in enumerate(xs):
        rows = np.where(skin[:, j])[0]
        jumps = np.diff(moved[rows, j])
        if len(jumps) == 0:
            continue
        k = jumps.argmax()
        if jumps[k] < JAW_JUMP_MM:
            continue
        top, bottom = rows[k], rows[k + 1]
        columns.append((x, (ids[top, j], bary[top, j]), (ids[bottom, j], bary[bottom, j])))
    return _collect(columns)
