"""Landmark sets of the model: each point of the network as a triangle of the subdivided mesh with barycentric weights.

Writes correspondences.npz for `dense` (478) and `ibug68`.
"""
import numpy as np

import sources
from expression import NAMES as EXPRESSIONS
from model import Head
from surface import closest_on_triangles

FACE_OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
             150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
IBUG68 = [162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389, 71, 63, 105, 66, 107, 336,
          296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305, 33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373,
          380, 61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87]
# Lips touch in a neutral face, so the nearest surface point may lie on the wrong lip: the jaw tells them apart.
UPPER_LIP = [185, 40, 39, 37, 0, 267, 269, 270, 409, 191, 80, 81, 82, 13, 312, 311, 310, 415, 184, 74, 73, 72, 11, 302,
             303, 304, 408, 183, 42, 41, 38, 12, 268, 271, 272, 407]
LOWER_LIP = [146, 91, 181, 84, 17, 314, 405, 321, 375, 95, 88, 178, 87, 14, 317, 402, 318, 324, 77, 90, 180, 85, 16, 315,
             404, 320, 307, 96, 89, 179, 86, 15, 316, 403, 319, 325]
MOUTH_CORNERS = [78, 308]
IRISES = {"rightEye": range(468, 473), "leftEye": range(473, 478)}


def attach(points, queries, triangles):
    row, weights, distance = closest_on_triangles(queries, points, triangles)
    return triangles[row], weights, distance


def main():
    identity = "calibrated.npz" if (sources.WORK / "calibrated.npz").exists() else "identity.npz"
    head = Head(identity)
    cage = head.cage
    points = head.shape()
    outer = np.load(sources.WORK / "outer.npy")
    lifted = np.load(sources.WORK / "lifted.npz")
    skin = head.triangles[cage.triangle_part == 0]
    vertices, weights, distance = attach(points, lifted["points"], skin[outer[skin].all(1)])
    drop = -(head.operator @ head.expression_cage[EXPRESSIONS.index("jawOpen")])[:, 1]
    at_corners = (drop[vertices[MOUTH_CORNERS]] * weights[MOUTH_CORNERS]).sum(1).mean()
    on_face = skin[outer[skin].all(1)]
    for lip, side in ((UPPER_LIP, (drop[on_face] < at_corners).all(1)), (LOWER_LIP, (drop[on_face] > at_corners).all(1))):
        vertices[lip], weights[lip], distance[lip] = attach(points, lifted["points"][lip], on_face[side])
    for part, indices in IRISES.items():
        indices = list(indices)
        eye = head.triangles[cage.triangle_part == ("skin", "leftEye", "rightEye").index(part)]
        vertices[indices], weights[indices], distance[indices] = attach(points, lifted["points"][indices], eye)
    print("attached; distance mm median %.2f max %.2f" % (np.median(distance), distance.max()))
    sigma = np.clip(lifted["spread"], 0.8, 6.0)
    dynamic = np.zeros(478, np.uint8)
    dynamic[FACE_OVAL] = 1
    ibug_dynamic = np.zeros(68, np.uint8)
    ibug_dynamic[:17] = 1
    np.savez(sources.WORK / "correspondences.npz", dense_vertices=vertices, dense_weights=weights, dense_sigma=sigma,
             dense_dynamic=dynamic, ibug68_vertices=vertices[IBUG68], ibug68_weights=weights[IBUG68],
             ibug68_sigma=sigma[IBUG68], ibug68_dynamic=ibug_dynamic)


if __name__ == "__main__":
    main()
