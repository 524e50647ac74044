"""Per-vertex albedo at the subdivided resolution: mean and principal components over the skins.

Writes albedo.npz: mean [V2,3], components [K,V2,3], sRGB 0..1.
"""

import numpy as np

import paint
import sources
from geometry import load_cage, load_operators
from subdivision import face_corners

SKIN_COMPONENTS = 10
BROW_SPREAD = 0.2
# Half the skins are dark, half light: as wide a normal distribution of tones would go beyond white.
TONE_SHARE = 0.78


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


def main():
    cage = load_cage()
    _, operator = load_operators()
    _, skins = sources.read_skins()
    uv = source_uvs(cage)
    points = operator @ np.load(sources.WORK / "identity.npz")["mean"]
    shapes = np.load(sources.WORK / "expression.npz")["shapes"]
    painter = paint.Painter(
        points, cage, operator, np.load(sources.WORK / "outer.npy"), paint.jaw_offset(shapes, operator)
    )
    skin = cage.part_vertices2("skin")
    samples = np.zeros((len(skins), len(uv), 3))
    samples[:, skin] = np.stack([bilinear(image, uv[skin]) for image in skins])
    samples = (samples + samples[:, cage.mirror2]) / 2
    for mask, tint in ((painter.inside_mouth(), paint.MOUTH), (painter.sockets(), paint.SOCKET)):
        samples = paint.towards(samples, tint, mask)
    samples *= (1 - paint.NOSTRIL_DARKENING * 1.8 * painter.nostrils())[:, None].clip(0.3, 1)
    bare = samples[:, skin].mean(0)
    _, s, vt = np.linalg.svd((samples[:, skin] - bare).reshape(len(samples), -1), full_matrices=False)
    count = SKIN_COMPONENTS
    mean = np.zeros((len(uv), 3))
    components = np.zeros((count + 2, len(uv), 3))
    components[:count, skin] = (vt[:count] * (s[:count, None] / np.sqrt(len(samples) - 1))).reshape(count, -1, 3)
    mean[skin] = bare
    components[0] *= TONE_SHARE
    brow = painter.brow()
    tint = paint.BROW_TINT * (mean / mean[skin].mean(0)).clip(0.6, 1.2)
    # One component each for how dark the brows and how light the irises are.
    components[count] = BROW_SPREAD * brow[:, None] * (tint - mean)
    # Brows vary less with skin tone than the skin around them.
    components[:count] *= (1 - 0.5 * paint.BROW_STRENGTH * brow)[None, :, None]
    mean = paint.towards(mean, tint, paint.BROW_STRENGTH * brow)
    lashes = painter.lashes()
    mean = paint.towards(mean, paint.LASH_TINT, lashes)
    components[:count] *= (1 - lashes)[None, :, None]
    mean[cage.part_vertices2("tongue")] = paint.TONGUE
    for part in ("upperTeeth", "lowerTeeth"):
        colour = np.zeros((len(cage.rest), 3))
        first, values = int(cage.arrays[f"{part}_first"]), cage.arrays[f"{part}_colour"]
        colour[first : first + len(values)] = values
        vertices = cage.part_vertices2(part)
        mean[vertices] = (operator @ colour)[vertices]
    for part in ("leftEye", "rightEye"):
        vertices, colour = paint.eye_colours(points, cage, part, paint.IRIS)
        mean[vertices] = colour
        components[count + 1, vertices] = (
            paint.eye_colours(points, cage, part, paint.IRIS + paint.IRIS_LIGHTNESS)[1] - colour
        )
    np.savez(sources.WORK / "albedo.npz", mean=mean, components=components)
    print("albedo components", len(components), "of the skins' variance", (s**2 / (s**2).sum())[:count].sum().round(4))


if __name__ == "__main__":
    main()
