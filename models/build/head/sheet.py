"""Contact sheets of the built head: mean and samples, all expressions, close-ups, regions and UV. For eyes, not tests.

sheet.py OUT_FOLDER
"""

import sys
from pathlib import Path

import numpy as np

import sources
import teeth
from expression import NAMES
from model import Head
from render import look_at, portrait, rasterize, save_png

PALETTE = np.array(
    [
        [0.5, 0.5, 0.5],
        [0.9, 0.2, 0.2],
        [0.9, 0.5, 0.8],
        [0.2, 0.6, 0.9],
        [0.9, 0.8, 0.3],
        [0.3, 0.9, 0.4],
        [0.6, 0.3, 0.9],
        [0.5, 0.35, 0.2],
        [0.25, 0.25, 0.3],
        [0.2, 0.9, 0.9],
    ]
)


class Sheet:
    def __init__(self):
        calibrated = (sources.WORK / "calibrated.npz").exists()
        self.head = Head("calibrated.npz" if calibrated else "identity.npz", expression="expression_final.npz")
        self.head.mean_cage = teeth.seated(self.head.mean_cage, self.head.cage)
        self.eyes = self.head.cage.eye_midpoint(self.head.mean_cage)

    def picture(self, points, size, px_per_mm, centre, yaw=0, albedo=None):
        h = self.head
        return portrait(
            points,
            h.normals(points),
            h.albedo_mean if albedo is None else albedo,
            h.triangles,
            look_at(yaw),
            *size,
            px_per_mm,
            centre=self.eyes + centre,
        )[0]

    def samples(self):
        rng, rows = np.random.default_rng(3), []
        for row in range(3):
            heads = (
                [(None, None)] * 4
                if row == 0
                else [(rng.normal(size=len(self.head.identity_cage)), rng.normal(size=12)) for _ in range(4)]
            )
            yaws = (0, 35, 90, 180) if row == 0 else (0, 0, 30, -30)
            rows.append(
                np.concatenate(
                    [
                        self.picture(self.head.shape(i), (300, 380), 1.35, [0, -25, -60], yaw, self.head.albedo(a))
                        for (i, a), yaw in zip(heads, yaws)
                    ],
                    1,
                )
            )
        return np.concatenate(rows)

    def expressions(self):
        tiles = []
        for k in range(len(NAMES)):
            side = -25 if NAMES[k].endswith("Right") else 25 if NAMES[k].endswith("Left") else 0
            active = {k: 1.0}
            if NAMES[k] in ("mouthClose", "tongueOut"):
                active[NAMES.index("jawOpen")] = 1.0 if NAMES[k] == "mouthClose" else 0.4
            tiles.append(self.picture(self.head.shape(None, active), (210, 250), 1.45, [0, -30, -20], side * 0.6))
        tiles += [np.ones_like(tiles[0])] * (-len(tiles) % 9)
        return np.concatenate([np.concatenate(tiles[r : r + 9], 1) for r in range(0, len(tiles), 9)])

    def blinks(self):
        left, right = NAMES.index("eyeBlinkLeft"), NAMES.index("eyeBlinkRight")
        rows = []
        for yaw in (0, 35):
            rows.append(
                np.concatenate(
                    [
                        self.picture(self.head.shape(None, {left: v, right: v}), (420, 300), 8, [31, 0, 0], yaw)
                        for v in (0.25, 0.5, 0.75, 1.0)
                    ],
                    1,
                )
            )
        return np.concatenate(rows)

    def mouths(self):
        rows = []
        for active in (
            {"jawOpen": 1},
            {"jawOpen": 0.4},
            {"mouthSmileLeft": 1, "mouthSmileRight": 1, "jawOpen": 0.25},
            {"jawOpen": 1, "mouthClose": 1},
        ):
            points = self.head.shape(None, {NAMES.index(n): v for n, v in active.items()})
            rows.append(np.concatenate([self.picture(points, (420, 320), 4.2, [0, -75, 0], yaw) for yaw in (0, 40)], 1))
        return np.concatenate([np.concatenate(rows[:2], 1), np.concatenate(rows[2:], 1)])

    def unwrapped(self, size=900):
        uv = np.load(sources.WORK / "uv.npy")
        regions = np.load(sources.WORK / "regions.npz")["region"]
        ids, bary, _ = rasterize(np.c_[uv * size, np.zeros(len(uv))], self.head.triangles, size, size)
        hit = ids >= 0
        corners, weights = self.head.triangles[ids[hit]], bary[hit][:, :, None]
        surface = (self.head.shape()[corners] * weights).sum(1)
        checker = (np.floor(surface / 10).astype(int).sum(1) % 2 == 0)[:, None] * 0.25 + 0.75
        albedo, label = np.full((2, size, size, 3), 0.2)
        albedo[hit] = (self.head.albedo_mean[corners] * weights).sum(1) * checker
        label[hit] = PALETTE[regions[corners[:, 0]]] * checker
        return np.concatenate([albedo, label], 1)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    sheet = Sheet()
    for name in sys.argv[2:] or ("samples", "expressions", "blinks", "mouths", "unwrapped"):
        save_png(out / f"{name}.png", getattr(sheet, name)())
