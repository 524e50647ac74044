"""Polar eyeball cages: rings crowd at the pupil and limbus so that a per-vertex albedo draws a crisp iris."""

import numpy as np

from subdivision import NO_VERTEX, catmull_clark

MERIDIANS = 16
IRIS_RADIUS_MM = 5.85
PUPIL_RADIUS_MM = 1.9
# Ring radii as fractions of the iris radius for the coloured part; angles in degrees behind it.
IRIS_RINGS = (0.16, 0.28, 0.37, 0.52, 0.70, 0.84, 0.93, 1.0, 1.07, 1.2)
BACK_ANGLES_DEG = (42.0, 58.0, 78.0, 100.0, 125.0, 150.0)


def fit_sphere(points):
    """Least-squares sphere: (centre [3], radius)."""
    a = np.c_[2 * points, np.ones(len(points))]
    solution = np.linalg.lstsq(a, (points**2).sum(1), rcond=None)[0]
    centre = solution[:3]
    return centre, float(np.sqrt(solution[3] + centre @ centre))


def ring_angles(radius):
    """Polar angle of each ring (radians) for an eyeball of the given radius (mm)."""
    iris = [np.arcsin(f * IRIS_RADIUS_MM / radius) for f in IRIS_RINGS]
    return np.array(iris + list(np.radians(BACK_ANGLES_DEG)))


def polar_cage(radius):
    """Unit directions [N,3] (pole = +z) and faces of one eyeball of this radius.

    The front is a fan around the pole. The back is closed by a cap with its own copy of the last ring, so that
    the azimuthal unwrap of the front needs no seam and still leaves the cap a place of its own.
    Vertex order: front pole, rings from front to back, then cap ring, back pole.
    """
    angles = ring_angles(radius)
    turns = 2 * np.pi * (np.arange(MERIDIANS) + 0.5) / MERIDIANS
    around = np.stack([np.cos(turns), np.sin(turns)], 1)

    def ring(angle):
        return np.c_[np.sin(angle) * around, np.full(MERIDIANS, np.cos(angle))]

    directions = [np.array([[0.0, 0.0, 1.0]])] + [ring(a) for a in angles] + [ring(angles[-1]), [[0.0, 0.0, -1.0]]]
    faces = []

    def vertex(row, meridian):
        return 1 + row * MERIDIANS + meridian % MERIDIANS

    for j in range(MERIDIANS):
        faces.append([0, vertex(0, j), vertex(0, j + 1), NO_VERTEX])
    for i in range(len(angles) - 1):
        for j in range(MERIDIANS):
            faces.append([vertex(i, j), vertex(i + 1, j), vertex(i + 1, j + 1), vertex(i, j + 1)])
    cap, pole = len(angles), 1 + (len(angles) + 1) * MERIDIANS
    for j in range(MERIDIANS):
        faces.append([vertex(cap, j), pole, vertex(cap, j + 1), NO_VERTEX])
    return interpolating_cage(np.concatenate(directions), np.array(faces)), np.array(faces)


def interpolating_cage(directions, faces, iterations=40):
    """Moves cage vertices so that their subdivided images, not they themselves, lie on the unit sphere."""
    operator, _, _ = catmull_clark(len(directions), faces)
    cage = directions.copy()
    for _ in range(iterations):
        cage += directions - (operator @ cage)[: len(directions)]
    return cage


def mirror_indices(vertex_count):
    """Index within one eyeball of the vertex at the mirrored direction (x -> -x)."""
    mirror = np.arange(vertex_count)
    rings = (vertex_count - 2) // MERIDIANS
    j = np.arange(MERIDIANS)
    for i in range(rings):
        mirror[1 + i * MERIDIANS + j] = 1 + i * MERIDIANS + (MERIDIANS // 2 - 1 - j) % MERIDIANS
    return mirror
