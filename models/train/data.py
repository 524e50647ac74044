"""What the regressor is trained on: the portraits of generate.ts, and the head model that they show."""

import json
import re
from pathlib import Path

import numpy as np

MODELS = Path(__file__).resolve().parent.parent
CROP = 112
POINTS = 478


def read_safetensors(path):
    raw = Path(path).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    types = {"F32": "<f4", "F16": "<f2", "U16": "<u2", "U8": "u1"}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = np.frombuffer(raw[8 + size + begin : 8 + size + end], types[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


class Head:
    """The head model on its cage: metric of shape errors, and what a mirror does to coefficients."""

    def __init__(self):
        tensors = read_safetensors(MODELS / "head.safetensors")
        self.mean = tensors["mean"].astype(np.float64)
        self.identity = tensors["identity"].astype(np.float64)
        self.expression = tensors["expression"].astype(np.float64)
        prior = tensors["expressionPrior"].astype(np.float64)
        self.expression_mean, self.expression_sigma = prior[:, 0], prior[:, 1]
        vertices = len(self.mean)
        self.weights = tensors["deformable"][:vertices].astype(np.float64) ** 2
        basis = np.concatenate([self.identity, self.expression]).reshape(-1, 3 * vertices)
        self.metric = self._metric(basis)
        mirror = tensors["cageMirror"].astype(int)
        self.mirror_identity = self._mirror(self.identity, mirror)
        self.mirror_expression = self._mirror(self.expression, mirror)

    def _metric(self, basis):
        """Quadratic form of coefficient errors: mean squared vertex distance, mm^2, rigid motion and scale taken out."""
        w = np.repeat(self.weights, 3)
        centred = self.mean - np.average(self.mean, axis=0, weights=self.weights)
        motions = [np.tile(np.eye(3)[k], len(centred)) for k in range(3)]
        motions += [np.cross(np.eye(3)[k], centred).ravel() for k in range(3)] + [centred.ravel()]
        q, _ = np.linalg.qr(np.array(motions).T * np.sqrt(w)[:, None])
        weighted = basis * np.sqrt(w)
        weighted = weighted - (weighted @ q) @ q.T
        return weighted @ weighted.T / self.weights.sum()

    @staticmethod
    def _mirror(components, mirror):
        """Matrix that takes coefficients of a head to those of its mirror image."""
        flat = components.reshape(len(components), -1)
        flipped = (components[:, mirror] * [-1, 1, 1]).reshape(len(components), -1)
        solution, *_ = np.linalg.lstsq(flat.T, flipped.T, rcond=None)
        residual = np.sqrt(((flat.T @ solution - flipped.T) ** 2).mean())
        if residual > 0.02:
            raise ValueError(f"the components are not closed under mirroring: {residual:.3f} mm")
        return solution


def landmark_mirror():
    """For every landmark, the one on the other side; the table of the TypeScript side."""
    text = (MODELS.parent / "lib" / "stages" / "mesh-points.ts").read_text()
    table = re.search(r"export const MIRROR = \[([^\]]*)\]", text).group(1)
    return np.array([int(x) for x in re.findall(r"\d+", table)])


def load(folder, limit=None):
    """Fields of layout.json by name, [portraits][length], and crops [portraits][112][112][3] as 8 bits."""
    folder = Path(folder)
    layout = json.loads((folder / "layout.json").read_text())
    width = sum(field["length"] for field in layout)
    rows, crops = [], []
    for shard in sorted(folder.glob("*.f32")):
        rows.append(np.fromfile(shard, "<f4").reshape(-1, width))
        crops.append(np.fromfile(shard.with_suffix(".u8"), "u1").reshape(-1, CROP, CROP, 3))
        if limit and sum(map(len, rows)) >= limit:
            break
    rows, crops = np.concatenate(rows), np.concatenate(crops)
    fields, start = {}, 0
    for field in layout:
        fields[field["name"]] = rows[:, start : start + field["length"]]
        start += field["length"]
    fields["landmarks"] = fields["landmarks"].reshape(-1, POINTS, 4)
    return fields, crops
