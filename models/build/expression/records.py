"""Records of generate.ts."""

import re
from pathlib import Path

import numpy as np

EXPRESSIONS = 52
# What the network takes of one eye: a picture, and 76 points in three dimensions.
HEIGHT, WIDTH, POINTS = 16, 24, 76
EYE = 3 * (HEIGHT * WIDTH + POINTS)
# And of a mouth, with 68 points.
MOUTH_HEIGHT, MOUTH_WIDTH, MOUTH_POINTS = 32, 40, 68
MOUTH = 3 * (MOUTH_HEIGHT * MOUTH_WIDTH + MOUTH_POINTS)

HERE = Path(__file__).parent
NAMES = (
    re.search(r"NAMES = \((.*?)\)\.split", (HERE.parent / "head" / "expression.py").read_text(), re.S)
    .group(1)
    .replace('"', " ")
    .split()
)


def load(files):
    """Weights [n][52], yaw [n], what the networks take of the eyes [n][2][EYE] and of the mouth [n][2][MOUTH]."""
    size = EXPRESSIONS + 1 + 2 * EYE + 2 * MOUTH
    data = np.concatenate([np.fromfile(f, "<f4").reshape(-1, size) for f in files])
    eyes, mouth = np.split(data[:, EXPRESSIONS + 1 :], [2 * EYE], 1)
    return data[:, :EXPRESSIONS], data[:, EXPRESSIONS], eyes.reshape(-1, 2, EYE), mouth.reshape(-1, 2, MOUTH)
