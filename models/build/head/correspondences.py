"""Landmark sets of the model: each point of the network as a triangle of the subdivided mesh with barycentric weights.

Writes correspondences.npz for `dense` (478) and `ibug68`.
"""

import numpy as np

import eyeball
import sources
from contours import lid_slit, mouth_slit
from expression import NAMES
from model import Head
from surface import closest_on_triangles

FACE_OVAL = [
    10,
    338,
    297,
    332,
    284,
    251,
    389,
    356,
    454,
    323,
    361,
    288,
    397,
    365,
    379,
    378,
    400,
    377,
    152,
    148,
    176,
    149,
    150,
    136,
    172,
    58,
    132,
    93,
    234,
    127,
    162,
    21,
    54,
    103,
    67,
    109,
]
IBUG68 = [
    162,
    234,
    93,
    58,
    172,
    136,
    149,
    148,
    152,
    377,
    378,
    365,
    397,
    288,
    323,
    454,
    389,
    70,
    63,
    105,
    66,
    107,
    336,
    296,
    334,
    293,
    300,
    168,
    197,
    5,
    4,
    240,
    97,
    2,
    326,
    460,
    33,
    160,
    158,
    133,
    153,
    144,
    362,
    385,
    387,
    263,
    373,
    380,
    61,
    39,
    37,
    0,
    267,
    269,
    291,
    405,
    314,
    17,
    84,
    181,
    78,
    82,
    13,
    312,
    308,
    317,
    14,
    87,
]
IRISES = {"rightEye": 468, "leftEye": 473}


def attach(points, queries, triangles):
    row, weights, distance = closest_on_triangles(queries, points, triangles)
    return triangles[row], weights, distance


# Rings of the network from the subject's right corner to the left one (eyes: outer to inner on the right).
RIGHT_LIDS = {
    "corners": (33, 133),
    "upper": (246, 161, 160, 159, 158, 157, 173),
    "lower": (7, 163, 144, 145, 153, 154, 155),
}
LEFT_LIDS = {
    "corners": (362, 263),
    "upper": (398, 384, 385, 386, 387, 388, 466),
    "lower": (382, 381, 380, 374, 373, 390, 249),
}
OUTER_LIPS = {"upper": (185, 40, 39, 37, 0, 267, 269, 270, 409), "lower": (146, 91, 181, 84, 17, 314, 405, 321, 375)}
INNER_LIPS = {
    "corners": (78, 308),
    "upper": (191, 80, 81, 82, 13, 312, 311, 310, 415),
    "lower": (95, 88, 178, 87, 14, 317, 402, 318, 324),
}
# The two rings between them, column by column (outer ring's order), with their shares of the way inwards.
MIDDLE_SHARES = (0.45, 0.8)
MIDDLE_COLUMNS = {
    "upper": ((184, 183), (74, 42), (73, 41), (72, 38), (11, 12), (302, 268), (303, 271), (304, 272), (408, 407)),
    "lower": ((77, 96), (90, 89), (180, 179), (85, 86), (16, 15), (315, 316), (404, 403), (320, 319), (307, 325)),
}


class Correspondences:
    """Vertices [478,3] and weights [478,3] of the network's points on the mean head."""

    def __init__(self, points, triangles, vertices, weights):
        self.positions, self.triangles, self.vertices, self.weights = points, triangles, vertices, weights

    def point(self, index):
        return (self.positions[self.vertices[index]] * self.weights[index][..., None]).sum(-2)

    def put(self, index, rows, weights):
        self.vertices[index], self.weights[index] = self.triangles[rows], weights

    def follow(self, ring, slit, lifted):
        """Puts a ring on the rims of a slit, keeping each point's share of the way between the corners."""
        right, left = ring["corners"]
        self.put([right, left], *slit.at([slit.x[0], slit.x[-1]], False))
        width = lifted[left, 0] - lifted[right, 0]
        for upper, name in ((True, "upper"), (False, "lower")):
            indices = list(ring[name])
            share = np.clip((lifted[indices, 0] - lifted[right, 0]) / width, 0.02, 0.98)
            self.put(indices, *slit.at(slit.x[0] + share * (slit.x[-1] - slit.x[0]), upper))


def semantic(found, head, lifted, outer):
    """Replaces lifted points by what they mean: lid margins, the line where the lips meet, iris rims."""
    cage, points = head.cage, found.positions
    for ring, part in ((RIGHT_LIDS, "rightEye"), (LEFT_LIDS, "leftEye")):
        found.follow(ring, lid_slit(points, cage, part), lifted)
    jaw = np.linalg.norm(head.operator @ head.expression_cage[NAMES.index("jawOpen")], axis=1)
    slit = mouth_slit(points, cage, jaw, outer)
    found.follow(INNER_LIPS, slit, lifted)
    for part, first in IRISES.items():
        label = ("skin", "leftEye", "rightEye").index(part)
        eye = points[cage.part_vertices2(part)]
        centre = (eye.max(0) + eye.min(0)) / 2
        front = centre + [0, 0, np.ptp(eye[:, 0])]
        rim = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]]) * eyeball.IRIS_RADIUS_MM
        # The network orders an iris as centre, then four rim points; which is which is read off the lifted ones.
        offsets = lifted[first : first + 5, :2] - lifted[first, :2]
        order = [int(np.argmin(np.linalg.norm(rim - o, axis=1))) for o in offsets]
        queries = np.c_[centre[:2] + rim[order], np.full(5, front[2])]
        ball = head.triangles[cage.triangle_part == label]
        depth = np.sqrt((np.ptp(eye[:, 0]) / 2) ** 2 - (rim[order] ** 2).sum(1))
        queries[:, 2] = centre[2] + depth
        found.vertices[first : first + 5], found.weights[first : first + 5], _ = attach(points, queries, ball)
    return slit


def between_lips(found, outer_triangles):
    """Spreads the middle lip rings between the vermilion border and the line where the lips meet."""
    for upper in ("upper", "lower"):
        for outer_index, inner_index, middle in zip(OUTER_LIPS[upper], INNER_LIPS[upper], MIDDLE_COLUMNS[upper]):
            a, b = found.point(outer_index), found.point(inner_index)
            for share, index in zip(MIDDLE_SHARES, middle):
                query = a + share * (b - a) + [0, 0, 2.0]
                found.vertices[index], found.weights[index] = (
                    x[0] for x in attach(found.positions, query[None], outer_triangles)[:2]
                )


def main():
    identity = "calibrated.npz" if (sources.WORK / "calibrated.npz").exists() else "identity.npz"
    head = Head(identity)
    points = head.shape()
    outer = np.load(sources.WORK / "outer.npy")
    lifted = np.load(sources.WORK / "lifted.npz")
    skin = head.triangles[head.cage.triangle_part == 0]
    outer_triangles = skin[outer[skin].all(1)]
    vertices, weights, distance = attach(points, lifted["points"], outer_triangles)
    found = Correspondences(points, head.triangles, vertices, weights)
    slit = semantic(found, head, lifted["points"], outer)
    between_lips(found, outer_triangles)
    moved = np.linalg.norm(found.point(np.arange(478)) - lifted["points"], axis=1)
    print(
        "lip line from %.1f to %.1f mm; moved by meaning: " % (slit.x[0], slit.x[-1]),
        {
            name: "%.1f" % moved[list(indices)].mean()
            for name, indices in (
                ("upper lids", RIGHT_LIDS["upper"]),
                ("lower lids", RIGHT_LIDS["lower"]),
                ("inner upper lip", INNER_LIPS["upper"]),
                ("inner lower lip", INNER_LIPS["lower"]),
                ("irises", range(468, 478)),
            )
        },
    )
    sigma = np.clip(lifted["spread"], 0.7, 6.0)
    dynamic = np.zeros(478, np.uint8)
    dynamic[FACE_OVAL] = 1
    ibug_dynamic = np.zeros(68, np.uint8)
    ibug_dynamic[:17] = 1
    np.savez(
        sources.WORK / "correspondences.npz",
        dense_vertices=found.vertices,
        dense_weights=found.weights,
        dense_sigma=sigma,
        dense_dynamic=dynamic,
        ibug68_vertices=found.vertices[IBUG68],
        ibug68_weights=found.weights[IBUG68],
        ibug68_sigma=sigma[IBUG68],
        ibug68_dynamic=ibug_dynamic,
    )


if __name__ == "__main__":
    main()
