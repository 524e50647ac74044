"""The cage as built by cage.py, and the small geometry every build step shares."""

import numpy as np
import scipy.sparse as sp

from cage import EYE_GROUPS, PARTS
from sources import WORK


class Cage:
    """Arrays of cage.npz with the linear map that carries full-body offsets to the cage."""

    def __init__(self, arrays, binding):
        self.arrays = arrays
        self.rest = arrays["rest"]
        self.faces = arrays["faces"]
        self.face_part = arrays["face_part"]
        self.mirror = arrays["mirror"]
        self.mirror2 = arrays["mirror2"]
        self.triangles = arrays["triangles"]
        self.triangle_part = arrays["triangle_part"]
        self.quads = arrays["quads"]
        self.binding = binding

    def part_vertices(self, part):
        """Cage vertices of a part."""
        vertices = np.unique(self.faces[self.face_part == PARTS.index(part)])
        return vertices[vertices < len(self.rest)]

    def part_vertices2(self, part):
        """Subdivided vertices of a part."""
        return np.unique(self.triangles[self.triangle_part == PARTS.index(part)])

    def eye(self, part):
        """(first cage vertex, count, centre, radius) of an eyeball at rest."""
        a = self.arrays
        return int(a[f"{part}_first"]), int(a[f"{part}_count"]), a[f"{part}_centre"], float(a[f"{part}_radius"])

    def carry(self, offsets):
        """Cage offsets [V,3] for full-body offsets: eyeballs move and grow as spheres, the rest as bound."""
        out = self.binding @ offsets
        base = self.arrays["base_vertices"]
        for part in EYE_GROUPS:
            first, count, centre, radius = self.eye(part)
            helper = self.arrays[f"{part}_helper"]
            shift = offsets[helper].mean(0)
            outward = base[helper] - centre
            growth = ((offsets[helper] - shift) * outward).sum() / (outward**2).sum()
            out[first : first + count] = shift + growth * radius * self.arrays[f"{part}_directions"]
        return out

    def symmetrise(self, points):
        """Mean of cage points and their mirror image."""
        return (points + points[self.mirror] * [-1, 1, 1]) / 2

    def eye_midpoint(self, points):
        """Point midway between the eyeball centres of a cage shape."""
        balls = [points[first : first + count] for first, count, _, _ in (self.eye(part) for part in EYE_GROUPS)]
        return np.mean([(ball.max(0) + ball.min(0)) / 2 for ball in balls], 0)


def load_cage():
    return Cage(dict(np.load(WORK / "cage.npz")), sp.load_npz(WORK / "binding.npz"))


def load_operators():
    return sp.load_npz(WORK / "binding.npz"), sp.load_npz(WORK / "subdivision.npz")


def vertex_normals(points, triangles):
    """Area-weighted unit normals [V,3]."""
    normal = np.cross(
        points[triangles[:, 1]] - points[triangles[:, 0]], points[triangles[:, 2]] - points[triangles[:, 0]]
    )
    out = np.stack([np.bincount(triangles.ravel(), np.repeat(normal[:, k], 3), len(points)) for k in range(3)], 1)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


def cage_triangles(cage, part=None):
    faces = cage.faces if part is None else cage.faces[cage.face_part == PARTS.index(part)]
    faces = faces.astype(int)
    return np.concatenate([faces[:, :3], faces[faces[:, 3] < len(cage.rest)][:, [0, 2, 3]]])


def visible_face_mask(points, cage):
    """Cage skin vertices on the face: forwards facing, outermost, between hairline and throat."""
    from render import rasterize

    triangles = cage_triangles(cage, "skin")
    normal = vertex_normals(points, triangles)
    eye = cage.eye_midpoint(points)
    screen = np.stack([points[:, 0] * 2 + 300, 500 - (points[:, 1] - eye[1]) * 2, -points[:, 2]], 1)
    ids, _, _ = rasterize(screen, triangles, 600, 1000)
    visible = np.zeros(len(points), bool)
    visible[triangles[ids[ids >= 0]]] = True
    y = points[:, 1] - eye[1]
    return (
        visible
        & (normal[:, 2] > 0.15)
        & (points[:, 2] > eye[2] - 35)
        & (y < 55)
        & (y > -118)
        & (np.abs(points[:, 0]) < 68)
    )


def rigid_align(shapes, reference, mask):
    """Moves each shape [N,V,3] rigidly (no scale) onto the reference over the masked vertices."""
    centre = reference[mask].mean(0)
    target = (reference[mask] - centre).astype(np.float32)
    means = shapes[:, mask].mean(1, keepdims=True)
    u, _, vt = np.linalg.svd(np.einsum("nij,ik->njk", shapes[:, mask] - means, target))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return np.einsum("nij,njk->nik", shapes - means, u @ vt) + centre.astype(np.float32)


def procrustes(source, target):
    """Rotation r and shift t with source @ r + t closest to target."""
    a, b = source.mean(0), target.mean(0)
    u, _, vt = np.linalg.svd((source - a).T @ (target - b))
    u[:, 2] *= np.sign(np.linalg.det(u @ vt))
    r = u @ vt
    return r, b - a @ r
