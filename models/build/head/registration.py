"""Non-rigid registration of the head to the scan-derived neutral, giving a scan point for every outer skin vertex.

Writes registration.npz: rows, weights (scan triangle and barycentrics per subdivided vertex), confidence [V2].
"""

import numpy as np
from scipy.spatial import cKDTree

import scans
import sources
from brows import brow_points
from geometry import load_cage, load_operators, procrustes, vertex_normals
from surface import closest_on_triangles

ITERATIONS = 24
MAX_DISTANCE_MM = 14.0


def ridge(design, residual, weight, strength):
    """Coefficients minimising weight * |design c - residual|^2 + strength |c|^2; design [N,K]."""
    weighted = design * weight[:, None]
    return np.linalg.solve(weighted.T @ design + strength * np.eye(design.shape[1]), weighted.T @ residual)


def main():
    cage = load_cage()
    _, operator = load_operators()
    modes = np.load(sources.WORK / "modes.npz")
    face = scans.ScanFaces()
    outer = np.where(np.load(sources.WORK / "outer.npy"))[0]
    mean = operator @ modes["mean"]
    basis = np.stack([operator @ m for m in modes["components"].astype(float)])
    correspondences = np.load(sources.WORK / "correspondences.npz")
    lm_vertices, lm_weights = correspondences["ibug68_vertices"], correspondences["ibug68_weights"][:, :, None]
    skin = cage.triangles[cage.triangle_part == 0]
    seen = np.zeros(len(mean), bool)
    seen[outer] = True
    eye_x = np.abs(mean[cage.part_vertices2("leftEye"), 0].mean())
    rows, weights = brow_points(mean, operator, seen, skin[seen[skin].all(1)], eye_x)
    lm_vertices[17:27], lm_weights[17:27] = skin[seen[skin].all(1)][rows], weights[:, :, None]
    used = np.arange(17, 68)

    def landmarks(points):
        return (points[lm_vertices] * lm_weights).sum(1)

    target = face.neutral.copy()
    r, t = procrustes(target[face.landmarks[used]], landmarks(mean)[used])
    target = target @ r + t
    c = np.zeros(len(basis))
    face_weight = np.exp(-((cKDTree(modes["mean"][modes["face"]]).query(mean[outer])[0] / 30.0) ** 2)) + 0.15
    lm_basis = (basis[:, lm_vertices] * lm_weights).sum(2)[:, used]
    for iteration in range(ITERATIONS):
        points = mean + np.tensordot(c, basis, 1)
        normals = vertex_normals(points, skin)[outer]
        rows, weights, distance = closest_on_triangles(points[outer], target, face.triangles, 12)
        hit = (target[face.triangles[rows]] * weights[:, :, None]).sum(1)
        target_normals = vertex_normals(target, face.triangles)
        facing = (target_normals[face.triangles[rows]].mean(1) * normals).sum(1)
        good = (distance < MAX_DISTANCE_MM) & (facing > 0.5)
        design = np.einsum("knd,nd->nk", basis[:, outer], normals)
        residual = ((hit - mean[outer]) * normals).sum(1)
        pull = max(2.0, 8.0 * (1 - iteration / 12))
        stacked = np.concatenate([design, lm_basis.transpose(1, 2, 0).reshape(-1, len(basis))])
        wanted = np.concatenate([residual, (target[face.landmarks[used]] - landmarks(mean)[used]).ravel()])
        weight = np.concatenate([good * face_weight, np.full(3 * len(used), pull)])
        c = ridge(stacked, wanted, weight, max(12.0, 60 * (1 - iteration / 15)))
        points = mean + np.tensordot(c, basis, 1)
        near = good & (face_weight > 0.5)
        r, t = procrustes(hit[near], points[outer][near])
        target = target @ r + t
        if iteration % 6 == 5:
            print(
                "  iteration",
                iteration,
                "face residual mm %.2f" % np.abs(distance[near]).mean(),
                "used",
                int(good.sum()),
                "coefficient rms %.2f" % np.sqrt((c**2).mean()),
                "landmarks mm brows %.1f nose %.1f eyes %.1f mouth %.1f"
                % tuple(
                    np.linalg.norm(landmarks(points)[part] - target[face.landmarks[part]], axis=1).mean()
                    for part in (slice(17, 27), slice(27, 36), slice(36, 48), slice(48, 68))
                ),
            )
    rows, weights, distance = closest_on_triangles(points[outer], target, face.triangles, 12)
    target_normals = vertex_normals(target, face.triangles)
    facing = (target_normals[face.triangles[rows]].mean(1) * vertex_normals(points, skin)[outer]).sum(1)
    confidence = np.where((distance < 8) & (facing > 0.6), face_weight, 0)
    np.savez(
        sources.WORK / "registration.npz",
        outer=outer,
        rows=rows,
        weights=weights,
        confidence=confidence,
        registered=points,
        target=target,
        coefficients=c,
    )


if __name__ == "__main__":
    main()
