"""Where points of one surface lie on the wrong side of another, or too close to it.

Lengths in mm."""

import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

CLEAR_MM = 0.25
SLACK_MM = 0.02
# Closest points further apart along the surface than this lie beyond its rim.
BESIDE_MM = 0.45
# Nothing that lies further off is looked for.
NEAR_MM = 4.0
INSIDE = np.array([(i / 5, j / 5, 1 - (i + j) / 5) for i in range(6) for j in range(6 - i)])


def corners_and_middles(triangles, count):
    """Corners, middles of edges and of triangles over `count` vertices [samples, count]."""
    vertices = np.unique(triangles)
    edges = np.unique(np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1), axis=0)
    groups = [vertices[:, None], edges, triangles]
    start = np.cumsum([0] + [len(group) for group in groups])
    blocks = [
        (np.repeat(np.arange(len(g)), g.shape[1]) + at, g.ravel(), np.full(g.size, 1 / g.shape[1]))
        for g, at in zip(groups, start)
    ]
    rows, columns, values = (np.concatenate(part) for part in zip(*blocks))
    return sp.csr_matrix((values, (rows, columns)), (start[-1], count))


def dot(a, b):
    return np.einsum("ij,ij->i", a, b)


def lacking(samples, facing, points, triangles, sides):
    """How far [samples, 3] samples must move to lie clear on their side of triangles that they face, 0 where they do or are
    far; which must; and the point of the triangles nearest to each of those, over `points` [those, points].

    facing: the samples' normals, of any length. sides: of each triangle, 1 where samples belong before it, -1 behind, 0
    anywhere."""
    move, none = np.zeros_like(samples), (np.zeros(0, int), sp.csr_matrix((0, len(points))))
    corners = points[triangles]
    middle = corners.mean(1)
    low, high = middle.min(0) - NEAR_MM, middle.max(0) + NEAR_MM
    within = [(samples[:, k] > low[k]) & (samples[:, k] < high[k]) for k in range(3)]
    rows = np.flatnonzero(within[0] & within[1] & within[2])
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.sqrt(dot(normals, normals)), 1e-9)[:, None]
    if len(rows) > 0:
        # Most are clear by far.
        distance, near = tree(middle).query(samples[rows], distance_upper_bound=NEAR_MM + 1)
        found = np.isfinite(distance)
        rows, near = rows[found], near[found]
        along = dot(samples[rows] - middle[near], normals[near]) * sides[near]
        rows = rows[(along < CLEAR_MM + 1) & (dot(facing[rows], normals[near]) * sides[near] < 0)]
    if len(rows) == 0:
        return move, *none
    close = np.flatnonzero(cKDTree(samples[rows]).query(middle, distance_upper_bound=NEAR_MM + 1.5)[0] < np.inf)
    surface = np.einsum("bk,tkc->tbc", INSIDE, corners[close]).reshape(-1, 3)
    distance, nearest = tree(surface).query(samples[rows], distance_upper_bound=NEAR_MM)
    found = np.isfinite(distance)
    rows, nearest = rows[found], nearest[found]
    triangle = close[nearest // len(INSIDE)]
    normal, side = normals[triangle], sides[triangle]
    offset = samples[rows] - surface[nearest]
    along = dot(offset, normal)
    beside = offset - along[:, None] * normal
    depth = CLEAR_MM - along * side
    faces = dot(facing[rows], normal) * side < -0.2 * np.sqrt(dot(facing[rows], facing[rows]))
    bad = faces & (depth > SLACK_MM) & (dot(beside, beside) < BESIDE_MM**2)
    move[rows[bad]] = (depth * side)[bad, None] * normal[bad]
    weights = INSIDE[nearest[bad] % len(INSIDE)].ravel()
    at = (np.repeat(np.arange(bad.sum()), 3), triangles[triangle[bad]].ravel())
    return move, rows[bad], sp.csr_matrix((weights, at), (bad.sum(), len(points)))


def tree(points):
    return cKDTree(points, balanced_tree=False, compact_nodes=False)


def carried(samples, move):
    """Motion [cage, 3] of the cage's points that moves samples so: the mean of those that ask each of them to."""
    asks = np.flatnonzero(np.abs(move).sum(1) > 0)
    weights = samples[asks]
    total = np.asarray(weights.sum(0)).ravel()
    return np.where(total[:, None] > 0.05, weights.T @ move[asks] / np.maximum(total, 1e-6)[:, None], 0)
