"""Lets the lips touch, which lay in each other at rest: what is hidden between them gives way to the surface half-way,
in the mean, in every identity component, so that other heads' lips hardly cross, and in the expressions, which part or
press them. For a file that clearance.py wrote: contact.py [FILE]

Lengths in mm in the head frame (x to the subject's left, y up, z out of the face); all motion is up or down."""

import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.optimize import nnls

from clearance import other_side
from mouth import INNER_LIPS, NO_VERTEX, vertex_normals
from subdivision import catmull_clark, quad_triangles
from tensor_file import MODELS, read_safetensors, save_model

# The network's points on the line where the lips meet, of the upper and of the lower lip, from the right.
UPPER_LINE, LOWER_LINE = INNER_LIPS[:11], INNER_LIPS[:10:-1]
# How far beyond the line to each side, above and below, behind and before it, the lips' inner sides reach.
ASIDE, ACROSS, BEHIND, BEFORE = 3.0, 4.0, 8.0, 3.0
# Between lips that touch; and how far apart points may be to be kept from crossing when others move.
APART_MM, NEAR_MM, COLUMN_MM = 0.06, 1.0, 6.0
# What lies so near half-way touches, and how dearly it parts.
TOUCHING_MM, STICKING = 0.15, 100.0
# How dearly what lies outside the other lip moves, the points of the line (in the mean, which fits look at, dearest),
# what lies beside what does not, and each point.
HOLD, HOLD_LINE, HOLD_MEAN, SMOOTH, OWN = 3.0, 30.0, 10000.0, 1.0, 0.1
# Both sides' expressions share what they need together, over this width about the middle.
SHARED_MM = 5.0
# Lips that rise or go down by themselves; the other one keeps its shape.
ONE_LIP = {"mouthUpperUp": "upper", "mouthLowerDown": "lower"}
GIVING = ("jaw", "mouth", "cheek", "nose")
# Heads of chance at rest, one after the other; each gives a part of what it lacks to the identity, and to the mean so
# much beside it.
SAMPLES, SEED = 300, 1
STEP, MEAN_SHARE = 0.8, 0.02
# Rounds over the mean head's expressions, alone at these weights and together.
ROUNDS, WEIGHTS = 2, (0.5, 1)
TOGETHER = (
    {"jawOpen": 1, "mouthClose": 1},
    {"jawOpen": 0.5, "mouthClose": 0.5},
    {"mouthPucker": 1, "jawOpen": 0.4},
    {"mouthSmileLeft": 1, "mouthSmileRight": 1},
)


def under(points, triangles, queries, highest):
    """What lies above or below `queries` (vertices), the highest or lowest of the triangles there: weights [queries,
    vertices], 0 where there is none."""
    a, b, c = (points[triangles[:, k]][:, [0, 2]] for k in range(3))
    ab, ac = b - a, c - a
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    area = np.where(np.abs(area) > 1e-9, area, np.inf)
    to = points[queries][:, None, [0, 2]] - a
    u = (to[..., 0] * ac[:, 1] - to[..., 1] * ac[:, 0]) / area
    v = (ab[:, 0] * to[..., 1] - ab[:, 1] * to[..., 0]) / area
    weights = np.stack([1 - u - v, u, v], 2)
    y = (weights * points[triangles, 1]).sum(2)
    near = np.abs(y - points[queries, 1][:, None]) < COLUMN_MM
    y = np.where(np.isfinite(area) & (weights.min(2) >= -1e-6) & near, y if highest else -y, -np.inf)
    rows, best = np.arange(len(queries)), y.argmax(1)
    found = np.isfinite(y[rows, best])
    at = (np.repeat(rows[found], 3), triangles[best[found]].ravel())
    return sp.csr_matrix((weights[rows, best][found].ravel(), at), (len(queries), len(points)))


class Lips:
    """The inner sides of both lips over the cage's points that move them."""

    def __init__(self, tensors):
        faces, mean = tensors["faces"].astype(int), tensors["mean"].astype(np.float64)
        operator, quads, _ = catmull_clark(len(mean), faces)
        self.operator = operator.tocsr()
        triangles = quad_triangles(quads)[np.repeat(tensors["faceParts"], 2 * (faces != NO_VERTEX).sum(1)) == 0]
        points = self.operator @ mean
        weights, vertices = tensors["denseWeights"], tensors["denseVertices"].astype(int)
        at_line = lambda field, rows: np.einsum("lk,lkc->lc", weights[rows], field[vertices[rows]])
        line = at_line(points, UPPER_LINE)
        middle = points[triangles].mean(1)
        y, z = (np.interp(middle[:, 0], line[:, 0], line[:, k]) for k in (1, 2))
        near = (np.abs(middle[:, 0]) < line[-1, 0] + ASIDE) & (np.abs(middle[:, 1] - y) < ACROSS)
        near &= (middle[:, 2] > z - BEHIND) & (middle[:, 2] < z + BEFORE)
        corner = points[triangles]
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        upwards = normal[:, 1] / np.linalg.norm(normal, axis=1)
        self.upper, self.lower = triangles[near & (upwards < -0.1)], triangles[near & (upwards > 0.1)]
        shared = np.intersect1d(self.upper, self.lower)
        self.above, self.below = (np.setdiff1d(side, shared) for side in (self.upper, self.lower))
        skin = np.setdiff1d(faces[tensors["faceParts"] == 0], NO_VERTEX)
        moving = np.unique(self.operator[np.r_[self.above, self.below]].indices)
        self.cage = np.intersect1d(moving, skin)
        columns = self.operator[:, self.cage]
        self.reached = np.unique(columns.tocoo().row)
        self.motion = columns.toarray()
        self.line_motion = at_line(self.motion, UPPER_LINE + LOWER_LINE)
        quad = faces[tensors["faceParts"] == 0]
        edges = np.unique(np.sort(np.concatenate([quad[:, [k, (k + 1) % 4]] for k in range(4)]), 1), axis=0)
        place = np.full(NO_VERTEX + 1, -1)
        place[self.cage] = np.arange(len(self.cage))
        edges = place[edges]
        edges = edges[(edges >= 0).all(1)]
        self.steps = np.zeros((len(edges), len(self.cage)))
        self.steps[np.arange(len(edges)), edges[:, 0]], self.steps[np.arange(len(edges)), edges[:, 1]] = 1, -1
        self.of_upper = self._side_of_cage()

    def _side_of_cage(self):
        """1 where a point of the cage moves the upper lip, 0 the lower, between where both."""
        up, down = (np.abs(self.motion[side]).sum(0) for side in (self.above, self.below))
        return up / np.maximum(up + down, 1e-9)

    def lacking(self, points):
        """For the upper and for the lower lip: its vertices over or under the other lip, what of that lip is there
        [vertices, points], and how far each lies beyond the surface half-way."""
        found = []
        for own, other, sign in ((self.above, self.lower, 1.0), (self.below, self.upper, -1.0)):
            there = under(points, other, own, sign > 0)
            beyond = (sign * (there @ points[:, 1] - points[own, 1]) + APART_MM) / 2
            near = (there.getnnz(1) > 0) & (beyond > -NEAR_MM / 2)
            found.append((own[near], there[near], beyond[near]))
        return found

    def _price(self, held, line=HOLD_LINE):
        still = self.motion[held]
        parts = ((HOLD, still), (line, self.line_motion), (SMOOTH, self.steps))
        return OWN * np.eye(len(self.cage)) + sum(price * rows.T @ rows for price, rows in parts)

    def parted(self, points, line=HOLD_LINE):
        """The least motion [cage] that takes the lips of `points` out of each other."""
        (above, _, up), (below, _, down) = self.lacking(points)
        if max(up.max(initial=0), down.max(initial=0)) <= 0:
            return np.zeros(len(self.cage))
        depth = np.zeros(len(points))
        depth[above], depth[below] = up, down
        root = np.linalg.cholesky(self._price(self.reached[depth[self.reached] <= APART_MM], line))
        # Least distance programming of Lawson and Hanson.
        moves = np.linalg.solve(root, np.concatenate([self.motion[above], -self.motion[below]]).T)
        system = np.vstack([moves, np.concatenate([up, down])])
        target = np.r_[np.zeros(len(self.cage)), 1.0]
        rest = system @ nnls(system, target, maxiter=30 * system.shape[1])[0] - target
        return np.linalg.solve(root.T, -rest[:-1] / rest[-1])

    def kept_together(self, points, fields):
        """Motion [fields, cage] that keeps lips which touch in `points` touching where `fields` [fields, vertices, 3]
        are added."""
        normals = vertex_normals(points, np.concatenate([self.upper, self.lower]))
        system, gaps, touching = [], [], []
        for own, there, beyond in self.lacking(points):
            own, there = own[beyond > -TOUCHING_MM], there[beyond > -TOUCHING_MM]
            across = normals[own] - there @ normals
            across /= np.linalg.norm(across, axis=1, keepdims=True)
            system.append(across[:, 1:2] * (self.motion[own] - there @ self.motion))
            gaps.append(np.stack([((field[own] - there @ field) * across).sum(1) for field in fields], 1))
            touching.append(own)
        system, gaps = np.concatenate(system), np.concatenate(gaps)
        price = self._price(np.setdiff1d(self.reached, np.concatenate(touching)))
        return -np.linalg.solve(STICKING * system.T @ system + price, STICKING * system.T @ gaps).T


def learn_identity(lips, mean, identity):
    rng = np.random.default_rng(SEED)
    lacked = []
    for sample in range(1, SAMPLES + 1):
        chance = np.clip(rng.normal(size=len(identity)), -2.5, 2.5)
        motion = lips.parted(lips.operator @ (mean + np.tensordot(chance, identity, 1)))
        step = STEP / (1 + MEAN_SHARE)
        mean[lips.cage, 1] += MEAN_SHARE * step * motion
        identity[:, lips.cage, 1] += step / (chance @ chance) * np.outer(chance, motion)
        lacked.append(np.abs(lips.motion @ motion).max())
        if sample % 100 == 0:
            print(sample, "heads at rest lack %.3f mm" % np.mean(lacked[-100:]), flush=True)


def learn_expressions(lips, mean, expression, names, own_side):
    alone = [{name: w} for name in names if name.startswith(GIVING) and name != "mouthClose" for w in WEIGHTS]
    for _ in range(ROUNDS):
        lacked = []
        for face in (*alone, *TOGETHER):
            shape = mean + sum(weight * expression[names.index(name)] for name, weight in face.items())
            motion = lips.parted(lips.operator @ shape)
            lacked.append(np.abs(lips.motion @ motion).max())
            for name, weight in face.items():
                share = weight / sum(w**2 for w in face.values())
                expression[names.index(name), lips.cage, 1] += STEP * share * own_side(name) * motion
        print("expressions lack %.3f mm" % np.mean(lacked), flush=True)


def let_touch(tensors, names):
    lips = Lips(tensors)
    mean, identity, expression = (tensors[k].astype(np.float64) for k in ("mean", "identity", "expression"))
    before = lips.operator @ mean
    rest = lips.parted(before)
    # Of one side's expressions each has what both together need on its own side.
    left = np.clip(0.5 + mean[lips.cage, 0] / (2 * SHARED_MM), 0, 1)
    is_pair = lambda name: other_side(name) != name and not name.startswith(("jaw", "mouthLeft", "mouthRight"))
    own_side = lambda name: (left if name.endswith("Left") else 1 - left) if is_pair(name) else 1.0
    shape = lambda *added: before + lips.operator @ sum(expression[names.index(name)] for name in added)
    change = np.zeros((len(names), len(lips.cage)))
    for k, name in enumerate(names):
        if not name.startswith(GIVING):
            continue
        if name == "mouthClose":
            # It closes an open jaw, and has no meaning without.
            change[k] = lips.parted(shape(name, "jawOpen")) - lips.parted(shape("jawOpen"))
        else:
            both = (name, other_side(name)) if is_pair(name) else (name,)
            change[k] = (lips.parted(shape(*both)) - rest) * own_side(name)
        side = next((side for start, side in ONE_LIP.items() if name.startswith(start)), None)
        if side is not None:
            change[k] *= lips.of_upper if side == "upper" else 1 - lips.of_upper
    expression[:, lips.cage, 1] += change
    mean[lips.cage, 1] += lips.parted(before, HOLD_MEAN)
    fields = np.stack([lips.operator @ component for component in identity])
    identity[:, lips.cage, 1] += lips.kept_together(lips.operator @ mean, fields)
    learn_identity(lips, mean, identity)
    learn_expressions(lips, mean, expression, names, own_side)
    mirror, flip = tensors["cageMirror"].astype(int), np.array([-1.0, 1.0, 1.0])
    mean[lips.cage] = ((mean + mean[mirror] * flip) / 2)[lips.cage]
    whole = expression.copy()
    for k, name in enumerate(names):
        if name.startswith(GIVING):
            other = whole[names.index(other_side(name)), mirror] * flip
            expression[k, lips.cage] = ((whole[k] + other) / 2)[lips.cage]
    moved = [np.abs(m @ (mean - tensors["mean"])[lips.cage, 1]).max() for m in (lips.motion, lips.line_motion)]
    print("moved at most %.2f mm, the line %.2f" % tuple(moved))
    return tensors | dict(
        mean=mean.astype(np.float32), identity=identity.astype(np.float16), expression=expression.astype(np.float16)
    )


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else MODELS / "head.safetensors"
    tensors, metadata = read_safetensors(path)
    save_model(path, let_touch(tensors, metadata["expressions"].split()), metadata)


if __name__ == "__main__":
    main()
