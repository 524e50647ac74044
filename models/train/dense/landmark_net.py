"""
models/face-landmarks.onnx on batches of crops, where the portraits are drawn: lib/stages/landmarks.ts, landmarksInFrame().
"""

import re
import sys
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional

TRAIN = Path(__file__).resolve().parent.parent
sys.path.append(str(TRAIN))

from data import MODELS, landmark_mirror  # noqa: E402

POINTS, MESH_POINTS, SIDE = 478, 468, 192


def point_table(name):
    """One of the lists of point numbers in lib/stages/mesh-points.ts."""
    text = (MODELS.parent / "lib" / "stages" / "mesh-points.ts").read_text()
    return [int(x) for x in re.findall(r"\d+", re.search(rf"export const {name} = \[([^\]]*)\]", text).group(1))]


class Graph:
    """The graph of one picture, as functions of torch; batches go through it by vmap()."""

    def __init__(self, device):
        graph = onnx.load(MODELS / "face-landmarks.onnx").graph
        self.constants = {}
        for tensor in graph.initializer:
            self.constants[tensor.name] = torch.tensor(numpy_helper.to_array(tensor))
        self.steps = []
        for node in graph.node:
            detail = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Constant":
                self.constants[node.output[0]] = torch.tensor(numpy_helper.to_array(detail["value"]))
            elif node.op_type in ("Cast", "Identity") and node.input[0] in self.constants:
                value = self.constants[node.input[0]]
                self.constants[node.output[0]] = value.float() if value.is_floating_point() else value
            else:
                self.steps.append((node.op_type, list(node.input), node.output[0], detail))
        for name, value in self.constants.items():
            if value.is_floating_point() or value.dim() > 1:
                self.constants[name] = (value.float() if value.is_floating_point() else value).to(device)
        self.input = graph.input[0].name
        self.outputs = [output.name for output in graph.output]

    def __call__(self, crop):
        """[1][192][192][3] to the outputs by name."""
        values = {self.input: crop}
        for kind, inputs, target, detail in self.steps:
            values[target] = self._run(kind, [values[n] if n in values else self.constants[n] for n in inputs], detail)
        return {name: values[name] for name in self.outputs}

    @staticmethod
    def _run(kind, x, detail):
        if kind == "Conv":
            top, left, bottom, right = detail["pads"]
            padded = functional.pad(x[0], (left, right, top, bottom))
            bias = x[2] if len(x) > 2 else None
            return functional.conv2d(padded, x[1], bias, stride=tuple(detail["strides"]), groups=detail.get("group", 1))
        if kind == "PRelu":
            slope = x[1].reshape(1, -1, 1, 1)
            return torch.where(x[0] > 0, x[0], slope * x[0])
        if kind == "MaxPool":
            return functional.max_pool2d(x[0], tuple(detail["kernel_shape"]), tuple(detail["strides"]))
        if kind == "Pad":
            sizes = x[1].tolist()
            half = len(sizes) // 2
            return functional.pad(x[0], [s for k in reversed(range(half)) for s in (sizes[k], sizes[half + k])])
        if kind == "Transpose":
            return x[0].permute(*detail["perm"])
        if kind == "Reshape":
            return x[0].reshape(x[1].tolist())
        if kind == "Slice":
            out = x[0]
            for start, end, axis in zip(x[1].tolist(), x[2].tolist(), x[3].tolist()):
                out = out.narrow(axis, start, min(end, out.shape[axis]) - start)
            return out
        if kind == "Gather":
            return x[0].index_select(detail["axis"], x[1].to(x[0].device).flatten())
        if kind in ("ReduceMin", "ReduceMax"):
            least = torch.amin if kind == "ReduceMin" else torch.amax
            return least(x[0].float(), dim=tuple(detail["axes"]), keepdim=bool(detail.get("keepdims", 1)))
        if kind == "Concat":
            return torch.cat(x, detail["axis"])
        if kind == "GridSample":
            return functional.grid_sample(x[0], x[1], mode="bilinear", padding_mode="zeros", align_corners=False)
        if kind == "Cast":
            return x[0].float()
        binary = {
            "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "MatMul": torch.matmul,
            "GreaterOrEqual": torch.ge, "LessOrEqual": torch.le, "And": torch.logical_and,
        }  # fmt: skip
        if kind in binary:
            return binary[kind](*x)
        return {"Sqrt": torch.sqrt, "Neg": torch.neg, "Identity": lambda value: value}[kind](x[0])


class Landmarks:
    def __init__(self, device):
        self.graph = torch.func.vmap(Graph(device), chunk_size=128)
        self.mirror = torch.as_tensor(landmark_mirror(), device=device)
        to = lambda name: torch.tensor(point_table(name), device=device)
        self.lips = to("LIPS")
        self.eyes = to("IMAGE_LEFT_EYE"), to("IMAGE_RIGHT_EYE")
        self.irises = to("IMAGE_LEFT_IRIS"), to("IMAGE_RIGHT_IRIS")

    def _look(self, crop):
        """[n][3][192][192] to points [n][478][3] in shares of the side, from the middle, and log-odds of presence [n]."""
        out = self.graph(crop.permute(0, 2, 3, 1)[:, None])
        n = len(crop)
        points = crop.new_zeros(n, POINTS, 3)
        points[:, :MESH_POINTS] = out["output_mesh_identity"].reshape(n, MESH_POINTS, 3)
        refined = [(self.lips, "lips"), (self.eyes[0], "left_eye"), (self.eyes[1], "right_eye"),
                   (self.irises[0], "left_iris"), (self.irises[1], "right_iris")]  # fmt: skip
        for rows, name in refined:
            points[:, rows, :2] = out[f"output_{name}"].reshape(n, -1, 2)
        for eye, iris in zip(self.eyes, self.irises):
            points[:, iris, 2] = points[:, eye[:16], 2].mean(1, keepdim=True)
        points = points / SIDE
        points[:, :, :2] -= 0.5
        return points, out["conv_faceflag"].reshape(n)

    @torch.no_grad()
    def __call__(self, crop):
        """
        Crops [n][3][256][256] of the landmarks' square. Returns landmarks [n][478][4] as lib/stages/face-frame.ts frames
        them, log-odds of presence [n], and how far the two looks are apart, in shares of the face [n].
        """
        x = functional.interpolate(crop, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        # Short floats of a GPU would move points by a tenth of what they err.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            seen, seen_odds = self._look(x)
            other, other_odds = self._look(x.flip(3))
        other = other[:, self.mirror] * other.new_tensor([-1, 1, 1])
        odds = torch.minimum(seen_odds, other_odds)
        apart = 1.5 * (seen - other)[:, :, :2].norm(dim=2).mean(1)
        presence = torch.sigmoid(odds)[:, None, None].expand(-1, POINTS, 1)
        return torch.cat([(seen + other) / 2, presence], 2), odds, apart
