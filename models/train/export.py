"""
Writes a network of train.py as models/coefficient-regressor.onnx, and its entry in the manifest:

    python export.py KIND.pt

One flat input, as the sessions of the addon take it: the landmarks' 478 x 4 values, then, for kinds with pixels, the
crop's 112 x 112 x 3. The file answers with the mean for the face and for its mirror image, which treats left and right
alike and errs less. Weights are stored as half floats and widened when the file is opened.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from data import CROP, MODELS, POINTS, Head
from network import IDENTITY, SHAPE, Regressor
from objective import Mirror

NAMES = ["identity", "identityDeviation", "expression", "expressionDeviation", "logDistance", "logDistanceDeviation"]
FILE = "coefficient-regressor.onnx"
# Smaller tensors are not worth a Cast each.
LEAST_VALUES = 256


class Flat(nn.Module):
    def __init__(self, regressor):
        super().__init__()
        self.regressor = regressor
        mirror = Mirror(Head(), "cpu")
        self.register_buffer("points", mirror.points)
        self.register_buffer("signs", mirror.signs)
        self.register_buffer("matrix", mirror.matrix)

    def forward(self, values):
        landmarks = values[:, : 4 * POINTS].reshape(1, POINTS, 4)
        crop = None if self.regressor.trunk is None else values[:, 4 * POINTS :].reshape(1, CROP, CROP, 3)
        landmarks = torch.cat([landmarks, landmarks[:, self.points] * self.signs])
        crop = None if crop is None else torch.cat([crop, crop.flip(2)])
        mean, log_deviation = self.regressor(landmarks, crop)
        mean = 0.5 * (mean[:1] + mean[1:] @ self.matrix)
        log_deviation = log_deviation[:1]
        outputs = []
        for part in (slice(0, IDENTITY), slice(IDENTITY, SHAPE), slice(-1, None)):
            outputs += [mean[:, part], log_deviation[:, part].exp()]
        return tuple(outputs)


def halve(model):
    """Stores large weights as half floats, each behind a Cast."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < LEAST_VALUES:
            continue
        name = tensor.name
        half = numpy_helper.from_array(values.astype(np.float16), name + "_half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    for i, cast in enumerate(casts):
        graph.node.insert(i, cast)


def enter(kind, path):
    """Puts the file into the manifest."""
    manifest = MODELS / "manifest.json"
    entries = [entry for entry in json.loads(manifest.read_text()) if entry["file"] != FILE]
    raw = path.read_bytes()
    own = {"package": "hrn-face", "version": "trained", "file": "portraits of models/train/generate.ts"}
    landmarks = next(entry for entry in entries if entry["file"] == "face-landmarks.onnx")
    entries.append(
        {
            "file": FILE,
            "sha256": hashlib.sha256(raw).hexdigest(),
            "bytes": len(raw),
            "name": "Coefficient regressor: identity, expression and distance from landmarks and a crop of 112 x 112",
            "source": [own, landmarks["source"]] if kind == "backbone" else own,
            "licence": "Apache-2.0" if kind == "backbone" else "MIT",
            "builtBy": "models/train/export.py",
        }
    )
    manifest.write_text(json.dumps(entries, indent=2) + "\n")


def main():
    source, target = Path(sys.argv[1]), MODELS / FILE
    saved = torch.load(source, weights_only=True)
    network = Regressor(saved["kind"])
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in saved["state"].items()})
    flat = Flat(network.eval())
    size = 4 * POINTS + (0 if network.trunk is None else 3 * CROP * CROP)
    example = torch.rand(1, size, generator=torch.Generator().manual_seed(1))
    torch.onnx.export(
        flat, (example,), str(target), input_names=["face"], output_names=NAMES, opset_version=17, dynamo=False
    )
    model = onnx.load(target)
    halve(model)
    onnx.checker.check_model(model)
    model.producer_name, model.producer_version, model.doc_string = "hrn models/train", "", ""
    onnx.save(model, target)
    enter(saved["kind"], target)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
