"""
Planes of twice the size in an exported network, as one operator each: PyTorch writes two products with matrices where gradients
could be wanted, for which a runtime changes the layout of all values and back. What the network says differs in the last bits.

    python doubling.py FILE.onnx
"""

import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

from borders import remove_unread

SCALES = "doubled"


def double_by_resizing(model):
    """How many there were."""
    graph = model.graph
    made_by = {output: node for node in graph.node for output in node.output}
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in inferred.value_info}

    def is_interpolation(name):
        """Whether the matrix is what dense_net.resized() makes of lines of one pixel each."""
        steps = []
        while name in made_by and len(steps) < 8:
            steps.append(made_by[name].op_type)
            name = made_by[name].input[0]
        return "Resize" in steps and "EyeLike" in steps

    resized = {}
    for outer in graph.node:
        inner = made_by.get(outer.input[1]) if outer.op_type == "MatMul" else None
        if inner is None or inner.op_type != "MatMul":
            continue
        down, across = outer.input[0], inner.input[1]
        before, after = shapes.get(inner.input[0]), shapes.get(outer.output[0])
        if not before or not after or after[2:] != [2 * side for side in before[2:]]:
            continue
        if not (is_interpolation(down) and is_interpolation(across)):
            continue
        resized[outer.output[0]] = helper.make_node(
            "Resize", [inner.input[0], "", SCALES], list(outer.output), f"{outer.name}/double",
            coordinate_transformation_mode="half_pixel", mode="linear",
        )  # fmt: skip
    nodes = [resized.get(node.output[0], node) for node in graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    if resized:
        graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), SCALES))
    remove_unread(graph)
    onnx.checker.check_model(model)
    return len(resized)


def main():
    path = sys.argv[1]
    model = onnx.load(path)
    print("doubled by one operator: %d" % double_by_resizing(model))
    onnx.save(model, path)


if __name__ == "__main__":
    main()
