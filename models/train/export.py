"""
Writes a network of train.py as the ONNX file that hrn runs: python export.py KIND.pt OUT.onnx

One flat input, as the sessions of the addon take it: the landmarks' 478 x 4 values, then, for kinds with pixels, the
crop's 112 x 112 x 3. Weights are stored as half floats and widened when the file is opened.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from data import CROP, POINTS
from network import IDENTITY, SHAPE, Regressor

NAMES = ["identity", "identityDeviation", "expression", "expressionDeviation", "logDistance", "logDistanceDeviation"]
# Smaller tensors are not worth a Cast each.
LEAST_VALUES = 256


class Flat(nn.Module):
    def __init__(self, regressor):
        super().__init__()
        self.regressor = regressor

    def forward(self, values):
        landmarks = values[:, : 4 * POINTS].reshape(1, POINTS, 4)
        crop = None if self.regressor.trunk is None else values[:, 4 * POINTS :].reshape(1, CROP, CROP, 3)
        mean, log_deviation = self.regressor(landmarks, crop)
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


def main():
    source, target = map(Path, sys.argv[1:3])
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
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
