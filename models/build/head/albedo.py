"""Per-vertex albedo at the subdivided resolution: mean and principal components over the skins.

Writes albedo.npz: mean [V2,3], components [K,V2,3], sRGB 0..1.
"""
import numpy as np

import eyeball
import sources
from geometry import load_cage, load_operators
from subdivision import face_corners

COMPONENTS = 12
TEETH = np.array([0.86, 0.82, 0.74])
TONGUE = np.array([0.66, 0.36, 0.36])
MOUTH = np.array([0.33, 0.12, 0.11])
SCLERA = np.array([0.86, 0.84, 0.82])
IRIS = np.array([0.36, 0.26, 0.18])
PUPIL = np.array([0.03, 0.03, 0.03])


def bilinear(image, uv):
    height, width = image.shape[:2]
    x = np.clip(uv[:, 0] * width - 0.5, 0, width - 1.001)
    y = np.clip((1 - uv[:, 1]) * height - 0.5, 0, height - 1.001)
    x0, y0 = x.astype(int), y.astype(int)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    top = image[y0, x0] * (1 - fx) + image[y0, x0 + 1] * fx
    bottom = image[y0 + 1, x0] * (1 - fx) + image[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + bottom * fy


def source_uvs(cage):
    """Source-texture UV of every subdivided skin vertex, each from a single face so that seams are not crossed."""
    count = len(cage.rest)
    edge_ids = {(int(a), int(b)): count + i for i, (a, b) in enumerate(cage.arrays["edges"])}
    out = np.full((len(cage.mirror2), 2), np.nan)
    first_face_point = count + len(edge_ids)
    for index, (face, uv) in enumerate(zip(cage.faces, cage.arrays["face_uv"])):
        if cage.face_part[index] != 0:
            continue
        ring = face_corners(face)
        out[first_face_point + index] = uv.mean(0)
        for k, a in enumerate(ring):
            b = ring[(k + 1) % len(ring)]
            out[a] = uv[k]
            out[edge_ids[min(a, b), max(a, b)]] = (uv[k] + uv[(k + 1) % len(ring)]) / 2
    return out


def iris_colours(radius_mm):
    """Eye albedo by distance from the optical axis (mm): pupil, iris with a limbus ring, sclera."""
    r = radius_mm[:, None]
    iris_r, pupil_r = eyeball.IRIS_RADIUS_MM, eyeball.PUPIL_RADIUS_MM
    colour = np.where(r < pupil_r * 1.08, PUPIL, IRIS * (0.75 + 0.45 * np.clip((iris_r - r) / (iris_r - pupil_r), 0, 1)))
    colour = np.where(r > iris_r * 0.88, IRIS * 0.45, colour)
    blend = np.clip((r - iris_r * 0.985) / 0.35, 0, 1)
    return colour * (1 - blend) + SCLERA * blend


def main():
    cage = load_cage()
    _, operator = load_operators()
    _, skins = sources.read_skins()
    uv = source_uvs(cage)
    skin = cage.part_vertices2("skin")
    samples = np.stack([bilinear(image, uv[skin]) for image in skins])
    mirrored = np.full(len(uv), -1)
    mirrored[skin] = np.arange(len(skin))
    samples = (samples + samples[:, mirrored[cage.mirror2[skin]]]) / 2
    mean = samples.mean(0)
    u, s, vt = np.linalg.svd((samples - mean).reshape(len(samples), -1), full_matrices=False)
    components = (vt[:COMPONENTS] * (s[:COMPONENTS, None] / np.sqrt(len(samples) - 1))).reshape(COMPONENTS, -1, 3)
    full_mean = np.zeros((len(uv), 3))
    full = np.zeros((COMPONENTS, len(uv), 3))
    full_mean[skin], full[:, skin] = mean, components
    for part, colour in (("upperTeeth", TEETH), ("lowerTeeth", TEETH), ("tongue", TONGUE)):
        full_mean[cage.part_vertices2(part)] = colour
    rest = operator @ cage.rest
    for part in ("leftEye", "rightEye"):
        _, _, centre, _ = cage.eye(part)
        vertices = cage.part_vertices2(part)
        around = rest[vertices] - centre
        radius = np.where(around[:, 2] > 0, np.hypot(around[:, 0], around[:, 1]), 99)
        full_mean[vertices] = iris_colours(radius)
    np.savez(sources.WORK / "albedo.npz", mean=full_mean, components=full)
    print("albedo components", COMPONENTS, "explained", (s**2 / (s**2).sum())[:COMPONENTS].cumsum().round(3).tolist())


if __name__ == "__main__":
    main()
