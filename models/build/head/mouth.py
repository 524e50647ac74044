"""What lies behind the lips of the packed head: dental arches of fourteen separate teeth with gums and a palate, and the
tongue. Replaces their points, motion and colours in models/head.safetensors; their faces and UVs stay, and so does the
skin, but for what tongueOut does to it. For a file that pack.py wrote: the tongue is shaped from the source's. mouth.py
[FILE]

Lengths in mm in the head frame (x to the subject's left, y up, z out of the face)."""

import sys
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree

from subdivision import catmull_clark
from tensor_file import MODELS, aligned, read_safetensors, save_model

PARTS = ("skin", "leftEye", "rightEye", "upperTeeth", "lowerTeeth", "tongue")
NO_VERTEX = 65535

# The jaw's motion at jawOpen 1 as the source has it, linear in the place: about (y, z), by (down, back) per mm.
HINGE = np.array([-36.4, -50.3])
TURN = np.array([-0.383, 0.373])

# Arch through the edges of the upper teeth, as seen from above, one side.
ARCH = ((0.0, 23.0), (4.7, 22.7), (12.2, 20.3), (17.6, 16.2), (21.2, 11.0), (24.2, 5.0), (27.3, -2.5), (29.5, -12.0))
# The lower teeth stand so far behind: incisors, molars.
OVERJET = (2.7, 2.2)
# Of one side from the midline, incisors, canine, premolars, molars: width and height of the crown, y of its edge, depth.
UPPER = (
    (8.6, 10.5, -74.8, 1.5),
    (6.8, 9.2, -74.1, 1.5),
    (7.8, 10.4, -74.9, 2.0),
    (7.1, 8.6, -74.2, 5.0),
    (6.9, 8.2, -73.9, 5.5),
    (10.2, 7.6, -73.4, 6.5),
    (9.6, 7.2, -72.8, 6.5),
)
LOWER = (
    (5.5, 8.8, -72.6, 1.4),
    (6.0, 9.0, -72.6, 1.4),
    (7.0, 9.6, -73.0, 2.0),
    (7.1, 8.4, -75.0, 4.5),
    (7.2, 8.0, -74.7, 5.0),
    (11.0, 7.4, -74.2, 6.0),
    (10.5, 7.0, -73.6, 6.0),
)
GUM_HEIGHT = {True: 5.0, False: 1.0}
# Between two teeth: how far their sides lie behind their middles, how far their edges rise, how far the gum comes down.
GROOVE, NOTCH, PAPILLA = 1.3, 1.3, 2.6
BELLY = 0.8
PALATE_RISE, PALATE_BACK = 15.0, 9.0
FLOOR_DROP, FLOOR_IN = 8.0, 1.5

# Which rows of a jaw's points are teeth, and from which share of them on a point of the subdivided mesh is.
ENAMEL = (0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0)
ENAMEL_FROM, ENAMEL_TO = 0.2, 0.45

GUM = np.array([0.70, 0.40, 0.38])
DEEP = np.array([0.42, 0.17, 0.16])
TOOTH = np.array([0.87, 0.83, 0.75])
TOOTH_NECK = np.array([0.80, 0.72, 0.60])
GROOVE_TINT = np.array([0.46, 0.34, 0.28])
TONGUE_TOP = np.array([0.72, 0.42, 0.42])
TONGUE_SIDE = np.array([0.58, 0.29, 0.30])
TONGUE_ROOT = np.array([0.34, 0.13, 0.13])

# The lining behind the back teeth, and that of lips and cheeks before the front ones, which some light reaches; and where,
# out of the face, one becomes the other.
LINING = np.array([0.15, 0.05, 0.05])
MUCOSA = np.array([0.48, 0.24, 0.23])
MUCOSA_FROM, MUCOSA_TO = -34.0, -2.0
MOUTH_MIDDLE = np.array([0.0, -72.0, -20.0])
# The network's points on the line where the lips meet.
INNER_LIPS = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95]

# The tongue from its root (0) to its tip (1): middle (y, z), half width and half thickness; at rest and out.
REST = (
    (0.00, -94.0, -54.0, 17.0, 5.0),
    (0.25, -86.0, -38.0, 15.5, 6.0),
    (0.50, -80.5, -20.0, 14.0, 5.6),
    (0.70, -78.0, -8.0, 12.8, 4.2),
    (0.85, -76.2, 1.0, 10.5, 2.6),
    (0.95, -75.2, 5.5, 7.5, 1.4),
    (1.00, -74.8, 7.5, 4.0, 0.8),
)
# A weight of tongueOut moves every point along a line, which has to pass between the teeth and over the lower lip.
OUT = (
    (0.00, -93.0, -48.0, 17.0, 5.0),
    (0.25, -86.0, -28.0, 15.5, 5.2),
    (0.50, -80.8, -3.0, 12.0, 3.2),
    (0.66, -78.4, 14.0, 9.4, 2.0),
    (0.76, -77.3, 24.5, 9.4, 1.9),
    (0.86, -77.2, 35.0, 10.6, 2.0),
    (0.95, -79.2, 44.0, 8.5, 1.7),
    (1.00, -81.0, 48.0, 4.5, 1.1),
)
# With the tongue out the jaw opens and the lower lip goes down so far.
OPENS, LOWERS = 0.5, 0.8
# And the lower teeth, which it hides, make way for it: so far, and how much of it each row of their points does.
SINKS = np.array([0.0, -5.0, -2.5])
SINKING = (0.0, 0.15, 0.55, 1.0, 1.0, 0.4, 0.0)
# How far root and tip of the tongue go along with the jaw.
ALONG = (0.3, 1.0)
# A jaw that slides opens a little, for its teeth to clear the upper ones.
CLEARS = {name: np.array([0.0, down, 0.0]) for name, down in (("jawForward", -3.0), ("jawLeft", -3.8), ("jawRight", -3.8))}
# Heads differ: what lies behind the lips goes along with the skin around it, smoothed over this distance.
FOLLOW_MM = 14.0


def jaw_motion(points):
    """Offsets at jawOpen 1 of what is fast to the jaw."""
    out = np.zeros_like(points)
    out[:, 1] = TURN[0] * (points[:, 2] - HINGE[1])
    out[:, 2] = TURN[1] * (points[:, 1] - HINGE[0])
    return out


class Arch:
    """The curve on which the edges of one jaw's teeth stand."""

    def __init__(self, upper):
        x, z = np.array(ARCH).T
        curve = PchipInterpolator(np.r_[-x[:0:-1], x], np.r_[z[:0:-1], z])
        dense = np.linspace(-x[-1], x[-1], 801)
        points = np.stack([dense, curve(dense)], 1)
        if not upper:
            inwards = np.interp(np.abs(dense), [0, x[-1]], OVERJET)
            points = points - inwards[:, None] * self._outward(points)
        arc = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
        self.arc, self.points = arc - arc[-1] / 2, points

    @staticmethod
    def _outward(points):
        along = np.gradient(points, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], 1)
        return normal / np.linalg.norm(normal, axis=1, keepdims=True)

    def at(self, s):
        """Point [2] (x, z) and outward direction [2] at an arc length from the midline."""
        normal = self._outward(self.points)
        point = [np.interp(s, self.arc, self.points[:, k]) for k in range(2)]
        outward = np.array([np.interp(s, self.arc, normal[:, k]) for k in range(2)])
        return np.array(point), outward / np.linalg.norm(outward)


def teeth(upper):
    """Cage points and colours [7 rows of 29 columns, 3] of one jaw: gum, its margin, the crown's front, its edge in
    front and behind, the gum inside, and the palate's middle or the floor of the mouth."""
    table = np.array(UPPER if upper else LOWER)
    half = np.r_[0, np.cumsum(table[:, 0])]
    arch = Arch(upper)
    scale = min(1.0, 0.98 * arch.arc[-1] / half[-1])
    sign = 1.0 if upper else -1.0
    points, colours = np.zeros((7, 29, 3)), np.zeros((7, 29, 3))
    for column in range(29):
        side, index = np.sign(column - 14), abs(column - 14)
        gap = index % 2 == 0
        # Of the tooth itself, or the mean of the two beside a gap.
        beside = [min(max(index // 2 - 1, 0), 6), min(index // 2, 6)] if gap else [index // 2] * 2
        _, height, edge, depth = table[beside].mean(0)
        s = side * scale * (half[index // 2] if gap else (half[index // 2] + half[index // 2 + 1]) / 2)
        last = gap and index == 28
        (x, z), outward = arch.at(s)
        groove = GROOVE if gap and not last else 0.0
        rows = [
            (-1.0, height + GUM_HEIGHT[upper]),
            (0.3, height + (-PAPILLA if gap else 0.6)),
            (BELLY - 1.4 * groove, 0.55 * height),
            (0.1 - groove, -0.7 + (NOTCH if gap else 0)),
            (-depth + 0.5 * groove, -0.3 + (NOTCH if gap else 0)),
            (-depth - 2.0, 0.85 * height),
        ]
        for row, (out, up) in enumerate(rows):
            points[row, column] = [x + out * outward[0], edge + sign * up, z + out * outward[1]]
        if upper:
            rise = PALATE_RISE * (0.75 + 0.25 * min(1.0, index / 14))
            points[6, column] = [0.0, edge + rise, min(z, 23.0) - PALATE_BACK * max(0.0, 1 - index / 20)]
        else:
            inner = rows[5][0] - FLOOR_IN
            points[6, column] = [x + inner * outward[0], edge - FLOOR_DROP, z + inner * outward[1]]
        tooth = GROOVE_TINT if gap and not last else TOOTH
        neck = GROOVE_TINT if gap and not last else TOOTH_NECK
        colours[:, column] = [GUM * 0.9, GUM, 0.7 * tooth + 0.3 * neck, tooth, tooth * 0.92, GUM * 0.85, DEEP]
    return points.reshape(-1, 3), colours.reshape(-1, 3)


def teeth_colours(operator, vertices, colours):
    """Colours [W,3] of the subdivided mesh from those [N,3] of the cage, of which `vertices` [203] are a jaw's points. Between
    the gum's margin and the middle of a crown it has one row of points: that is enamel, as the crown below it is, or a
    crown would look half as high as it is."""
    enamel = np.zeros(len(colours))
    enamel[vertices] = np.repeat(ENAMEL, 29)
    share = operator @ enamel
    gum = operator @ ((1 - enamel)[:, None] * colours) / np.maximum(1 - share, 1e-6)[:, None]
    crown = operator @ (enamel[:, None] * colours) / np.maximum(share, 1e-6)[:, None]
    sure = np.clip((share - ENAMEL_FROM) / (ENAMEL_TO - ENAMEL_FROM), 0, 1)[:, None]
    return gum + sure * (crown - gum)


class Tongue:
    """Where on the tongue each cage vertex of the source's lies: along it, across it, and above its middle."""

    def __init__(self, points):
        z = points[:, 2]
        tip, root = z.max(), z.min()
        self.along = np.clip((z - root) / (tip - root), 0, 1)
        station = np.linspace(0, 1, 24)
        width, low, high = (np.zeros(len(station)) for _ in range(3))
        for i, s in enumerate(station):
            near = np.abs(self.along - s) <= np.sort(np.abs(self.along - s))[15]
            width[i] = np.abs(points[near, 0]).max()
            low[i], high[i] = points[near, 1].min(), points[near, 1].max()
        at = lambda values: np.interp(self.along, station, values)
        self.across = points[:, 0] / at(width)
        self.above = np.clip((points[:, 1] - at((low + high) / 2)) / np.maximum(at((high - low) / 2), 0.5), -1, 1)

    def shaped(self, table):
        """Points [N,3] of a tongue of these stations."""
        s, y, z, width, thickness = np.array(table).T
        line = [PchipInterpolator(s, values) for values in (y, z, width, thickness)]
        middle_y, middle_z, w, h = (f(self.along) for f in line)
        dy, dz = (f.derivative()(self.along) for f in line[:2])
        length = np.hypot(dy, dz)
        # The section is an ellipse across the middle line, with a shallow groove along the top.
        round_off = np.sqrt(np.clip(1 - np.minimum(np.abs(self.across), 1) ** 2, 0, 1)) * 0.75 + 0.25
        lift = self.above * h * round_off
        groove = 0.16 * h * np.exp(-((self.across / 0.16) ** 2)) * (self.above > 0.2)
        lift -= groove
        return np.stack([self.across * w, middle_y + lift * dz / length, middle_z - lift * dy / length], 1)

    def colour(self):
        top = np.clip(self.above * 1.5, 0, 1)[:, None]
        colour = TONGUE_SIDE + top * (TONGUE_TOP - TONGUE_SIDE)
        deep = np.clip((0.5 - self.along) / 0.5, 0, 1)[:, None]
        return colour + deep * (TONGUE_ROOT - colour)


def following(points, skin, field):
    """`field` [K, skin, 3] carried over to `points`, smoothly."""
    distance, nearest = cKDTree(skin).query(points, k=80)
    weight = np.exp(-0.5 * (distance / FOLLOW_MM) ** 2) + 1e-9
    weight /= weight.sum(1, keepdims=True)
    return np.einsum("pn,kpnc->kpc", weight, field[:, nearest])


def darkened_lining(tensors, points, quads):
    """Mean albedo [W,3] of the skin with the lining of the mouth dark: light does not get there, which nothing else
    keeps it from in a viewer without shadows."""
    colour = tensors["albedoMean"].astype(np.float64)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    normals = vertex_normals(points, triangles)
    inwards = ((MOUTH_MIDDLE - points) * normals).sum(1) > 0
    x, y, z = points.T
    lining = inwards & (np.abs(x) < 42) & (y < -25) & (y > -112) & (z < 34)
    rows = INNER_LIPS
    rim = (tensors["denseWeights"][rows][..., None] * points[tensors["denseVertices"][rows]]).sum(1)
    distance = cKDTree(rim).query(points)[0]
    share = np.where(lining, np.clip((distance - 3.0) / 5.0, 0, 1), 0)[:, None]
    front = np.clip((z - MUCOSA_FROM) / (MUCOSA_TO - MUCOSA_FROM), 0, 1)[:, None]
    depth = LINING + front**2 * (3 - 2 * front) * (MUCOSA - LINING)
    # What is dark red already, nostrils apart, may only get darker.
    return np.where(share > 0, np.minimum(colour, colour + share * (depth - colour)), colour).astype(np.float16)


def vertex_normals(points, triangles):
    normal = np.cross(points[triangles[:, 1]] - points[triangles[:, 0]], points[triangles[:, 2]] - points[triangles[:, 0]])
    return np.stack([np.bincount(triangles.ravel(), np.repeat(normal[:, k], 3), len(points)) for k in range(3)], 1)


def rebuild(tensors, metadata):
    names = metadata["expressions"].split()
    faces, face_part = tensors["faces"].astype(np.int64), tensors["faceParts"]
    mean = tensors["mean"].astype(np.float64)
    identity, expression = (tensors[k].astype(np.float64) for k in ("identity", "expression"))
    operator, quads, _ = catmull_clark(len(mean), faces)
    corners = (faces != NO_VERTEX).sum(1)
    quad_part = np.repeat(face_part, corners)
    cage_of = {p: np.setdiff1d(np.unique(faces[face_part == i]), [NO_VERTEX]) for i, p in enumerate(PARTS)}
    fine_of = {p: np.unique(quads[quad_part == i]) for i, p in enumerate(PARTS)}
    jaw, out = names.index("jawOpen"), names.index("tongueOut")
    colours = np.zeros_like(mean)
    place = {}
    for part in ("upperTeeth", "lowerTeeth"):
        place[part], colours[cage_of[part]] = teeth(part == "upperTeeth")
    tongue = Tongue(mean[cage_of["tongue"]])
    place["tongue"] = tongue.shaped(REST)
    colours[cage_of["tongue"]] = tongue.colour()

    skin = cage_of["skin"]
    around = skin[(np.abs(mean[skin, 0]) < 45) & (np.abs(mean[skin, 1] + 75) < 45) & (mean[skin, 2] > -45)]
    for part, points in place.items():
        vertices = cage_of[part]
        identity[:, vertices] = following(points, mean[around], identity[:, around])
        mean[vertices] = points
        rigid = {name: expression[names.index(name), vertices].mean(0) for name in ("jawForward", "jawLeft", "jawRight")}
        expression[:, vertices] = 0
        if part == "upperTeeth":
            continue
        for name, shift in rigid.items():
            expression[names.index(name), vertices] = shift + CLEARS[name]
        share = np.ones(len(points))
        if part == "tongue":
            share = ALONG[0] + (ALONG[1] - ALONG[0]) * tongue.along**0.7
        expression[jaw, vertices] = share[:, None] * jaw_motion(points)
    expression[out] = 0
    for part in ("skin", "lowerTeeth"):
        expression[out, cage_of[part]] = OPENS * expression[jaw, cage_of[part]]
    expression[out, cage_of["lowerTeeth"]] += np.repeat(SINKING, 29)[:, None] * SINKS
    for name in ("mouthLowerDownLeft", "mouthLowerDownRight"):
        expression[out, skin] += LOWERS * expression[names.index(name), skin]
    expression[out, cage_of["tongue"]] = tongue.shaped(OUT) - place["tongue"]

    tensors["albedoMean"][fine_of["skin"]] = darkened_lining(tensors, operator @ mean, quads[quad_part == 0])[fine_of["skin"]]

    for part in place:
        fine = operator @ colours if part == "tongue" else teeth_colours(operator, cage_of[part], colours)
        tensors["albedoMean"][fine_of[part]] = fine[fine_of[part]].astype(np.float16)
        tensors["albedo"][:, fine_of[part]] = 0
    tensors["mean"] = mean.astype(np.float32)
    tensors["identity"] = identity.astype(np.float16)
    tensors["expression"] = expression.astype(np.float16)
    return tensors


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else MODELS / "head.safetensors"
    tensors, metadata = read_safetensors(path)
    save_model(path, aligned(rebuild(tensors, metadata)), metadata)


if __name__ == "__main__":
    main()
