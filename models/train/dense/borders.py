"""
Zero borders of an exported network, where its convolutions expect them: PyTorch writes each as an operator of its own, even one
of no width, and between two convolutions that makes a runtime change the layout of all values and back. The network says the
same to the bit.

    python borders.py FILE.onnx
"""

import sys
from collections import defaultdict

import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def constants(graph, names):
    """Values of those names that nothing but constants decides."""
    made_by = {output: node for node in graph.node for output in node.output}
    kept = {tensor.name for tensor in graph.initializer}
    known = {}

    def is_constant(name):
        if name == "" or name in kept:
            return True
        if name not in known:
            known[name] = False
            known[name] = name in made_by and all(is_constant(i) for i in made_by[name].input)
        return known[name]

    wanted = sorted({name for name in names if is_constant(name) and name in made_by})
    reached, open_names = set(), list(wanted)
    while open_names:
        node = made_by.get(open_names.pop())
        if node is not None and id(node) not in reached:
            reached.add(id(node))
            open_names.extend(node.input)
    needed = [node for node in graph.node if id(node) in reached]
    read = {name for node in needed for name in node.input}
    outputs = [helper.make_tensor_value_info(name, onnx.TensorProto.INT64, None) for name in wanted]
    part = helper.make_graph(needed, "constants", [], outputs, [t for t in graph.initializer if t.name in read])
    model = helper.make_model(part, opset_imports=[helper.make_opsetid("", 17)])
    values = dict(zip(wanted, ReferenceEvaluator(model).run(None, {})))
    return values | {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.name in names}


def attribute(node, name):
    return next((a for a in node.attribute if a.name == name), None)


def is_of_zeros(node):
    mode = attribute(node, "mode")
    return (mode is None or mode.s == b"constant") and (len(node.input) < 3 or node.input[2] == "")


def remove_unread(graph):
    outputs = {value.name for value in graph.output}
    while True:
        read = outputs.union(*(node.input for node in graph.node))
        left = [node for node in graph.node if any(output in read for output in node.output)]
        if len(left) == len(graph.node):
            break
        del graph.node[:]
        graph.node.extend(left)
    left = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(left)


def move_borders(model):
    """Returns how many borders went: those of no width, and those that a convolution makes itself now."""
    graph = model.graph
    readers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)
    borders = [node for node in graph.node if node.op_type == "Pad" and is_of_zeros(node)]
    widths = constants(graph, {node.input[1] for node in borders})
    gone = [0, 0]
    for border in borders:
        width = widths.get(border.input[1])
        if width is None:
            continue
        width, follows = [int(w) for w in width], readers[border.output[0]]
        if not any(width):
            gone[0] += 1
        elif len(width) == 8 and not any(width[:2] + width[4:6]) and [n.op_type for n in follows] == ["Conv"]:
            own = attribute(follows[0], "pads")
            before = list(own.ints) if own is not None else [0, 0, 0, 0]
            if own is not None:
                follows[0].attribute.remove(own)
            pads = [a + b for a, b in zip(before, width[2:4] + width[6:8])]
            follows[0].attribute.append(helper.make_attribute("pads", pads))
            gone[1] += 1
        else:
            continue
        for node in follows:
            for k, name in enumerate(node.input):
                if name == border.output[0]:
                    node.input[k] = border.input[0]
        readers[border.input[0]].extend(follows)
    remove_unread(graph)
    onnx.checker.check_model(model)
    return gone


def main():
    path = sys.argv[1]
    model = onnx.load(path)
    print("borders gone: %d of no width, %d into convolutions" % tuple(move_borders(model)))
    onnx.save(model, path)


if __name__ == "__main__":
    main()
