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
from dense_net import IN, OUT, DenseNetwork, mirrored, split
from doubling import double_by_resizing
from portraits import POINT_MM
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


class BothWays(nn.Module):
    """A crop [1][256][256][3] and its mirror image in one batch, and the mean of what is said of them, by name."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.register_buffer("backwards", torch.arange(IN - 1, -1, -1))
        self.register_buffer("backwards_out", torch.arange(OUT - 1, -1, -1))

    def forward(self, crop):
        # Mirrored while colours lie together, and afterwards while all that is said of a pixel does: whole runs of memory
        # move.
        both = torch.cat([crop, crop.index_select(2, self.backwards)], 0)
        out = self.network(both.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        sign = mirrored(torch.ones(1, out.shape[3], 1, 1)).flatten()
        mean = (out[:1] + out[1:].index_select(2, self.backwards_out) * sign) / 2
        said = split(mean.permute(0, 3, 1, 2))
        # As its parts: a runtime's own softmax takes 2 ms more.
        chances = (said["classes"] - said["classes"].amax(1, keepdim=True)).exp()
        return (
            said["normal"], said["normal_deviation"].exp(), said["point"] * POINT_MM, said["point_deviation"].exp(),
            chances / chances.sum(1, keepdim=True),
        )  # fmt: skip


def export(network, path):
    network = network.cpu().eval()
    fold(network)
    partial = Path(f"{path}.partial")
    torch.onnx.export(
        BothWays(network), (torch.zeros(1, IN, IN, 3),), str(partial), input_names=["crop"],
        output_names=["normal", "normalDeviation", "point", "pointDeviation", "classes"], opset_version=17, dynamo=False,
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
