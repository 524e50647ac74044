"""Dental arches. The source only has a plain strip per jaw (gum, front, edge, back by 17 columns); it gives the arch and
its motion, and fourteen teeth are modelled along it."""

import numpy as np
import scipy.sparse as sp

# Crown widths (mm) of one side from the midline: incisors, canine, premolars, molars.
WIDTHS = {True: (8.6, 6.8, 7.8, 7.1, 6.9, 10.2, 9.6), False: (5.5, 6.0, 7.0, 7.1, 7.2, 11.0, 10.5)}
# Rows across the strip: position along its profile (0 gum, 1 front, 2 edge, 3 back) and how much of it is tooth.
PROFILE = ((0.0, 0.0), (0.55, 0.0), (0.8, 1.0), (1.45, 1.0), (1.98, 1.0), (2.25, 1.0), (3.0, 0.3))
INSET_MM = (1.2, 3.0)
# The source's arches lie high and deep: its upper incisors end 2 mm above the line between the lips, and smiles hide
# them. So moved they end 2 mm below it, in front of the lower ones.
SEAT_MM = {"upperTeeth": np.array([0.0, -4.0, 2.5]), "lowerTeeth": np.array([0.0, -1.5, 0.5])}
GROOVE_MM = 0.9
GUM = np.array([0.66, 0.33, 0.32])
TOOTH = np.array([0.86, 0.81, 0.72])
GROOVE = np.array([0.50, 0.40, 0.34])


def strip_grid(vertices, faces):
    """The strip's vertices as a grid [4 rows, 17 columns]: gum row first, columns by ascending x."""
    uses = {}
    for f in faces:
        for k in range(4):
            uses.setdefault(frozenset((f[k], f[(k + 1) % 4])), []).append(f)
    border = [tuple(e) for e, fs in uses.items() if len(fs) == 1]
    neighbours = {}
    for a, b in border:
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    valence = {v: sum(v in f for f in faces) for v in neighbours}
    corners = sorted((v for v in neighbours if valence[v] == 1), key=int)
    rows = []
    for corner in corners:
        for step in neighbours[corner]:
            chain = [corner, step]
            while chain[-1] not in corners:
                chain.append(next(n for n in neighbours[chain[-1]] if n != chain[-2]))
            if len(chain) > 8 and vertices[chain[0], 0] < vertices[chain[-1], 0]:
                rows.append(chain)
    gum = max(rows, key=lambda chain: vertices[chain, 2].max())
    grid = [gum]
    done = set()
    while len(grid) < 4:
        row, below = grid[-1], []
        for a, b in zip(row[:-1], row[1:]):
            face = next(f for f in uses[frozenset((a, b))] if tuple(f) not in done)
            done.add(tuple(face))
            k = list(face).index(a)
            other = face[(k - 1) % 4] if face[(k + 1) % 4] == b else face[(k + 1) % 4]
            below.append(other)
            last = face[(k + 2) % 4]
        grid.append(below + [last])
    return np.array(grid)


def station_lengths(upper):
    """Arc positions of the columns (gap, crown, gap, crown, ... from right to left) and which of them are gaps."""
    half = np.concatenate([[0], np.cumsum(WIDTHS[upper])])
    gaps = np.concatenate([-half[:0:-1], half])
    columns = np.empty(2 * len(gaps) - 1)
    columns[::2], columns[1::2] = gaps, (gaps[1:] + gaps[:-1]) / 2
    return columns, np.arange(len(columns)) % 2 == 0


def build(vertices, helper_faces, upper):
    """One arch: binding to the full-body vertices, cage faces, mirror map, rest positions (mm), colour per vertex."""
    grid = strip_grid(vertices, helper_faces)
    edge = vertices[grid[2]]
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(edge, axis=0), axis=1))])
    arc -= arc[-1] / 2
    along_edge = np.gradient(edge, axis=0)
    columns, gaps = station_lengths(upper)
    columns = columns * min(1.0, 0.98 * arc[-1] / columns[-1])
    binding = sp.lil_matrix((len(PROFILE) * len(columns), len(vertices)))
    rest, colour = [], []
    for r, (along, tooth) in enumerate(PROFILE):
        low = min(int(along), 2)
        for c, (s, gap) in enumerate(zip(columns, gaps)):
            j = int(np.clip(np.searchsorted(arc, s) - 1, 0, len(arc) - 2))
            t = (s - arc[j]) / (arc[j + 1] - arc[j])
            index = r * len(columns) + c
            for row, wr in ((low, 1 - (along - low)), (low + 1, along - low)):
                for column, wc in ((j, 1 - t), (j + 1, t)):
                    binding[index, grid[row, column]] += wr * wc
            tangent = (1 - t) * along_edge[j] + t * along_edge[j + 1]
            outward = np.array([-tangent[2], 0, tangent[0]])
            outward *= np.sign(outward[2] + 0.5 * outward[0] * np.sign(s)) / np.linalg.norm(outward)
            inset = np.interp(abs(s), [0, arc[-1]], INSET_MM) + (GROOVE_MM if gap and tooth else 0)
            shift = -inset * outward
            if gap and 1.6 < along < 2.6:
                shift[1] += 0.9 if upper else -0.9
            rest.append(binding[index] @ vertices + shift)
            colour.append(GUM * (1 - tooth) + tooth * (GROOVE if gap else TOOTH))
    count = len(columns)
    faces = []
    for r in range(len(PROFILE) - 1):
        for c in range(count - 1):
            a = r * count + c
            faces.append([a, a + count, a + count + 1, a + 1])
    faces = np.array(faces)
    rest = np.array(rest).reshape(-1, 3)
    normal = np.cross(
        rest[faces[count // 2, 1]] - rest[faces[count // 2, 0]], rest[faces[count // 2, 3]] - rest[faces[count // 2, 0]]
    )
    if normal[2] < 0:
        faces = faces[:, ::-1]
    mirror = (np.arange(len(PROFILE))[:, None] * count + np.arange(count)[::-1]).ravel()
    return dict(binding=binding.tocsr(), faces=faces, mirror=mirror, rest=rest, colour=np.array(colour))


def seated(mean, cage):
    """Cage points [V,3] (mm) of the mean head with its arches moved to where they show. For the finished head only:
    what is measured on the way there, lips and landmarks among it, takes the arches as the source has them."""
    out = mean.copy()
    for part, shift in SEAT_MM.items():
        out[cage.part_vertices(part)] += shift
    return out
