"""Closest points on a triangle mesh, and which skin is outer surface rather than the inside of mouth, sockets, nostrils."""

import numpy as np
from scipy.spatial import cKDTree

from geometry import vertex_normals
from render import look_at, rasterize

VIEWS = [(yaw, pitch) for yaw in range(-180, 180, 45) for pitch in (-35, 0, 35)] + [
    (0, 80),
    (0, -80),
    (20, 15),
    (-20, 15),
    (20, -15),
    (-20, -15),
]


def outer_skin(points, cage):
    """Mask [V2] of skin vertices that some view from outside sees."""
    visible = np.zeros(len(points), bool)
    skin = cage.triangles[cage.triangle_part == 0]
    centre = points.mean(0)
    normals = vertex_normals(points, cage.triangles)
    for yaw, pitch in VIEWS:
        camera = (points - centre) @ look_at(yaw, pitch).T
        screen = np.c_[camera[:, :2] * 4 + 700, camera[:, 2]]
        ids, bary, _ = rasterize(screen, cage.triangles, 1400, 1400)
        ids, bary = ids[ids >= 0], bary[ids >= 0]
        on_skin = cage.triangle_part[ids] == 0
        corners = cage.triangles[ids[on_skin]]
        facing = (normals[corners] @ look_at(yaw, pitch).T)[:, :, 2] < -0.05
        visible[corners[facing]] = True
    assert not visible[np.setdiff1d(np.arange(len(points)), np.unique(skin))].any()
    return visible


def closest_on_triangles(queries, points, triangles, neighbours=40):
    """Nearest surface point of each query: (triangle row, barycentric weights [N,3], distance [N])."""
    corners = points[triangles]
    tree = cKDTree(corners.mean(1))
    candidates = tree.query(queries, k=min(neighbours, len(triangles)))[1]
    best = np.full(len(queries), np.inf)
    row = np.zeros(len(queries), int)
    weights = np.zeros((len(queries), 3))
    for k in range(candidates.shape[1]):
        t = candidates[:, k]
        w = closest_barycentric(queries, corners[t])
        distance = np.linalg.norm((corners[t] * w[:, :, None]).sum(1) - queries, axis=1)
        better = distance < best
        best[better], row[better], weights[better] = distance[better], t[better], w[better]
    return row, weights, best


def closest_barycentric(p, corners):
    """Barycentric weights of the point of each triangle [N,3,3] nearest to p [N,3]."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac, ap = b - a, c - a, p - a
    d00, d01, d11 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    d20, d21 = (ap * ab).sum(1), (ap * ac).sum(1)
    denominator = np.maximum(d00 * d11 - d01 * d01, 1e-18)
    v, w = (d11 * d20 - d01 * d21) / denominator, (d00 * d21 - d01 * d20) / denominator
    inside = np.stack([1 - v - w, v, w], 1)
    best = np.where((inside >= 0).all(1)[:, None], inside, np.nan)
    distance = np.where((inside >= 0).all(1), np.linalg.norm(a + v[:, None] * ab + w[:, None] * ac - p, axis=1), np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        e = corners[:, j] - corners[:, i]
        t = np.clip(((p - corners[:, i]) * e).sum(1) / np.maximum((e * e).sum(1), 1e-18), 0, 1)
        d = np.linalg.norm(corners[:, i] + t[:, None] * e - p, axis=1)
        candidate = np.zeros_like(inside)
        candidate[:, i], candidate[:, j] = 1 - t, t
        better = d < distance
        best[better], distance[better] = candidate[better], d[better]
    return best


if __name__ == "__main__":
    from geometry import load_cage, load_operators
    from sources import WORK

    cage, (_, operator) = load_cage(), load_operators()
    points = operator @ np.load(WORK / "identity.npz")["mean"]
    mask = outer_skin(points, cage)
    mask |= mask[cage.mirror2]
    np.save(WORK / "outer.npy", mask)
    print("outer skin vertices", int(mask.sum()))
