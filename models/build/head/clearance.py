"""Keeps lips and the lining of the mouth apart from teeth and gums, and the tongue from them all, in every expression of
the mouth and in those that occur together. It looks at one head of chance after the other in one expression of chance and
takes a part of what is missing there into the model: hidden rims of gums into mean, identity and expressions, where teeth
and tongue as a whole lie into identity, and skin into expressions, by as much as nothing shows of it. For a file that
mouth.py wrote: clearance.py [FILE]

Lengths in mm in the head frame (x to the subject's left, y up, z out of the face)."""

import sys
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from gaps import carried, corners_and_middles, lacking
from mouth import MOUTH_MIDDLE, NO_VERTEX, PARTS, vertex_normals
from subdivision import catmull_clark, quad_triangles
from tensor_file import MODELS, read_safetensors, save_model

ROW = 29  # cage points in a row of teeth, as mouth.py lays them
SAMPLES = 5000
SEED = 1
MOUTH = ("jaw", "mouth", "tongue", "cheek")
# Of what is looked at, one against the other.
PAIRS = (
    ("skin", "upperTeeth"),
    ("skin", "lowerTeeth"),
    ("skin", "tongue"),
    ("upperTeeth", "tongue"),
    ("lowerTeeth", "tongue"),
)
# How far each row of a jaw's points gives way: its outer rim, the margin of the gum, teeth, its inner side and rim; and
# by how much at most in an expression.
GIVES = (1.0, 0.4, 0.0, 0.0, 0.0, 0.5, 1.0)
GUM_MM = 5.0
# So far skin moves at most in an expression: what is seen and what lies near it, because cheeks and chins of real heads are
# thinner than the model's and a lining that is pushed shows through them; and lining that lies deep, by its depth below
# what is seen. A lip that rolls in lies in the teeth by more, and nothing shows of its inner side.
SKIN_MM = 0.8
THIN_MM, DEPTH_SHARE, LINING_MM = 11.0, 0.3, 3.0
MORE_LINING_MM = {"mouthRollUpper": 3.0, "mouthClose": 1.5, "tongueOut": 1.5}
# What stands behind the lips, and so much further back than the heads that are looked at need.
BEHIND = ("upperTeeth", "lowerTeeth", "tongue")
ROOM_MM = 1.0
# Of what is missing: taken in at once by bodies and gums, and by skin.
STEP, SKIN_STEP = 0.7, 0.35
# How mean and identity share with the expression, whose weights are about 1.
MEAN_SHARE, IDENTITY_SHARE = 0.3, 2.0

# What occurs together, and the expressions that give way; none in a neutral face.
TOGETHER = (
    ({}, ()),
    ({"jawOpen": 1, "mouthClose": 1}, ("mouthClose",)),
    ({"jawOpen": 0.5, "mouthClose": 0.5}, ("mouthClose",)),
    ({"mouthSmileLeft": 1, "mouthSmileRight": 1}, ("mouthSmileLeft", "mouthSmileRight")),
    ({"mouthPucker": 1, "jawOpen": 0.4}, ("mouthPucker",)),
    (
        {"mouthUpperUpLeft": 1, "mouthUpperUpRight": 1, "mouthLowerDownLeft": 1, "mouthLowerDownRight": 1},
        ("mouthLowerDownLeft", "mouthLowerDownRight"),
    ),
    (
        {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "jawOpen": 0.5},
        ("jawOpen", "mouthSmileLeft", "mouthSmileRight"),
    ),
    ({"tongueOut": 1, "jawOpen": 0.5}, ("tongueOut",)),
    ({"tongueOut": 1, "jawOpen": 1}, ("tongueOut",)),
    ({"tongueOut": 0.5}, ("tongueOut",)),
)


class Head:
    """The parts of a head around its mouth, over those of the cage's points that they depend on."""

    def __init__(self, tensors, metadata):
        self.names = metadata["expressions"].split()
        self.whole = [tensors[name].astype(np.float64) for name in ("mean", "identity", "expression")]
        self.whole_mirror = tensors["cageMirror"].astype(np.int64)
        faces, face_part = tensors["faces"].astype(np.int64), tensors["faceParts"]
        mean = self.whole[0]
        operator, quads, _ = catmull_clark(len(mean), faces)
        triangles = quad_triangles(quads)
        repeats = 2 * (faces != NO_VERTEX).sum(1)
        part, face = np.repeat(face_part, repeats), np.repeat(np.arange(len(faces)), repeats)
        middle = (operator @ mean)[triangles].mean(1)
        near = (np.abs(middle[:, 0]) < 42) & (np.abs(middle[:, 1] + 80) < 45) & (middle[:, 2] > -45)
        rows = {p: (part == PARTS.index(p)) & (near | (p != "skin")) for p in PARTS if "Eye" not in p}
        fine = np.unique(triangles[np.any(list(rows.values()), 0)])
        place = np.full(operator.shape[0], -1)
        place[fine] = np.arange(len(fine))
        operator = operator.tocsr()[fine]
        self.columns = np.unique(operator.indices)
        self.operator = operator[:, self.columns].tocsr()
        self.mean, self.identity, self.expression = (
            np.ascontiguousarray(array[..., self.columns, :]) for array in self.whole
        )
        self.triangles = {p: place[triangles[own]] for p, own in rows.items()}
        self.vertices, self.sides, self.gives = {}, {}, np.zeros(len(self.columns))
        for p, own in rows.items():
            cage = np.setdiff1d(np.unique(faces[face_part == PARTS.index(p)]), [NO_VERTEX])
            self.vertices[p] = np.flatnonzero(np.isin(self.columns, cage))
            self.sides[p] = np.ones(own.sum())
            if p in ("upperTeeth", "lowerTeeth"):
                # Skin lies before the outer gums and crowns, beyond their edges, and below the floor of the lower ones.
                row = ((faces[face[own]] - cage.min()) // ROW).min(1)
                self.sides[p] = np.where(row <= 3, 1, np.where((row >= 5) & (p == "lowerTeeth"), -1, 0))
                self.gives[self._rows(p)] = np.repeat(GIVES, ROW)
        self.samples = {p: corners_and_middles(t, len(fine)) for p, t in self.triangles.items()}
        self.of_cage = {p: (samples @ self.operator).tocsr() for p, samples in self.samples.items()}
        self.behind = np.concatenate([self.vertices[p] for p in BEHIND])
        self._measure_lining()

    def _rows(self, part):
        """The seven rows of a jaw's points; its crowns' cage has no others."""
        first = self.vertices[part].min()
        return slice(first, first + ROW * len(GIVES))

    def _measure_lining(self):
        """Which points of the skin are lining, and how far skin may move [columns], mm."""
        fine = self.operator @ self.mean
        inwards = ((MOUTH_MIDDLE - fine) * vertex_normals(fine, self.triangles["skin"])).sum(1) > 0
        skin = np.unique(self.triangles["skin"])
        cage = self.mean[self.vertices["skin"]]
        thickness = cKDTree(fine[skin[~inwards[skin]]]).query(cage)[0]
        is_lining = inwards[skin[cKDTree(fine[skin]).query(cage)[1]]]
        self.lining, self.most = np.zeros(len(self.columns), bool), np.zeros(len(self.columns))
        self.lining[self.vertices["skin"]] = is_lining
        by_depth = np.clip(SKIN_MM + DEPTH_SHARE * (thickness - THIN_MM), SKIN_MM, LINING_MM)
        self.most[self.vertices["skin"]] = np.where(is_lining, by_depth, SKIN_MM)

    def shaped(self, weights, identity):
        """Fine vertices."""
        cage = self.mean + (identity @ self.identity.reshape(len(identity), -1)).reshape(-1, 3)
        for name, weight in weights.items():
            cage = cage + weight * self.expression[self.names.index(name)]
        return self.operator @ cage

    def smoothed(self, part, motion):
        """Motion [columns, 3] of a jaw's points, half of it spread along the rows."""
        rows = motion[self._rows(part)].reshape(len(GIVES), ROW, 3)
        padded = np.pad(rows, ((0, 0), (2, 2), (0, 0)), mode="edge")
        soft = sum(share * padded[:, i : i + ROW] for i, share in enumerate((0.1, 0.25, 0.3, 0.25, 0.1)))
        out = motion.copy()
        out[self._rows(part)] = ((rows + soft) / 2).reshape(-1, 3)
        return out

    def asked(self, fine):
        """What each pair lacks: motion [columns, 3] of the one or of the other that clears it."""
        found = []
        facing = {p: self.samples[p] @ vertex_normals(fine, self.triangles[p]) for p, _ in PAIRS}
        for first, second in PAIRS:
            own = self.samples[first] @ fine
            move, rows, nearest = lacking(own, facing[first], fine, self.triangles[second], self.sides[second])
            if len(rows) > 0:
                others = (nearest @ self.operator).tocsr()
                found.append((first, second, carried(self.of_cage[first], move), carried(others, -move[rows])))
        return found

    def tensors(self):
        """Mean, identity and expressions of the whole head; the mean is its own mirror image, and expressions of both sides
        are each other's."""
        for whole, own in zip(self.whole, (self.mean, self.identity, self.expression)):
            whole[..., self.columns, :] = own
        mean, identity, expression = self.whole
        mirrored = lambda points: points[self.whole_mirror] * np.array([-1.0, 1.0, 1.0])
        mean = (mean + mirrored(mean)) / 2
        before = expression.copy()
        for k, name in enumerate(self.names):
            if name.startswith(MOUTH):
                expression[k] = (before[k] + mirrored(before[self.names.index(other_side(name))])) / 2
        return dict(
            mean=mean.astype(np.float32), identity=identity.astype(np.float16), expression=expression.astype(np.float16)
        )


def other_side(name):
    """The expression of the other side, or the same."""
    return name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")


def body_motions(points, is_tongue):
    """Ways in which a body moves as a whole [points, 3, ways]: along the axes, then a tongue's tip by itself and its width,
    or an arch's width, depth, pitch and taper."""
    axes = np.broadcast_to(np.eye(3), (len(points), 3, 3))
    x, _, z = ((points - np.array([0.0, -78.0, 0.0])) / 20).T
    if is_tongue:
        tip = np.clip((points[:, 2] + 30) / 40, 0, 1)
        ways = ((1, tip), (2, tip), (0, x))
    else:
        ways = ((0, x), (2, z), (1, z), (0, x * z))
    more = np.zeros((len(points), 3, len(ways)))
    for k, (axis, amount) in enumerate(ways):
        more[:, axis, k] = amount
    return np.concatenate([axes, more], 2)


def as_body(motions, asked, damping):
    """The motion [points, 3] of a body as a whole that answers what some of its points are asked for."""
    rows = np.abs(asked).sum(1) > 0
    ways = motions[rows].reshape(-1, motions.shape[2])
    amounts = np.linalg.solve(ways.T @ ways + damping * np.eye(ways.shape[1]), ways.T @ asked[rows].ravel())
    return motions @ amounts


class Learning:
    def __init__(self, head):
        self.head = head
        self.behind = body_motions(head.mean[head.behind], False)
        self.tongue = body_motions(head.mean[head.vertices["tongue"]], True)
        # What expressions have taken in so far, by the skin and by the gums.
        self.moved = {kind: np.zeros_like(head.expression) for kind in ("skin", "gums")}

    def take(self, weights, giving, identity):
        """Looks at one face; whether anything lay where it may not."""
        head = self.head
        found = head.asked(head.shaped(weights, identity))
        for first, second, one, other in found:
            if second == "tongue":
                self._move_body(identity, 2.4, head.vertices["tongue"], self.tongue, other, 15.0)
            elif first == "skin":
                self._move_body(identity, 2.0, head.behind, self.behind, other, 15.0)
                self._move_gums(weights, giving, identity, second, other)
            if first == "skin":
                self._move_skin(weights, giving, one)
        return len(found) > 0

    def _move_body(self, identity, share, vertices, motions, asked, damping):
        size = identity @ identity / len(identity)
        if size == 0 or not asked[vertices].any():
            return
        step = STEP * share / (1 + size) / len(identity)
        motion = as_body(motions, asked[vertices], damping)
        self.head.identity[:, vertices] += step * identity[:, None, None] * motion

    def _move_gums(self, weights, giving, identity, part, asked):
        head, rows = self.head, self.head.vertices[part]
        motion = head.smoothed(part, head.gives[:, None] * asked)[rows]
        size = identity @ identity / len(identity)
        step = STEP / (MEAN_SHARE + sum(weights[name] ** 2 for name in giving) + IDENTITY_SHARE * size)
        head.mean[rows] += MEAN_SHARE * step * motion
        head.identity[:, rows] += (IDENTITY_SHARE * step / len(identity)) * identity[:, None, None] * motion
        for name in giving:
            self._give("gums", name, rows, step * weights[name] * motion, GUM_MM)

    def _move_skin(self, weights, giving, asked):
        head, rows = self.head, self.head.vertices["skin"]
        squares = sum(weights[name] ** 2 for name in giving)
        for name in giving:
            more = np.where(head.lining, MORE_LINING_MM.get(name, 0), 0)
            # Both sides of a smile occur together.
            share = 0.5 if name.endswith(("Left", "Right")) else 1.0
            most = share * np.maximum(head.most, more)[rows, None]
            self._give("skin", name, rows, SKIN_STEP * weights[name] / squares * asked[rows], most)

    def _give(self, kind, name, rows, motion, most):
        k = self.head.names.index(name)
        moved = self.moved[kind][k]
        before = moved[rows]
        after = before + motion
        after *= np.minimum(1, most / np.maximum(np.linalg.norm(after, axis=1, keepdims=True), 1e-9))
        moved[rows] = after
        self.head.expression[k][rows] += after - before


def learn(head):
    rng = np.random.default_rng(SEED)
    faces = [*(({name: 1}, (name,)) for name in head.names if name.startswith(MOUTH)), *TOGETHER]
    # How often each was not clear of late: those are looked at more often.
    rate, learning, count = np.full(len(faces), 0.5), Learning(head), len(head.identity)
    for sample in range(1, SAMPLES + 1):
        chance = rate + 0.03
        k = rng.choice(len(faces), p=chance / chance.sum())
        is_mean = rng.random() < 0.1
        identity = np.zeros(count) if is_mean else np.clip(rng.normal(size=count), -2.5, 2.5)
        rate[k] += 0.1 * (learning.take(*faces[k], identity) - rate[k])
        if sample % 500 == 0:
            worst = [f"{'+'.join(faces[j][0])} {rate[j]:.2f}" for j in np.argsort(-rate)[:5]]
            print(sample, "not clear:", ", ".join(worst), flush=True)


def stand_back(tensors):
    """Teeth, with tongue and gums, further back by what lips of other heads and of fits come nearer."""
    is_inside = np.isin(tensors["faceParts"], [PARTS.index(p) for p in BEHIND])
    inside = np.setdiff1d(np.unique(tensors["faces"][is_inside]), [NO_VERTEX])
    tensors["mean"][inside, 2] -= np.float32(ROOM_MM)


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else MODELS / "head.safetensors"
    tensors, metadata = read_safetensors(path)
    head = Head(tensors, metadata)
    learn(head)
    cleared = tensors | head.tensors()
    stand_back(cleared)
    save_model(path, cleared, metadata)


if __name__ == "__main__":
    main()
