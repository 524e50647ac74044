"""
Writes a trained network as models/dense-face.onnx, weights as half floats, layers folded, borders in the
convolutions, planes doubled by one operator, slopes of what is negative by convolutions:

    python export.py --weights FOLDER/KIND.pt --out FILE.onnx
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from borders import move_borders
from dense_net import IN, DenseNetwork
from doubling import double_by_resizing
from slopes import slopes_by_convolutions


def fold(module):
    """Batch normalisation into the convolution before it."""
    for child in module.children():
        fold(child)
    if isinstance(module, nn.Sequential):
        for k in range(len(module) - 1):
            if isinstance(module[k], nn.Conv2d) and isinstance(module[k + 1], nn.BatchNorm2d):
                normalised = module[k + 1]
                module[k] = fuse_conv_bn_eval(module[k], normalised)
                module[k + 1] = nn.ReLU() if normalised.active else nn.Identity()


def halve(model):
    """Weights as half floats with a cast behind them: half the file, the arithmetic as before."""
    graph = model.graph
    casts, kept = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 64 or not np.isfinite(values.astype(np.float16)).all():
            kept.append(tensor)
            continue
        half = tensor.name + "_half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [tensor.name], to=onnx.TensorProto.FLOAT))
    del graph.initializer[:]
    graph.initializer.extend(kept)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)


class OneLook(nn.Module):
    """A crop [1][256][256][3] to all planes [1][22][128][128]. That both ways are looked and what is made of them is native
    (native/imaging/dense_look.cpp): two runs take less than a batch of two, whose values leave the caches."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, crop):
        return self.network(crop.permute(0, 3, 1, 2))


def export(network, path):
    network = network.cpu().eval()
    fold(network)
    partial = Path(f"{path}.partial")
    torch.onnx.export(
        OneLook(network), (torch.zeros(1, IN, IN, 3),), str(partial), input_names=["crop"], output_names=["said"],
        opset_version=17, dynamo=False,
    )  # fmt: skip
    model = onnx.load(partial)
    move_borders(model)
    double_by_resizing(model)
    halve(model)
    slopes_by_convolutions(model)
    onnx.checker.check_model(model)
    onnx.save(model, partial)
    partial.rename(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    saved = torch.load(options.weights, map_location="cpu", weights_only=True)
    network = DenseNetwork(saved["kind"])
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in saved["state"].items()})
    export(network, options.out)


if __name__ == "__main__":
    main()
