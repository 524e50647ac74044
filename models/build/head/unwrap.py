"""UV unwrap of the subdivided head: the skin as one seamless, mirror-symmetric disc, the other parts as corner islands.

The skin with its neck opening is a topological disc. Half of it (x >= 0) is embedded by Tutte's theorem between the
midline (u = 0.5) and half of a superellipse (the neck opening), then relaxed with the symmetric Dirichlet energy
against a target size per triangle that favours the face. Both steps keep every triangle's orientation.
Writes uv.npy [V2,2], v down (glTF).
"""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from scipy.spatial import cKDTree

import sources
from cage import PARTS
from geometry import load_cage, load_operators
from regions import ear_mask

SUPERELLIPSE_POWER = 3.0
BORDER = 0.006
ITERATIONS = 150
THROAT_MM = 98.0
SMALL_SCALE = 0.18
POCKET_SCALE = 0.12
# Weight of distortion outside the face, where the border forces some.
SMALL_WEIGHT, POCKET_WEIGHT = 0.05, 0.02
# Ears are seen from the front and stand out, so they get more than their surroundings.
EAR_SCALE, EAR_WEIGHT = 0.42, 0.4


def superellipse(angles):
    """Points on |x|^n + |y|^n = 1 in the directions of the angles."""
    c, s = np.cos(angles), np.sin(angles)
    radius = (np.abs(c) ** SUPERELLIPSE_POWER + np.abs(s) ** SUPERELLIPSE_POWER) ** (-1 / SUPERELLIPSE_POWER)
    return np.stack([radius * c, radius * s], 1)


def boundary_chain(triangles):
    """Boundary vertices of a triangle disc, in order along its oriented boundary."""
    halves = {(int(t[k]), int(t[(k + 1) % 3])) for t in triangles for k in range(3)}
    following = {a: b for a, b in halves if (b, a) not in halves}
    start = next(iter(sorted(following)))
    chain = [start]
    while following[chain[-1]] != start:
        chain.append(following[chain[-1]])
    assert len(chain) == len(following), "the skin's border is not a single loop"
    return chain


def tutte(triangles, count, fixed, positions):
    """Uniform-weight convex embedding with the given fixed vertices."""
    i = np.concatenate([triangles[:, [0, 1, 2]], triangles[:, [1, 2, 0]]]).ravel()
    j = np.concatenate([triangles[:, [1, 2, 0]], triangles[:, [0, 1, 2]]]).ravel()
    adjacency = sp.csr_matrix((np.ones(len(i)), (i, j)), (count, count))
    adjacency.data[:] = 1
    laplacian = sp.diags(np.asarray(adjacency.sum(1)).ravel()) - adjacency
    free = np.setdiff1d(np.arange(count), fixed)
    out = np.zeros((count, 2))
    out[fixed] = positions
    solve = spl.factorized(laplacian[free][:, free].tocsc())
    right = -laplacian[free][:, fixed] @ positions
    out[free] = np.stack([solve(right[:, 0]), solve(right[:, 1])], 1)
    return out


def rest_inverse(points, triangles, scale):
    """Per triangle: inverse of its flattened, scaled edge matrix [T,2,2] and its area [T]."""
    e1 = points[triangles[:, 1]] - points[triangles[:, 0]]
    e2 = points[triangles[:, 2]] - points[triangles[:, 0]]
    length = np.linalg.norm(e1, axis=1)
    along = (e1 * e2).sum(1) / length
    height = np.sqrt(np.maximum((e2**2).sum(1) - along**2, (0.05 * length) ** 2))
    d = np.zeros((len(triangles), 2, 2))
    d[:, 0, 0], d[:, 0, 1], d[:, 1, 1] = length * scale, along * scale, height * scale
    return np.linalg.inv(d), 0.5 * length * height * scale**2


def jacobians(uv, triangles, inverse):
    edges = np.stack([uv[triangles[:, 1]] - uv[triangles[:, 0]], uv[triangles[:, 2]] - uv[triangles[:, 0]]], 2)
    return edges @ inverse


def dirichlet(j, area):
    det = np.linalg.det(j)
    if (det <= 0).any():
        return np.inf
    return float((area * (j**2).sum((1, 2)) * (1 + 1 / det**2)).sum())


def largest_step(uv, step, triangles):
    """Largest t in (0,1] that keeps all triangles of uv + t * step positively oriented."""
    a = np.stack([uv[triangles[:, 1]] - uv[triangles[:, 0]], uv[triangles[:, 2]] - uv[triangles[:, 0]]], 2)
    b = np.stack([step[triangles[:, 1]] - step[triangles[:, 0]], step[triangles[:, 2]] - step[triangles[:, 0]]], 2)
    q2, q0 = np.linalg.det(b), np.linalg.det(a)
    q1 = a[:, 0, 0] * b[:, 1, 1] + b[:, 0, 0] * a[:, 1, 1] - a[:, 0, 1] * b[:, 1, 0] - b[:, 0, 1] * a[:, 1, 0]
    disc = q1**2 - 4 * q2 * q0
    root = np.full(len(q0), np.inf)
    has = disc > 0
    # The numerically stable pair of roots of q2 t^2 + q1 t + q0.
    half = -0.5 * (q1 + np.where(q1 >= 0, 1, -1) * np.sqrt(np.maximum(disc, 0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        for r in (half / q2, q0 / half):
            root = np.where(has & (r > 0) & (r < root), r, root)
    return min(1.0, 0.9 * float(root.min()))


def relax(uv, triangles, inverse, area, free_dofs):
    """Scalable locally injective mapping (Rabinovich 2017) of the symmetric Dirichlet energy."""
    count, t = len(uv), len(triangles)
    # d(J)/d(uv): J[:, a, b] = sum_v grad[t, v, b] * uv[v, a]
    grad = np.stack([-(inverse[:, 0] + inverse[:, 1]), inverse[:, 0], inverse[:, 1]], 1)
    energy = dirichlet(jacobians(uv, triangles, inverse), area)
    for iteration in range(ITERATIONS):
        j = jacobians(uv, triangles, inverse)
        u, s, vt = np.linalg.svd(j)
        rotation = u @ vt
        weight = np.sqrt(np.where(np.abs(s - 1) < 1e-8, 4.0, (s - s**-3) / np.where(np.abs(s - 1) < 1e-8, 1, s - 1)))
        w = np.einsum("tij,tj,tkj->tik", u, weight, u)
        rows, cols, values, right = [], [], [], []
        target = np.einsum("tij,tjk->tik", w, rotation) * np.sqrt(area)[:, None, None]
        for a in range(2):
            for b in range(2):
                row = (a * 2 + b) * t + np.arange(t)
                for v in range(3):
                    for c in range(2):
                        rows.append(row)
                        cols.append(triangles[:, v] + c * count)
                        values.append(w[:, a, c] * grad[:, v, b] * np.sqrt(area))
                right.append(target[:, a, b])
        matrix = sp.csr_matrix(
            (np.concatenate(values), (np.concatenate(rows), np.concatenate(cols))), (4 * t, 2 * count)
        )
        flat = uv.T.ravel()
        residual = np.concatenate(right) - matrix @ flat
        matrix = matrix[:, free_dofs]
        normal = (matrix.T @ matrix).tocsc()
        normal += sp.identity(normal.shape[0]) * (1e-9 * normal.diagonal().mean())
        step = np.zeros(2 * count)
        step[free_dofs] = spl.spsolve(normal, matrix.T @ residual)
        step = step.reshape(2, -1).T
        length = largest_step(uv, step, triangles)
        while length > 1e-12:
            trial = dirichlet(jacobians(uv + length * step, triangles, inverse), area)
            if trial < energy:
                break
            length *= 0.6
        else:
            break
        uv = uv + length * step
        gain = (energy - trial) / energy
        energy = trial
        if iteration % 10 == 0:
            print("  relax", iteration, "energy %.5g step %.3g" % (energy / area.sum(), length))
        if gain < 1e-4 and length > 0.3:
            break
    return uv


def skin_scale(points, outer, ears):
    """Target size of each skin vertex relative to the face, and weight of its distortion: smaller on scalp, neck and
    back, smallest in pockets."""
    identity = np.load(sources.WORK / "identity.npz")
    mean, eyes = identity["mean"], load_cage().eye_midpoint(identity["mean"])
    distance = cKDTree(mean[identity["face"] & (mean[:, 1] > eyes[1] - THROAT_MM)]).query(points)[0]
    near = np.exp(-((np.maximum(distance - 5, 0) / 15) ** 2))
    scale, weight = (
        np.maximum(small + (1 - small) * near, ear * ears)
        for small, ear in ((SMALL_SCALE, EAR_SCALE), (SMALL_WEIGHT, EAR_WEIGHT))
    )
    return np.where(outer, scale, POCKET_SCALE), np.where(outer, weight, POCKET_WEIGHT)


def half_disc(points, cage, triangles):
    """Left-half triangles re-indexed to their own vertices: (vertices, local triangles, midline mask)."""
    midline = cage.mirror2 == np.arange(len(cage.mirror2))
    left = triangles[points[triangles].mean(1)[:, 0] > 0]
    vertices = np.unique(left)
    local = np.full(len(points), -1)
    local[vertices] = np.arange(len(vertices))
    return vertices, local[left], midline[vertices]


def unwrap_skin(points, cage, ears):
    triangles = cage.triangles[cage.triangle_part == 0].astype(int)
    vertices, local, midline = half_disc(points, cage, triangles)
    chain = np.array(boundary_chain(local))
    on_midline = midline[chain]
    # Rotate the chain so that it starts with the first midline vertex after the neck arc.
    start = next(k for k in range(len(chain)) if on_midline[k] and not on_midline[k - 1])
    chain = np.roll(chain, -start)
    on_midline = midline[chain]
    middle, arc = chain[on_midline], chain[~on_midline]
    half = points[vertices]
    # x >= 0 lies right of the midline; the v axis here points up. Oriented boundary is counter-clockwise, so the
    # midline runs downwards from the nape (top) to the throat (bottom) and the arc runs back up on the right.
    upwards = half[middle[0], 2] > half[middle[-1], 2]
    assert not upwards, "the midline should run from the nape to the throat"
    lengths = np.linalg.norm(np.diff(half[middle], axis=0), axis=1)
    scale, importance = skin_scale(half, np.load(sources.WORK / "outer.npy")[vertices], ears[vertices])
    lengths = lengths * (scale[middle[1:]] + scale[middle[:-1]])
    drop = np.concatenate([[0], np.cumsum(lengths)]) / lengths.sum()
    positions = np.zeros((len(chain), 2))
    positions[: len(middle), 1] = 1 - 2 * drop
    arc_ring = np.concatenate([[middle[-1]], arc, [middle[0]]])
    arc_length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(half[arc_ring], axis=0), axis=1))])
    angle = -np.pi / 2 + np.pi * arc_length / arc_length[-1]
    positions[len(middle) :] = superellipse(angle)[1:-1]
    uv = tutte(local, len(half), chain, positions)
    inverse, area = rest_inverse(half, local, scale[local].mean(1))
    # Bring the target to the size of the half disc, so that the energy's optimum is not a uniform squeeze.
    disc = 0.5 * np.abs(
        np.sum(positions[:, 0] * np.roll(positions[:, 1], -1) - positions[:, 1] * np.roll(positions[:, 0], -1))
    )
    factor = np.sqrt(disc / area.sum())
    inverse, area = inverse / factor, area * factor**2 * importance[local].mean(1)
    fixed = np.concatenate([arc, middle[[0, -1]]])
    count = len(half)
    free = np.ones(2 * count, bool)
    free[fixed] = free[fixed + count] = False
    free[middle] = False
    print("tutte energy", dirichlet(jacobians(uv, local, inverse), area) / area.sum())
    uv = relax(uv, local, inverse, area, np.where(free)[0])
    out = np.full((len(points), 2), np.nan)
    out[vertices] = uv
    mirrored = cage.mirror2[vertices]
    side = ~midline
    out[mirrored[side]] = uv[side] * [-1, 1]
    return np.c_[0.5 + (0.5 - BORDER) * out[:, 0], 0.5 - (0.5 - BORDER) * out[:, 1]]


# Corner islands: centre (u, v) and half size. The superellipse leaves these squares free.
EYE_ISLANDS = {"leftEye": (0.9375, 0.0625), "rightEye": (0.0625, 0.0625)}
EYE_HALF = 0.052
DISC_ISLANDS = {
    "upperTeeth": ((0.035, 0.925), 0.028),
    "lowerTeeth": ((0.075, 0.972), 0.024),
    "tongue": ((0.9375, 0.9375), 0.05),
}
CAP_HALF = 0.006


def azimuthal(directions):
    """Plane position (unit disc) of directions about +z: orthographic in front, compressed behind."""
    angle = np.arccos(np.clip(directions[:, 2], -1, 1))
    front = np.radians(60)
    radius = np.where(
        angle < front,
        np.sin(np.minimum(angle, front)) * 0.9 / np.sin(front),
        0.9 + 0.1 * (angle - front) / np.radians(100),
    )
    across = directions[:, :2] / np.maximum(np.hypot(*directions[:, :2].T), 1e-12)[:, None]
    return radius[:, None] * across


def place_eye(uv, points, cage, part):
    """Front of the eyeball as a disc seen from the front; its back cap as a small disc beside it, seen from behind."""
    components = connected(cage.triangles[cage.triangle_part == (1 if part == "leftEye" else 2)])
    front, cap = sorted(components, key=len, reverse=True)
    centre = np.array(EYE_ISLANDS[part])
    middle = (points[front].min(0) + points[front].max(0)) / 2
    for vertices, half, place in ((front, EYE_HALF, centre), (cap, CAP_HALF, None)):
        d = points[vertices] - middle
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        if place is None:
            d = d * [-1, 1, -1]
            place = centre + (EYE_HALF + 0.0035) * np.array([np.sign(centre[0] - 0.5), -1]) * 0.86
            uv[vertices] = place + half * azimuthal(d) / np.abs(azimuthal(d)).max() * [1, -1]
        else:
            uv[vertices] = place + half * azimuthal(d) * [1, -1]


def place_disc(uv, points, triangles, centre, half):
    """A disc-shaped part as a round island, its border spread by length."""
    vertices = np.unique(triangles)
    local = np.full(len(points), -1)
    local[vertices] = np.arange(len(vertices))
    chain = np.array(boundary_chain(local[triangles]))
    ring = points[vertices[chain]]
    lengths = np.linalg.norm(np.roll(ring, -1, 0) - ring, axis=1)
    angle = 2 * np.pi * np.concatenate([[0], np.cumsum(lengths)[:-1]]) / lengths.sum()
    flat = tutte(local[triangles], len(vertices), chain, np.stack([np.cos(angle), np.sin(angle)], 1))
    uv[vertices] = centre + half * flat * [1, -1]


def place_islands(uv, points, cage):
    for part in EYE_ISLANDS:
        place_eye(uv, points, cage, part)
    for part, (centre, half) in DISC_ISLANDS.items():
        place_disc(uv, points, cage.triangles[cage.triangle_part == PARTS.index(part)], np.array(centre), half)


def connected(triangles):
    """Vertex arrays of the connected components of a triangle list."""
    vertices = np.unique(triangles)
    local = np.full(vertices.max() + 1, -1)
    local[vertices] = np.arange(len(vertices))
    t = local[triangles]
    graph = sp.csr_matrix(
        (np.ones(2 * len(t)), (np.r_[t[:, 0], t[:, 1]], np.r_[t[:, 1], t[:, 2]])), (len(vertices),) * 2
    )
    count, labels = sp.csgraph.connected_components(graph, directed=False)
    return [vertices[labels == k] for k in range(count)]


def signed_areas(uv, triangles):
    """Positive where a triangle that is counter-clockwise on the surface keeps its orientation (v points down)."""
    a, b = uv[triangles[:, 1]] - uv[triangles[:, 0]], uv[triangles[:, 2]] - uv[triangles[:, 0]]
    return -0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


if __name__ == "__main__":
    cage = load_cage()
    _, operator = load_operators()
    points = operator @ np.load(sources.WORK / "identity.npz")["mean"]
    ears = ear_mask(cage, operator)
    uv = unwrap_skin(points, cage, (ears | ears[cage.mirror2]).astype(float))
    place_islands(uv, points, cage)
    areas = signed_areas(uv, cage.triangles)
    for part in range(6):
        of_part = areas[cage.triangle_part == part]
        print("part", part, "triangles", len(of_part), "flipped", int((of_part <= 0).sum()), "smallest", of_part.min())
    assert (areas > 0).all() and uv.min() >= 0 and uv.max() <= 1
    np.save(sources.WORK / "uv.npy", uv)
