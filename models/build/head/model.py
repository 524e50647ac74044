"""The head as built so far, at the subdivided resolution: what the calibration, landmark and picture steps look at."""

import numpy as np

from geometry import load_cage, load_operators, vertex_normals
from sources import WORK


class Head:
    """Subdivided mean, identity and expression bases (float32), albedo and triangles."""

    def __init__(self, identity="identity.npz", components=None, expression="expression.npz"):
        self.cage = load_cage()
        _, self.operator = load_operators()
        arrays = np.load(WORK / identity)
        self.mean_cage = arrays["mean"]
        self.identity_cage = arrays["components"][:components]
        self.expression_cage = np.load(WORK / expression)["shapes"]
        albedo = np.load(WORK / "albedo.npz")
        self.albedo_mean, self.albedo_components = albedo["mean"], albedo["components"]
        self.triangles = self.cage.triangles.astype(np.int64)

    def cage_shape(self, identity=None, expression=None):
        points = self.mean_cage.copy()
        if identity is not None:
            points += np.tensordot(identity, self.identity_cage[: len(identity)], 1)
        for index, value in (expression or {}).items():
            points += value * self.expression_cage[index]
        return points

    def shape(self, identity=None, expression=None):
        """Subdivided points [V2,3]."""
        return self.operator @ self.cage_shape(identity, expression)

    def albedo(self, coefficients=None):
        if coefficients is None:
            return self.albedo_mean
        return np.clip(
            self.albedo_mean + np.tensordot(coefficients, self.albedo_components[: len(coefficients)], 1), 0, 1
        )

    def normals(self, points):
        return vertex_normals(points, self.triangles)
