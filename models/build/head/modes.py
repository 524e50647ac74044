"""The space that heads are fitted in: principal components of the sampled heads plus smooth Gaussian-process modes.

Writes modes.npz: mean [V,3], components [K,V,3] (one prior standard deviation each), sampled (number of PCA ones).
"""

import numpy as np
from scipy.sparse.linalg import eigsh

import sources
from geometry import load_cage

SAMPLED = 90
# (length scale mm, amplitude mm) of the kernels that act on the face, and of the one that acts on the whole head.
FACE_KERNELS = ((50.0, 1.5), (25.0, 0.8), (12.0, 0.4))
HEAD_KERNELS = ((110.0, 4.0),)
FACE_MODES, HEAD_MODES = 48, 16
FACE_SYMMETRY, HEAD_SYMMETRY = 0.9, 0.97
TAPER_MM = 20.0


def kernel(points, scales, symmetry, odd):
    """Squared-exponential kernel, partly mirrored; `odd` for the coordinate that changes sign under the mirror."""

    def squared(a, b):
        return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)

    direct, mirrored = squared(points, points), squared(points, points * [-1, 1, 1])
    sign = -1 if odd else 1
    return sum(
        amplitude**2 * (np.exp(-direct / length**2) + symmetry * sign * np.exp(-mirrored / length**2)) / (1 + symmetry)
        for length, amplitude in scales
    )


def process_modes(points, scales, symmetry, taper, count):
    """Leading Karhunen-Loeve modes per axis [3 count, V, 3], one standard deviation each."""
    modes = []
    start = np.random.default_rng(0).normal(size=len(points))
    for axis in range(3):
        matrix = kernel(points, scales, symmetry, axis == 0) * taper[:, None] * taper
        values, vectors = eigsh(matrix, count, v0=start)
        for k in np.argsort(values)[::-1]:
            mode = np.zeros((len(points), 3))
            mode[:, axis] = vectors[:, k] * np.sqrt(values[k])
            modes.append(mode)
    return np.array(modes)


def keep_eyes_round(modes, mean, cage):
    """Lets eyeballs follow their sockets as rigid spheres and lids glide over them instead of through them."""
    for part in ("leftEye", "rightEye"):
        first, count, _, _ = cage.eye(part)
        ball = mean[first : first + count]
        centre = (ball.max(0) + ball.min(0)) / 2
        radius = np.ptp(ball[:, 0]) / 2
        offset = mean - centre
        distance = np.linalg.norm(offset, axis=1)
        skin = np.zeros(len(mean), bool)
        skin[cage.part_vertices("skin")] = True
        near = skin & (distance < radius + 12) & (offset[:, 2] > -radius)
        weight = np.exp(-np.maximum(distance[near] - radius, 0) / 6)
        drift = (modes[:, near] * weight[None, :, None]).sum(1) / weight.sum()
        modes[:, first : first + count] = drift[:, None]
        radial = offset[near] / distance[near, None]
        relative = ((modes[:, near] - drift[:, None]) * radial).sum(2)
        hold = np.exp(-((np.maximum(distance[near] - radius - 0.5, 0) / 3.5) ** 2))
        modes[:, near] -= (relative * hold)[:, :, None] * radial
    return modes


def main():
    cage = load_cage()
    identity = np.load(sources.WORK / "identity.npz")
    mean = identity["mean"]
    from scipy.spatial import cKDTree

    distance = cKDTree(mean[identity["face"]]).query(mean)[0]
    face = process_modes(mean, FACE_KERNELS, FACE_SYMMETRY, np.exp(-((distance / TAPER_MM) ** 2)), FACE_MODES)
    head = process_modes(mean, HEAD_KERNELS, HEAD_SYMMETRY, np.ones(len(mean)), HEAD_MODES)
    smooth = keep_eyes_round(np.concatenate([face, head]), mean, cage)
    components = np.concatenate([identity["components"][:SAMPLED], smooth])
    print(
        "modes",
        components.shape,
        "process spread on the face mm %.2f" % np.sqrt((smooth**2).sum((0, 2)))[identity["face"]].mean(),
    )
    np.savez(
        sources.WORK / "modes.npz",
        mean=mean,
        components=components.astype(np.float32),
        sampled=SAMPLED,
        face=identity["face"],
    )


if __name__ == "__main__":
    main()
