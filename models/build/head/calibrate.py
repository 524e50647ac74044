"""Folds the statistics of scan-derived faces into the model: their mean becomes the mean head, their covariance
(widened by the sampled heads' own) becomes an identity basis whose coefficients are N(0, I).

Writes calibrated.npz in the format of identity.npz.
"""

import numpy as np

import scans
import sources
from expression import NAMES
from geometry import load_cage, load_operators, procrustes
from lips import OVERLAP_MM, LipSeal
from surface import closest_on_triangles

COMPONENTS = 120
RIDGE = 12.0
# Shares of the final covariance: scan statistics, sampled heads, Gaussian processes.
SCAN_SHARE, SAMPLED_SHARE, PROCESS_SHARE = 0.92, 0.16, 0.02
OUTSIDE_FACE_WEIGHT = 0.2


def rigid_design(points):
    """Derivatives of points under rotation and translation [6, N, 3]."""
    centred = points - points.mean(0)
    axes = np.eye(3)
    return np.stack(
        [np.cross(np.broadcast_to(a, centred.shape), centred) for a in axes]
        + [np.broadcast_to(a, centred.shape) for a in axes]
    )


def scan_coefficients(basis, registration, face):
    """Coefficients [100, K] of every identity mode of the scans, rigid motion removed, and the residual [100, N, 3]."""
    rows, weights = registration["rows"], registration["weights"]
    r, _ = procrustes(face.neutral, registration["target"])
    modes = (face.modes[:, face.triangles[rows]] * weights[None, :, :, None]).sum(2) @ r
    confidence = np.repeat(registration["confidence"], 3)
    outer = registration["outer"]
    design = np.concatenate([basis[:, outer], rigid_design(registration["registered"][outer])]).reshape(
        len(basis) + 6, -1
    )
    weighted = design * confidence
    penalty = np.diag(np.r_[np.full(len(basis), RIDGE), np.full(6, 1e-9)])
    solution = np.linalg.solve(weighted @ design.T + penalty, weighted @ modes.reshape(len(modes), -1).T)
    residual = modes.reshape(len(modes), -1) - solution.T @ design
    return solution[: len(basis)].T, residual.reshape(len(modes), -1, 3)


def principal_directions(components, covariance, weight, mean, mask):
    """Directions of N(0, covariance) in vertex space by weighted variance: [COMPONENTS, V, 3] and the variance shares."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    shapes = without_rigid_motion(np.tensordot(root.T, components, 1), mean, mask)
    flat = (shapes * np.sqrt(weight)[None, :, None]).reshape(len(shapes), -1)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    order = np.argsort(values)[::-1]
    shares = np.cumsum(values[order]) / values.sum()
    directions = np.tensordot(vectors[:, order[:COMPONENTS]].T, shapes, 1)
    return directions * np.where(directions.sum((1, 2)) < 0, -1, 1)[:, None, None], shares


def posed_error(points, cage, heads):
    """Mean distance (mm) of scan-derived faces [N,3] to the head after moving and scaling it onto each of them."""
    skin = cage.triangles[cage.triangle_part == 0]
    errors = []
    for head in heads:
        target, posed = head, points
        for _ in range(15):
            rows, weights, _ = closest_on_triangles(target, posed, skin, 8)
            hit = (posed[skin[rows]] * weights[:, :, None]).sum(1)
            a, b = hit.mean(0), target.mean(0)
            u, s, vt = np.linalg.svd((hit - a).T @ (target - b))
            sign = [1, 1, np.sign(np.linalg.det(u @ vt))]
            posed = (posed - a) @ (u * sign @ vt) * ((s * sign).sum() / ((hit - a) ** 2).sum()) + b
        errors.append(closest_on_triangles(target, posed, skin, 8)[2].mean())
    return float(np.mean(errors))


def without_rigid_motion(shapes, points, mask):
    """Offsets [K,V,3] minus the small rigid motion of each that best explains it over the masked vertices."""
    design = rigid_design(points[mask]).reshape(6, -1)
    motion = np.linalg.solve(design @ design.T, design @ shapes[:, mask].reshape(len(shapes), -1).T)
    axes = np.concatenate(
        [np.cross(np.broadcast_to(a, points.shape), points - points[mask].mean(0))[None] for a in np.eye(3)]
        + [np.broadcast_to(a, points.shape)[None] for a in np.eye(3)]
    )
    return shapes - np.tensordot(motion.T, axes, 1)


def seal_lips(mean, directions, cage, operator):
    jaw_open = np.load(sources.WORK / "expression.npz")["shapes"][NAMES.index("jawOpen")]
    outer = np.load(sources.WORK / "outer.npy")
    for _ in range(5):
        seal = LipSeal(mean, cage, operator, jaw_open, outer)
        before = seal.gap(mean)
        mean = cage.symmetrise(seal.apply(mean, OVERLAP_MM))
        print(
            "lips: gap mm mean %.2f max %.2f, closed to max %.2f" % (before.mean(), before.max(), seal.gap(mean).max())
        )
    for _ in range(3):
        directions = np.stack([seal.apply(d) for d in directions])
    return mean, directions


def main():
    cage = load_cage()
    _, operator = load_operators()
    modes = np.load(sources.WORK / "modes.npz")
    components = modes["components"].astype(float)
    face = scans.ScanFaces()
    registration = np.load(sources.WORK / "registration.npz")
    basis = np.stack([operator @ m for m in components])
    coefficients, residual = scan_coefficients(basis, registration, face)
    strong = registration["confidence"] > 0.9
    rng = np.random.default_rng(100)
    random = rng.normal(size=(140, len(coefficients)))
    fitted = np.linalg.norm(np.tensordot(random, residual[:, strong], 1), axis=2)
    shift = registration["coefficients"]
    sampled = int(modes["sampled"])
    scan_covariance = coefficients.T @ coefficients
    own = np.r_[np.full(sampled, SAMPLED_SHARE), np.full(len(components) - sampled, PROCESS_SHARE)]
    covariance = SCAN_SHARE * scan_covariance + np.diag(own)
    mean = cage.symmetrise(modes["mean"] + np.tensordot(shift, components, 1))
    weight = np.where(modes["face"], 1.0, OUTSIDE_FACE_WEIGHT)
    directions, shares = principal_directions(components, covariance, weight, mean, modes["face"])
    spread = np.sqrt((directions**2).sum((0, 2)))[modes["face"]].mean()
    print(
        "fit of 140 random scan faces: residual mm mean %.2f p95 %.2f" % (fitted.mean(), np.percentile(fitted, 95)),
        "| mean shift rms %.2f sd" % np.sqrt((shift**2).mean()),
        "| spread on the face: scans %.2f, model %.2f mm"
        % (
            np.sqrt(
                (without_rigid_motion(np.tensordot(coefficients, components, 1), mean, modes["face"]) ** 2).sum((0, 2))
            )[modes["face"]].mean(),
            spread,
        ),
        "| %d directions keep %.3f" % (COMPONENTS, shares[COMPONENTS - 1]),
    )
    r, t = procrustes(face.neutral, registration["target"])
    # Nostrils and the inside of the lips are no face surface: there the registered neutral is far away.
    depth = closest_on_triangles(
        face.neutral[: scans.FACE_VERTICES] @ r + t, registration["registered"], cage.triangles[cage.triangle_part == 0]
    )[2]
    seen = np.where(depth < 2)[0][::3]
    heads = [face.head(rng.normal(size=100))[seen] @ r + t for _ in range(12)]
    for name, cage_mean in (("sampled mean", modes["mean"]), ("calibrated mean", mean)):
        print("posed %s on scan-derived faces: %.2f mm" % (name, posed_error(operator @ cage_mean, cage, heads)))
    mean, directions = seal_lips(mean, directions, cage, operator)
    np.savez(sources.WORK / "calibrated.npz", mean=mean, components=directions.astype(np.float32), face=modes["face"])


if __name__ == "__main__":
    main()
