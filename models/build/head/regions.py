"""Region label and deformation weight of every subdivided vertex. Writes regions.npz."""

import numpy as np
import scipy.sparse as sp

import sources
from geometry import load_cage
from model import Head

NAMES = ["other", "nose", "mouth", "forehead", "cheeks", "eyes", "ears", "neck", "scalp", "chin"]
EAR_TARGETS = ("ears/l-ear-wing-incr", "ears/r-ear-wing-incr")
EAR_SHARE = 0.12


def ear_mask(cage, operator):
    targets = sources.read_shape_targets(cage.binding.shape[1])
    moved = sum(np.linalg.norm(operator @ cage.carry(targets[name]), axis=1) for name in EAR_TARGETS)
    return moved > EAR_SHARE * moved.max()


def diffuse(values, triangles, steps):
    """Uniform averaging with neighbours, repeated."""
    count = len(values)
    i = triangles[:, [0, 1, 2]].ravel()
    j = triangles[:, [1, 2, 0]].ravel()
    adjacency = sp.csr_matrix((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), (count, count))
    adjacency.data[:] = 1
    degree = np.maximum(np.asarray(adjacency.sum(1)).ravel(), 1)
    for _ in range(steps):
        values = 0.5 * values + 0.5 * (adjacency @ values) / degree
    return values


def label(points, landmarks, cage, ears):
    """Region names by position relative to the network's landmarks on the mean head (frame: eyes at the origin)."""
    x, y, z = points.T
    side = np.abs(x)
    brow = landmarks[[105, 334], 1].mean()
    nasion, nose_base = landmarks[168, 1], landmarks[2, 1]
    mouth_half = abs(landmarks[61, 0] - landmarks[291, 0]) / 2
    lip_top, lip_bottom = landmarks[0, 1], landmarks[17, 1]
    chin = landmarks[152, 1]
    nose_half = abs(landmarks[129, 0] - landmarks[358, 0]) / 2 + 2
    eye_x = abs(landmarks[468, 0] - landmarks[473, 0]) / 2
    front = z > landmarks[[234, 454], 2].mean() - 4
    region = np.full(len(points), NAMES.index("scalp"))

    def put(mask, name):
        region[mask] = NAMES.index(name)

    jaw = chin - 5 + 0.42 * np.maximum(landmarks[152, 2] - z, 0)
    put(y < jaw, "neck")
    put(front & (y <= brow + 2) & (y > jaw), "cheeks")
    put(front & (y > brow + 2) & (y < brow + 48) & (z > landmarks[[21, 251], 2].mean() - 6), "forehead")
    put(front & (side < mouth_half * 1.25) & (y < lip_bottom) & (y > jaw), "chin")
    t = np.clip((nasion - y) / (nasion - nose_base), 0, 1)
    put(front & (y <= nasion) & (y > nose_base - 2) & (side < 7 + (nose_half - 7) * t) & (z > 0), "nose")
    put(front & (side < mouth_half + 4) & (y < min(lip_top + 4, nose_base - 1)) & (y > lip_bottom - 4), "mouth")
    put(front & ((side - eye_x) ** 2 / 22**2 + y**2 / 14**2 < 1), "eyes")
    put(ears, "ears")
    for part, name in (
        ("leftEye", "eyes"),
        ("rightEye", "eyes"),
        ("upperTeeth", "mouth"),
        ("lowerTeeth", "mouth"),
        ("tongue", "mouth"),
    ):
        region[cage.part_vertices2(part)] = NAMES.index(name)
    return region


def main():
    identity = "calibrated.npz" if (sources.WORK / "calibrated.npz").exists() else "identity.npz"
    head = Head(identity)
    cage = load_cage()
    centre = cage.eye_midpoint(head.mean_cage)
    points = head.shape() - centre
    landmarks = np.load(sources.WORK / "lifted.npz")["points"] - centre
    outer = np.load(sources.WORK / "outer.npy")
    region = label(points, landmarks, cage, ear_mask(cage, head.operator))
    skin = np.zeros(len(points), bool)
    skin[cage.part_vertices2("skin")] = True
    pocket = skin & ~outer
    region[pocket & (points[:, 2] < landmarks[2, 2]) & (points[:, 1] < landmarks[2, 1] - 6) & (points[:, 2] > 0)] = (
        NAMES.index("mouth")
    )
    face = outer & np.isin(region, [NAMES.index(n) for n in ("nose", "mouth", "forehead", "cheeks", "eyes", "chin")])
    weight = diffuse(face.astype(float), cage.triangles[cage.triangle_part == 0], 12)
    weight = np.where(face | outer, weight, 0) * skin
    weight = np.clip((weight - 0.05) / 0.75, 0, 1)
    weight[pocket] = 0
    weight = (weight + weight[cage.mirror2]) / 2
    region = np.where(points[:, 0] >= 0, region, region[cage.mirror2])
    np.savez(sources.WORK / "regions.npz", region=region.astype(np.uint8), deformable=weight)
    print("pocket vertices", int(pocket.sum()), {n: int((region == k).sum()) for k, n in enumerate(NAMES)})


if __name__ == "__main__":
    main()
