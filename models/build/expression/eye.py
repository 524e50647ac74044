"""
Fits what lib/stages/eye-state-weights.ts holds: `python eye.py RECORDS... > lib/stages/eye-state-weights.ts`, RECORDS
from generate.ts. Ridge regression of blink (0..1), gaze outwards and gaze up (-1..1) on the landmarks of one eye in its
own frame: origin between its corners, x from the outer to the inner one, unit the corners' distance.
"""

import sys

import numpy as np

from records import NAMES, load, points_of

RIDGE = 300
LARGEST_YAW = 50


def features(points, eye):
    outer, inner = points[:, 33], points[:, 133]
    unit = np.linalg.norm(inner - outer, axis=1)[:, None]
    along = inner[:, :2] - outer[:, :2]
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    q = (points[:, eye] - ((outer + inner) / 2)[:, None]) / unit[:, None]
    x = q[:, :, 0] * along[:, None, 0] + q[:, :, 1] * along[:, None, 1]
    y = q[:, :, 1] * along[:, None, 0] - q[:, :, 0] * along[:, None, 1]
    return np.concatenate([x, y, q[:, :, 2]], 1)


def main():
    points, weights, yaw = load(sys.argv[1:])
    eye = points_of("IMAGE_LEFT_EYE") + points_of("IMAGE_LEFT_IRIS")
    mirrored = points[:, points_of("MIRROR")] * np.array([-1, 1, 1])
    x = np.concatenate([features(points, eye), features(mirrored, eye)])

    def of(name, side):
        return weights[:, NAMES.index(name + side)]

    y = np.concatenate(
        [
            np.stack(
                [
                    of("eyeBlink", side),
                    of("eyeLookOut", side) - of("eyeLookIn", side),
                    of("eyeLookUp", side) - of("eyeLookDown", side),
                ],
                1,
            )
            for side in ("Right", "Left")
        ]
    )
    kept = np.abs(np.concatenate([yaw, -yaw])) < LARGEST_YAW
    x, y = x[kept], y[kept]
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    design = np.concatenate([np.ones((len(x), 1)), (x - mean) / deviation], 1)
    solution = np.linalg.solve(design.T @ design + RIDGE * np.eye(design.shape[1]), design.T @ y)
    slopes = solution[1:] / deviation[:, None]
    constants = solution[0] - slopes.T @ mean
    print("/**")
    print(" * Written by models/build/expression/eye.py; see there. How shut an eye is, how far it looks outwards and how far up, as")
    print(" * linear functions of its landmarks: x of 76 points, then y, then z, in the eye's own frame (eye-state.ts).")
    print(" */")
    print("export const EYE_STATE = {")
    for k, name in enumerate(("shut", "outwards", "up")):
        values = ", ".join(f"{round(float(v), 4):g}" for v in slopes[:, k])
        print(f"  {name}: {{ constant: {constants[k]:.5f}, weights: [{values}] }},")
    print("} as const;")


if __name__ == "__main__":
    main()
