"""
PReLU in an exported network, which the exporter writes as five operators, as two convolutions of one pixel and a channel each: ONNX
Runtime keeps values in its own layout of convolutions around them, which it changes to and back for the others. What the
network says differs in the last bits.

    python slopes.py FILE.onnx
"""

import sys
from collections import defaultdict

import numpy as np
import onnx
from onnx import helper, numpy_helper

from borders import remove_unread


def constant_values(graph):
    """Of constants, and of half floats that a cast makes floats."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Cast" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]].astype(np.float32)
    return values


def slopes_by_convolutions(model):
    """relu(x) - a relu(-x) as a x + (1 - a) relu(x). How many there were."""
    graph = model.graph
    values = constant_values(graph)
    made_by = {output: node for node in graph.node for output in node.output}
    readers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)

    def only_reader(node, kind):
        found = readers[node.output[0]] if node is not None else []
        return found[0] if len(found) == 1 and found[0].op_type == kind else None

    written = {}
    for negative in graph.node:
        scaled = only_reader(only_reader(negative, "Relu"), "Mul") if negative.op_type == "Neg" else None
        result = only_reader(scaled, "Sub")
        slope = next((name for name in scaled.input if name in values), None) if result is not None else None
        if slope is None:
            continue
        x, positive = negative.input[0], result.input[0]
        if made_by[positive].op_type != "Relu" or made_by[positive].input[0] != x:
            continue
        a = values[slope].astype(np.float32).reshape(-1, 1, 1, 1)
        name = result.output[0]
        graph.initializer.append(numpy_helper.from_array(a, f"{name}/slope"))
        graph.initializer.append(numpy_helper.from_array(1 - a, f"{name}/left"))
        attributes = {"group": len(a), "kernel_shape": [1, 1]}
        written[name] = [
            helper.make_node("Conv", [x, f"{name}/slope"], [f"{name}/scaled"], f"{name}/scale", **attributes),
            helper.make_node("Conv", [positive, f"{name}/left"], [f"{name}/rest"], f"{name}/add", **attributes),
            helper.make_node("Add", [f"{name}/scaled", f"{name}/rest"], [name], f"{name}/sum"),
        ]
    nodes = [new for node in graph.node for new in (written.get(node.output[0]) or [node])]
    del graph.node[:]
    graph.node.extend(nodes)
    remove_unread(graph)
    onnx.checker.check_model(model)
    return len(written)


def main():
    path = sys.argv[1]
    model = onnx.load(path)
    print("slopes by convolutions: %d" % slopes_by_convolutions(model))
    onnx.save(model, path)


if __name__ == "__main__":
    main()
