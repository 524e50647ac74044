"""Records of generate.ts, and the lists of lib that name their columns."""

import re
from pathlib import Path

import numpy as np

POINTS, EXPRESSIONS = 478, 52

HERE = Path(__file__).parent
NAMES = (
    re.search(r"NAMES = \((.*?)\)\.split", (HERE.parent / "head" / "expression.py").read_text(), re.S)
    .group(1)
    .replace('"', " ")
    .split()
)


def points_of(name):
    text = (HERE.parents[2] / "lib" / "stages" / "mesh-points.ts").read_text()
    body = re.search(rf"export const {name} = \[(.*?)\]", text, re.S).group(1)
    return [int(x) for x in body.replace("\n", " ").split(",") if x.strip()]


def load(files):
    """Landmarks [n][478][3], weights [n][52], yaw [n]."""
    size = 3 * POINTS + EXPRESSIONS + 1
    data = np.concatenate([np.fromfile(f, "<f4").reshape(-1, size) for f in files])
    return data[:, : 3 * POINTS].reshape(-1, POINTS, 3), data[:, 3 * POINTS : -1], data[:, -1]
