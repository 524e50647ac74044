"""
Stores the largest weights of a network as bytes with one scale for each output channel, widened when the file is opened:

    python shrink.py coefficient-regressor.onnx     a file in models/, with its entry in the manifest
"""

import hashlib
import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from data import MODELS

#: Smaller tensors save little.
LEAST_VALUES = 100_000
#: Values that a projection multiplies keep what precision they have.
KEPT = ("features.basis",)


def shrink(model):
    """Half floats behind a Cast become bytes, a Cast and a product, which the runtime works out once."""
    graph = model.graph
    casts = {node.input[0]: node for node in graph.node if node.op_type == "Cast"}
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float16 or values.size < LEAST_VALUES or any(name in tensor.name for name in KEPT):
            continue
        cast = casts[tensor.name]
        wide = values.astype(np.float32)
        # Output channels come first in convolutions and in the transposed products of linear layers.
        axes = tuple(range(1, wide.ndim))
        scale = np.maximum(np.abs(wide).max(axes, keepdims=True) / 127, 1e-12)
        base = tensor.name.removesuffix("_half")
        target = cast.output[0]
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(np.rint(wide / scale).astype(np.int8), base + "_byte"))
        graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), base + "_scale"))
        at = list(graph.node).index(cast)
        graph.node.remove(cast)
        graph.node.insert(at, helper.make_node("Mul", [base + "_wide", base + "_scale"], [target]))
        graph.node.insert(at, helper.make_node("Cast", [base + "_byte"], [base + "_wide"], to=TensorProto.FLOAT))


def main():
    path = MODELS / sys.argv[1]
    model = onnx.load(path)
    shrink(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    manifest = MODELS / "manifest.json"
    entries = json.loads(manifest.read_text())
    for entry in entries:
        if entry["file"] == path.name:
            raw = path.read_bytes()
            entry["sha256"], entry["bytes"] = hashlib.sha256(raw).hexdigest(), len(raw)
    manifest.write_text(json.dumps(entries, indent=2) + "\n")
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
