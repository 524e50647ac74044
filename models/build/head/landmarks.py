"""Where the landmark network's 478 points lie on the head: rendered portraits of random heads with known surface are
shown to the network, its points are lifted back to the surface, and a robust mean is taken per point.

Writes lifted.npz: points [478,3] on the subdivided mean head, spread [478] mm, mirror [478].
"""

import re
from pathlib import Path

import numpy as np

import sources
from landmark_net import LandmarkNet
from model import Head
from render import look_at, portrait

PORTRAITS = 64
SIZE = 384
SEED = 11


def surface_samples(head, net, rng):
    """One portrait: mean-head surface point of each landmark [478,3], NaN where it cannot be lifted."""
    identity = rng.normal(size=len(head.identity_cage)) * rng.uniform(0.0, 1.0)
    points = head.shape(identity)
    normals = head.normals(points)
    gamma = np.zeros((3, 9))
    gamma[:, 0] = rng.uniform(0.65, 0.95) + rng.normal(0, 0.03, 3)
    direction = rng.normal(size=3) * [0.22, 0.16, 0.12] + [0, -0.08, 0.22]
    gamma[:, 3], gamma[:, 1], gamma[:, 2] = direction
    yaw, pitch = rng.normal(0, 14), rng.normal(0, 6)
    rotation = look_at(yaw, pitch, rng.normal(0, 3))
    centre = head.cage.eye_midpoint(head.cage_shape(identity)) - [0, 28, 40]
    image, screen, ids, bary = portrait(
        points,
        normals,
        head.albedo(rng.normal(size=12) * 0.8),
        head.triangles,
        rotation,
        SIZE,
        SIZE,
        SIZE / 260,
        focal_px=rng.uniform(1.6, 4.5) * SIZE,
        centre=centre,
        gamma=gamma,
        background=rng.uniform(0.1, 0.7),
    )
    pixels, presence = net(image, [SIZE / 2, SIZE / 2], SIZE * 0.95)
    out = np.full((478, 3), np.nan)
    if presence < 0.5:
        return out, image, pixels
    column = np.clip((pixels[:, 0] * 2).astype(int), 0, 2 * SIZE - 1)
    row = np.clip((pixels[:, 1] * 2).astype(int), 0, 2 * SIZE - 1)
    hit = ids[row, column]
    on = hit >= 0
    corners = head.triangles[hit[on]]
    mean = head.operator @ head.mean_cage
    out[on] = (mean[corners] * bary[row[on], column[on]][:, :, None]).sum(1)
    facing = ((normals[corners] * bary[row[on], column[on]][:, :, None]).sum(1) @ rotation.T)[:, 2] < -0.25
    out[np.where(on)[0][~facing]] = np.nan
    return out, image, pixels


def geometric_median(samples):
    centre = np.nanmedian(samples, 0)
    for _ in range(40):
        weight = 1 / (np.linalg.norm(samples - centre, axis=2) + 0.2)
        weight = np.where(np.isnan(weight), 0, weight)
        centre = (np.nan_to_num(samples) * weight[:, :, None]).sum(0) / np.maximum(weight.sum(0), 1e-9)[:, None]
    return centre


def network_mirror():
    """Index of each landmark's left-right counterpart: the canonical face's table, kept by the landmark stage."""
    source = Path(__file__).resolve().parents[3] / "lib" / "stages" / "mesh-points.ts"
    table = re.search(r"export const MIRROR = \[(.*?)\]", source.read_text(encoding="utf8"), re.S)
    mirror = np.array([int(number) for number in re.findall(r"\d+", table[1])])
    assert len(mirror) == 478 and (mirror[mirror] == np.arange(478)).all()
    return mirror


def main():
    head = Head(
        identity="calibrated.npz" if (sources.WORK / "calibrated.npz").exists() else "identity.npz", components=60
    )
    net = LandmarkNet()
    rng = np.random.default_rng(SEED)
    samples = np.stack([surface_samples(head, net, rng)[0] for _ in range(PORTRAITS)])
    mirror = network_mirror()
    both = np.concatenate([samples, samples[:, mirror] * [-1, 1, 1]])
    centre = geometric_median(both)
    spread = np.nanmedian(np.linalg.norm(both - centre, axis=2), 0)
    print(
        "portraits used",
        int((~np.isnan(samples[:, 1, 0])).sum()),
        "spread mm median %.2f p90 %.2f" % tuple(np.nanpercentile(spread, [50, 90])),
    )
    np.savez(sources.WORK / "lifted.npz", points=centre, spread=spread, mirror=mirror)


if __name__ == "__main__":
    main()
