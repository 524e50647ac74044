"""Records of generate.ts."""

import re
from pathlib import Path

import numpy as np

EXPRESSIONS = 52
# What the network takes of one eye: a picture, and 76 points in three dimensions.
HEIGHT, WIDTH, POINTS = 16, 24, 76
EYE = 3 * (HEIGHT * WIDTH + POINTS)

HERE = Path(__file__).parent
NAMES = (
    re.search(r"NAMES = \((.*?)\)\.split", (HERE.parent / "head" / "expression.py").read_text(), re.S)
    .group(1)
    .replace('"', " ")
    .split()
)


def load(files):
    """Weights [n][52], yaw [n], what the network takes of the eyes [n][2][EYE]."""
    size = EXPRESSIONS + 1 + 2 * EYE
    data = np.concatenate([np.fromfile(f, "<f4").reshape(-1, size) for f in files])
    return data[:, :EXPRESSIONS], data[:, EXPRESSIONS], data[:, EXPRESSIONS + 1 :].reshape(-1, 2, EYE)
