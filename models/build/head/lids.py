"""Makes eyeBlink close the calibrated head's eyes exactly: the upper lid's travel is scaled column by column so that its
margin comes to rest on the lower lid's. Writes expression_final.npz."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

import sources
from contours import lid_slit
from expression import NAMES
from model import Head

OVERLAP_MM = 0.4
SMOOTHING_MM = 1.5
SCALE_RANGE = (0.55, 1.4)
CORNER_SHARE = 0.1


def travel_scale(points, moved, slit, triangles):
    """Factor on the upper lid's travel per column of the slit, for blinked positions `moved` [V2,3]."""
    up_open, up_shut = (slit.points(p, triangles, True) for p in (points, moved))
    low_shut = slit.points(moved, triangles, False)
    order = np.argsort(low_shut[:, 0])
    rest = np.interp(up_shut[:, 0], low_shut[order, 0], low_shut[order, 1]) - OVERLAP_MM
    scale = (rest - up_open[:, 1]) / np.minimum(up_shut[:, 1] - up_open[:, 1], -1.0)
    share = (slit.x - slit.x[0]) / (slit.x[-1] - slit.x[0])
    inner = (share > CORNER_SHARE) & (share < 1 - CORNER_SHARE)
    scale = np.interp(slit.x, slit.x[inner], np.clip(scale[inner], *SCALE_RANGE))
    return gaussian_filter1d(scale, SMOOTHING_MM / np.diff(slit.x).mean(), mode="nearest")


def clearance(points, cage, part, outer):
    """Smallest distance (mm) of outer skin to the eyeball's surface, negative inside."""
    ball = points[cage.part_vertices2(part)]
    centre, radius = (ball.max(0) + ball.min(0)) / 2, np.ptp(ball[:, 0]) / 2
    skin = cage.part_vertices2("skin")
    skin = skin[outer[skin]]
    return float((np.linalg.norm(points[skin] - centre, axis=1) - radius).min())


def main():
    head = Head("calibrated.npz" if (sources.WORK / "calibrated.npz").exists() else "identity.npz")
    outer = np.load(sources.WORK / "outer.npy")
    cage, points = head.cage, head.shape()
    arrays = dict(np.load(sources.WORK / "expression.npz"))
    for part, name in (("leftEye", "eyeBlinkLeft"), ("rightEye", "eyeBlinkRight")):
        k = NAMES.index(name)
        slit = lid_slit(points, cage, part)
        for _ in range(2):
            shape = arrays["shapes"][k]
            scale = travel_scale(points, points + head.operator @ shape, slit, head.triangles)
            factor = np.interp(head.mean_cage[:, 0], slit.x, scale)
            arrays["shapes"][k] = np.where((shape[:, 1] < -0.3)[:, None], shape * factor[:, None], shape)
        for amount in (0.5, 1.0):
            shut = points + amount * (head.operator @ arrays["shapes"][k])
            print(name, amount, "clearance mm %.2f" % clearance(shut, cage, part, outer), end="; ")
        gap = (slit.points(shut, head.triangles, True) - slit.points(shut, head.triangles, False))[:, 1]
        print("margin gap mm from %.2f to %.2f" % (gap.min(), gap.max()))
    np.savez(sources.WORK / "expression_final.npz", **arrays)


if __name__ == "__main__":
    main()
