"""Keeps lips and the lining of the mouth apart from teeth and gums, in every expression of the mouth and in those that
occur together: moves the rims of the gums, which nobody sees, in the expression that brings them too close, by as much as is
missing, on the mean head and on heads of chance alike; then the skin by the rest, but hardly: cheeks and chins of real
heads are thinner than the model's, and a lining that is pushed shows through them. For a file that mouth.py wrote, and may be run again:
clearance.py [FILE]

Lengths in mm in the head frame (x to the subject's left, y up, z out of the face)."""

import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

from mouth import NO_VERTEX, PARTS, vertex_normals
from subdivision import catmull_clark, quad_triangles
from tensor_file import MODELS, read_safetensors, save_model

ROW = 29  # cage points in a row of teeth, as mouth.py lays them
CLEAR_MM = 0.25  # between skin and teeth
SLACK_MM = 0.02
# Closest points further apart along the surface than this lie beyond its rim.
BESIDE_MM = 0.45
NEAR_MM = 4.0
# Rounds in all, and from which on skin moves too; it does by so much at most in an expression.
ROUNDS, GUM_ROUNDS = 16, 8
SKIN_MM = 0.8
# A lip that rolls in lies in the teeth by more, and nothing shows of its inner side.
MORE_SKIN_MM = {"mouthRollUpper": 3.0, "mouthClose": 1.5, "tongueOut": 1.5}
# How far each row of a jaw's points gives way: its outer rim, the margin of the gum, teeth, its inner side and rim.
GIVES = (1.0, 0.3, 0.0, 0.0, 0.0, 0.4, 1.0)
STEP = 0.8
SEEDS = range(101, 105)
MOUTH = ("jaw", "mouth", "tongue", "cheek")

# What occurs together, and the expressions that give way.
TOGETHER = (
    ({"jawOpen": 1, "mouthClose": 1}, ("mouthClose",)),
    ({"jawOpen": 0.5, "mouthClose": 0.5}, ("mouthClose",)),
    ({"mouthSmileLeft": 1, "mouthSmileRight": 1}, ("mouthSmileLeft", "mouthSmileRight")),
    ({"mouthPucker": 1, "jawOpen": 0.4}, ("mouthPucker",)),
    (
        {"mouthUpperUpLeft": 1, "mouthUpperUpRight": 1, "mouthLowerDownLeft": 1, "mouthLowerDownRight": 1},
        ("mouthLowerDownLeft", "mouthLowerDownRight"),
    ),
    ({"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "jawOpen": 0.5}, ("jawOpen",)),
    ({"tongueOut": 1, "jawOpen": 0.5}, ("tongueOut",)),
    ({"tongueOut": 1, "jawOpen": 1}, ("tongueOut",)),
    ({"tongueOut": 0.5}, ("tongueOut",)),
)


class Skin:
    """The head's skin around the mouth, as points that are combinations of the cage's."""

    def __init__(self, tensors, metadata):
        self.names = metadata["expressions"].split()
        self.mean, self.identity, self.expression = (
            tensors[name].astype(np.float64) for name in ("mean", "identity", "expression")
        )
        self.mirror = tensors["cageMirror"].astype(np.int64)
        faces = tensors["faces"].astype(np.int64)
        self.operator, quads, _ = catmull_clark(len(self.mean), faces)
        self.triangles = quad_triangles(quads)
        corners = (faces != NO_VERTEX).sum(1)
        part = np.repeat(tensors["faceParts"], 2 * corners)
        face = np.repeat(np.arange(len(faces)), 2 * corners)
        fine = self.operator @ self.mean
        middle = fine[self.triangles].mean(1)
        near = (np.abs(middle[:, 0]) < 42) & (np.abs(middle[:, 1] + 80) < 45) & (middle[:, 2] > -45)
        self.skin = self.triangles[(part == 0) & near]
        self.teeth, self.sides, self.gives = {}, {}, np.zeros(len(self.mean))
        self.pushed = np.zeros_like(self.expression)
        for index in (PARTS.index("upperTeeth"), PARTS.index("lowerTeeth")):
            own = np.flatnonzero(part == index)
            first = faces[tensors["faceParts"] == index]
            first = first[first != NO_VERTEX].min()
            row = ((faces[face[own]] - first) // ROW).min(1)
            # Skin lies before the outer gums and crowns, beyond their edges, and below the floor of the lower ones.
            side = np.where(row <= 3, 1, np.where((row >= 5) & (PARTS[index] == "lowerTeeth"), -1, 0))
            self.teeth[index], self.sides[index] = self.triangles[own], side
            self.gives[first : first + ROW * len(GIVES)] = np.repeat(GIVES, ROW)
        self.samples = self._samples(self.skin)

    def _samples(self, triangles):
        """Corners, middles of edges and of triangles, over the cage's points [samples, cage]."""
        vertices = np.unique(triangles)
        edges = np.unique(np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1), axis=0)
        groups = [vertices[:, None], edges, triangles]
        start = np.cumsum([0] + [len(group) for group in groups])
        blocks = [
            (np.repeat(np.arange(len(g)), g.shape[1]) + at, g.ravel(), np.full(g.size, 1 / g.shape[1]))
            for g, at in zip(groups, start)
        ]
        rows, columns, values = (np.concatenate(part) for part in zip(*blocks))
        fine = sp.csr_matrix((values, (rows, columns)), (start[-1], self.operator.shape[0]))
        return fine, (fine @ self.operator).tocsr()

    def cage(self, weights, identity):
        points = self.mean + np.tensordot(identity, self.identity, 1)
        for name, weight in weights.items():
            points = points + weight * self.expression[self.names.index(name)]
        return points


INSIDE = np.array([(i / 5, j / 5, 1 - (i + j) / 5) for i in range(6) for j in range(6 - i)])


def spread(points, triangles):
    """Points all over triangles [T * n, 3], and the normals there."""
    corners = points[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return np.einsum("bk,tkc->tbc", INSIDE, corners).reshape(-1, 3), np.repeat(normals, len(INSIDE), 0)


def lacking(samples, facing, surface, normals, sides):
    """How far [samples, 3] points must move to lie clear on their side of a surface that they face, 0 where they do or are
    far; and which of the surface's points are nearest to those that must."""
    out = np.zeros_like(samples)
    distance, nearest = cKDTree(surface).query(samples, distance_upper_bound=NEAR_MM)
    rows = np.flatnonzero(np.isfinite(distance))
    nearest = nearest[rows]
    offset = samples[rows] - surface[nearest]
    along = (offset * normals[nearest]).sum(1)
    beside = np.linalg.norm(offset - along[:, None] * normals[nearest], axis=1)
    side = sides[nearest]
    depth = CLEAR_MM - along * side
    faces = (facing[rows] * normals[nearest]).sum(1) * side < -0.2 * np.linalg.norm(facing[rows], axis=1)
    bad = faces & (depth > SLACK_MM) & (beside < BESIDE_MM)
    out[rows[bad]] = (depth * side)[bad, None] * normals[nearest[bad]]
    return out, nearest[bad], rows[bad]


def carried(samples, move):
    """Motion [cage, 3] of the cage's points that moves samples so: the mean of those that ask each of them to."""
    asks = np.abs(move).sum(1) > 0
    weights = samples[asks]
    total = weights.T @ np.ones(asks.sum())
    return np.where(total[:, None] > 0.05, weights.T @ move[asks] / np.maximum(total, 1e-6)[:, None], 0)


def gums_of(skin, triangles, nearest, move):
    """Motion [cage, 3] of the gums that answers what points of the skin lack, given the surface's points beside them."""
    corners = triangles[nearest // len(INSIDE)]
    rows = np.repeat(np.arange(len(nearest)), 3)
    shape = (len(nearest), skin.operator.shape[0])
    fine = sp.csr_matrix((INSIDE[nearest % len(INSIDE)].ravel(), (rows, corners.ravel())), shape)
    return -skin.gives[:, None] * carried((fine @ skin.operator).tocsr(), move)


def wanted(skin, weights, identity, gums):
    """Motion [cage, 3] that clears this face, and the deepest that anything lies where it may not, mm."""
    cage = skin.cage(weights, identity)
    fine = skin.operator @ cage
    facing = vertex_normals(fine, skin.skin)
    of_fine, of_cage = skin.samples
    samples = of_cage @ cage
    move, out = np.zeros_like(samples), np.zeros_like(cage)
    for part, triangles in skin.teeth.items():
        surface, normals = spread(fine, triangles)
        sides = np.repeat(skin.sides[part], len(INSIDE))
        lack, nearest, rows = lacking(samples, of_fine @ facing, surface, normals, sides)
        move += lack
        if gums and len(rows) > 0:
            out += gums_of(skin, triangles, nearest, lack[rows])
    deepest = np.linalg.norm(move, axis=1).max()
    return out if gums else carried(of_cage, move), deepest


def clear(skin):
    identities = [np.zeros(len(skin.identity))]
    identities += [np.clip(np.random.default_rng(seed).normal(size=len(skin.identity)), -2.5, 2.5) for seed in SEEDS]
    single = [({name: 1}, (name,)) for name in skin.names if name.startswith(MOUTH)]
    for step in range(ROUNDS):
        worst, count = {}, 0
        for weights, giving in [*single, *TOGETHER]:
            asked = []
            for identity in identities:
                motion, deepest = wanted(skin, weights, identity, step < GUM_ROUNDS)
                name = "+".join(weights)
                worst[name] = max(worst.get(name, 0), deepest)
                count += deepest > 0
                asked.append(motion)
            # Of what several heads ask for, the most.
            size = np.linalg.norm(asked, axis=2)
            motion = np.take_along_axis(np.array(asked), size.argmax(0)[None, :, None], 0)[0]
            share = sum(weights[name] ** 2 for name in giving)
            for name in giving:
                give(skin, skin.names.index(name), STEP * motion * weights[name] / share, step < GUM_ROUNDS)
        last = sorted(worst.items(), key=lambda item: -item[1])[:4]
        print(step, "not clear", count, ", ".join(f"{name} {depth:.2f}" for name, depth in last), flush=True)
        if count == 0:
            break
    balance(skin)


def balance(skin):
    """Makes expressions of both sides mirror images of each other again."""
    before = skin.expression.copy()
    for k, name in enumerate(skin.names):
        other = name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
        if name.startswith(MOUTH):
            mirrored = before[skin.names.index(other)][skin.mirror] * np.array([-1.0, 1.0, 1.0])
            skin.expression[k] = (before[k] + mirrored) / 2


def give(skin, k, motion, gums):
    if not gums:
        before = skin.pushed[k].copy()
        skin.pushed[k] += motion
        size = np.linalg.norm(skin.pushed[k], axis=1, keepdims=True)
        most = MORE_SKIN_MM.get(skin.names[k], SKIN_MM)
        skin.pushed[k] *= np.minimum(1, most / np.maximum(size, 1e-9))
        motion = skin.pushed[k] - before
    skin.expression[k] += motion


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else MODELS / "head.safetensors"
    tensors, metadata = read_safetensors(path)
    skin = Skin(tensors, metadata)
    clear(skin)
    tensors["expression"] = skin.expression.astype(np.float16)
    save_model(path, tensors, metadata)


if __name__ == "__main__":
    main()
