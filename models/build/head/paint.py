"""What the skin textures lack: eyebrows, lash lines, dark pockets, and colours of eyes, teeth and tongue.

All masks live on the subdivided mesh of the sampled mean head, whose parts have known places.
"""

import numpy as np
from scipy.spatial import cKDTree

import eyeball
from brows import STATIONS, brow_line
from contours import lid_slit, mouth_slit
from expression import NAMES

BROW_HALF_HEIGHT_MM = ((0.25, 3.2), (0.6, 4.3), (1.2, 3.6), (1.6, 2.4), (2.0, 1.2))
BROW_STRENGTH = 0.5
BROW_TINT = np.array([0.30, 0.24, 0.20])
LASH_TINT = np.array([0.16, 0.11, 0.09])
MOUTH = np.array([0.26, 0.09, 0.085])
SOCKET = np.array([0.50, 0.27, 0.24])
NOSTRIL_DARKENING = 0.35
TONGUE = np.array([0.68, 0.38, 0.38])
SCLERA = np.array([0.83, 0.80, 0.78])
SCLERA_EDGE = np.array([0.66, 0.52, 0.48])
IRIS = np.array([0.34, 0.25, 0.18])
IRIS_LIGHTNESS = np.array([0.10, 0.12, 0.15])
PUPIL = np.array([0.03, 0.03, 0.03])


class Painter:
    """Masks of one head: points [V2,3], outer mask [V2], jawOpen offsets [V2]."""

    def __init__(self, points, cage, operator, outer, jaw_offset):
        self.points, self.cage, self.outer = points, cage, outer
        self.skin = np.zeros(len(points), bool)
        self.skin[cage.part_vertices2("skin")] = True
        self.lids = {part: lid_slit(points, cage, part) for part in ("leftEye", "rightEye")}
        self.mouth = mouth_slit(points, cage, jaw_offset, outer)
        self.eye_x = points[cage.part_vertices2("leftEye"), 0].mean()
        self.line = brow_line(points, operator, outer, self.eye_x)

    def brow(self):
        """Density of brow hair, 0..1."""
        x = np.abs(self.points[:, 0]) / self.eye_x
        centre = np.polyval(self.line, np.minimum(x, 1.75)) - 3.0 * np.maximum(x - 1.6, 0) / 0.3
        half = np.interp(x, *zip(*BROW_HALF_HEIGHT_MM))
        across = np.exp(-(np.abs((self.points[:, 1] - centre + 1.0) / half) ** 3))
        along = np.clip((x - 0.28) / 0.16, 0, 1) * np.clip((STATIONS[-1] + 0.05 - x) / 0.25, 0, 1)
        front = self.points[:, 2] > self.points[self.outer, 2].max() - 70
        return across * along * (self.outer & front)

    def _distance(self, curve, mask):
        out = np.full(len(self.points), np.inf)
        out[mask] = cKDTree(curve).query(self.points[mask])[0]
        return out

    def lashes(self):
        """Darkness of the lash line, 0..1: strong along the upper lid, faint along the lower."""
        out = np.zeros(len(self.points))
        for slit in self.lids.values():
            for upper, strength in ((True, 0.75), (False, 0.22)):
                rim = slit.points(self.points, self.cage.triangles, upper)
                out = np.maximum(out, strength * np.exp(-((self._distance(rim, self.skin) / 0.9) ** 2)))
        return out

    def inside_mouth(self):
        """0 on the lips, 1 where the mouth's inside is dark."""
        lips = np.concatenate([self.mouth.points(self.points, self.cage.triangles, u) for u in (True, False)])
        near = self.points[:, 1] < self.points[self.cage.part_vertices2("leftEye"), 1].min() - 25
        pocket = self.skin & ~self.outer & near & (self.points[:, 2] > lips[:, 2].max() - 110)
        pocket &= np.abs(self.points[:, 0]) < 45
        return np.where(pocket, np.clip((self._distance(lips, pocket) - 2.5) / 8, 0, 1), 0)

    def sockets(self):
        """1 behind the lids, fading to 0 at their margins."""
        out = np.zeros(len(self.points))
        for part, slit in self.lids.items():
            ball = self.points[self.cage.part_vertices2(part)]
            centre, radius = (ball.max(0) + ball.min(0)) / 2, np.ptp(ball[:, 0]) / 2
            pocket = self.skin & ~self.outer & (np.linalg.norm(self.points - centre, axis=1) < radius + 9)
            rim = np.concatenate([slit.points(self.points, self.cage.triangles, u) for u in (True, False)])
            out = np.where(pocket, np.clip(self._distance(rim, pocket) / 2.5, 0, 1), out)
        return out

    def nostrils(self):
        """Depth into the nostrils, 0..1."""
        tip = self.points[self.outer & (np.abs(self.points[:, 0]) < 3), 2].max()
        eye_y = self.points[self.cage.part_vertices2("leftEye"), 1].mean()
        box = (
            (np.abs(self.points[:, 0]) < 20)
            & (self.points[:, 2] > tip - 50)
            & (self.points[:, 1] < eye_y - 22)
            & (self.points[:, 1] > self.mouth.points(self.points, self.cage.triangles, True)[:, 1].max() + 8)
        )
        pocket = self.skin & ~self.outer & box
        rim = self.points[self.outer & box]
        return np.where(pocket, np.clip((self._distance(rim, pocket) - 0.5) / 4, 0, 1), 0)


def towards(colours, tint, share):
    return colours + share[..., None] * (tint - colours)


def eye_colours(points, cage, part, iris):
    """Albedo [N,3] of an eyeball's vertices: pupil, iris with a limbus ring, sclera reddening to the sides."""
    vertices = cage.part_vertices2(part)
    around = points[vertices] - (points[vertices].max(0) + points[vertices].min(0)) / 2
    r = np.where(around[:, 2] > 0, np.hypot(around[:, 0], around[:, 1]), 99)[:, None]
    edge, hole = eyeball.IRIS_RADIUS_MM, eyeball.PUPIL_RADIUS_MM
    ring = np.clip((r - hole) / (edge - hole), 0, 1)
    colour = iris * (1.15 - 0.35 * ring)
    colour = np.where(ring > 0.86, iris * 0.42, colour)
    colour = np.where(r < hole * 1.08, PUPIL, colour)
    white = SCLERA + np.clip((r - 8) / 5, 0, 1) * (SCLERA_EDGE - SCLERA)
    blend = np.clip((r - edge * 0.985) / 0.35, 0, 1)
    return vertices, colour * (1 - blend) + white * blend


def jaw_offset(expression_shapes, operator):
    return np.linalg.norm(operator @ expression_shapes[NAMES.index("jawOpen")], axis=1)
