"""The head model of models/head.safetensors as tensors, subdivided, and what its vertices are."""

import sys
from pathlib import Path

import numpy as np
import torch

TRAIN = Path(__file__).resolve().parent.parent
sys.path.append(str(TRAIN))
sys.path.append(str(TRAIN.parent / "build" / "head"))

from data import MODELS, read_safetensors  # noqa: E402
from subdivision import catmull_clark, quad_triangles  # noqa: E402

REGIONS = ("other", "nose", "mouth", "forehead", "cheeks", "eyes", "ears", "neck", "scalp", "chin")
PARTS = ("skin", "leftEye", "rightEye", "upperTeeth", "lowerTeeth", "tongue")
MESH_POINTS = 468


def expression_names():
    import json

    raw = (MODELS / "head.safetensors").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + size])["__metadata__"]["expressions"].split(" ")


class Head:
    def __init__(self, device):
        tensors = read_safetensors(MODELS / "head.safetensors")
        cage = len(tensors["mean"])
        operator, quads, _ = catmull_clark(cage, tensors["faces"])
        to = lambda x: torch.tensor(np.ascontiguousarray(x), device=device)
        subdivide = lambda basis: np.stack([operator @ b.astype(np.float64) for b in basis]).astype(np.float32)
        self.mean = to((operator @ tensors["mean"].astype(np.float64)).astype(np.float32))
        self.vertices = len(self.mean)
        self.identity = to(subdivide(tensors["identity"])).reshape(120, -1)
        self.expression = to(subdivide(tensors["expression"])).reshape(52, -1)
        self.names = expression_names()
        triangles = quad_triangles(quads)
        self.triangles = to(triangles.astype(np.int32))
        corners = (tensors["faces"] != 0xFFFF).sum(1)
        self.triangle_part = to(np.repeat(tensors["faceParts"], 2 * corners).astype(np.int64))
        self.albedo_mean = to(tensors["albedoMean"].astype(np.float32))
        self.albedo = to(tensors["albedo"].astype(np.float32)).reshape(12, -1)
        self.regions = to(tensors["regions"].astype(np.int64))
        self.deformable = to(tensors["deformable"].astype(np.float32))
        self.dense = to(tensors["denseVertices"].astype(np.int64)), to(tensors["denseWeights"])
        self.ibug = to(tensors["ibug68Vertices"].astype(np.int64)), to(tensors["ibug68Weights"])
        self.part = torch.zeros(self.vertices, dtype=torch.long, device=device)
        for part in range(len(PARTS)):
            self.part[self.triangles[self.triangle_part == part].long().flatten()] = part
        self.skin = self.part == 0
        self.outward = self.normals(self.mean[None])[0]
        x, y, z = self.mean.T
        self.front = self.skin & (z > -30)
        self.lips = self._lips()
        self.brows = [self.points68(self.mean[None])[0, i] for i in ([21, 20, 19, 18, 17], [22, 23, 24, 25, 26])]
        is_mouth = self.regions == REGIONS.index("mouth")
        # Behind the lips: what the deformation map leaves alone there.
        self.inside = self.skin & is_mouth & (self.deformable < 0.3) & (self.lips < 0.5)

    def region(self, name):
        return self.regions == REGIONS.index(name)

    def points68(self, positions):
        vertices, weights = self.ibug
        return (positions[:, vertices] * weights[None, :, :, None]).sum(2)

    def mesh_points(self, positions):
        """The 468 points whose bounding square frames a face."""
        vertices, weights = self.dense
        return (positions[:, vertices[:MESH_POINTS]] * weights[None, :MESH_POINTS, :, None]).sum(2)

    def normals(self, positions):
        """[n][v][3], outwards in the head frame."""
        return vertex_normals(positions, self.triangles)

    def _lips(self):
        """1 on the red of the lips, 0 around them."""
        outline = self.points68(self.mean[None])[0, 48:60, :2]
        p = self.mean[:, :2]
        closed = torch.cat([outline, outline[:1]])
        distance = distance_to(closed, p)
        inside = torch.zeros(len(p), dtype=torch.bool, device=p.device)
        for a, b in zip(closed[:-1], closed[1:]):
            crosses = (a[1] > p[:, 1]) != (b[1] > p[:, 1])
            inside ^= crosses & (p[:, 0] < (b[0] - a[0]) * (p[:, 1] - a[1]) / (b[1] - a[1] + 1e-9) + a[0])
        signed = torch.where(inside, distance, -distance)
        t = ((signed + 1) / 2).clamp(0, 1)
        return t * t * (3 - 2 * t) * (self.front & self.region("mouth") & (self.deformable > 0.3)).float()


def vertex_normals(positions, triangles):
    p = positions
    index = triangles.long()
    a, b, c = (p[:, index[:, k]] for k in range(3))
    face = torch.linalg.cross(b - a, c - a)
    normals = torch.zeros_like(p)
    for k in range(3):
        normals.index_add_(1, index[:, k], face)
    return normals / normals.norm(dim=-1, keepdim=True).clamp(min=1e-9)


def distance_to(line, points):
    """Of points [n][k] to a polyline [m][k]."""
    best = torch.full((len(points),), float("inf"), device=points.device)
    for a, b in zip(line[:-1], line[1:]):
        u = b - a
        t = ((points - a) @ u / (u @ u).clamp(min=1e-9)).clamp(0, 1)
        best = torch.minimum(best, (points - a - t[:, None] * u).norm(dim=1))
    return best
