"""
Writes a trained network as models/dense-face.onnx, weights as half floats, layers folded:

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

from dense_net import IN, DenseNetwork


def fold(module):
    """Batch normalisation into the convolution before it."""
    for child in module.children():
        fold(child)
    if isinstance(module, nn.Sequential):
        for k in range(len(module) - 1):
            if isinstance(module[k], nn.Conv2d) and isinstance(module[k + 1], nn.BatchNorm2d):
                module[k] = fuse_conv_bn_eval(module[k], module[k + 1])
                module[k + 1] = nn.Identity()


def halve(model):
    """Weights as half floats with a cast behind them: half the file, the arithmetic as before."""
    graph = model.graph
    casts, kept = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 64:
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


def export(network, path):
    network = network.cpu().eval()
    fold(network)
    crop = torch.zeros(2, 3, IN, IN)
    partial = Path(f"{path}.partial")
    torch.onnx.export(
        network, (crop,), str(partial), input_names=["crop"], output_names=["dense"], opset_version=17, dynamo=False,
        dynamic_axes={"crop": {0: "n"}, "dense": {0: "n"}},
    )  # fmt: skip
    model = onnx.load(partial)
    halve(model)
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
