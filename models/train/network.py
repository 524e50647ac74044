"""The coefficient networks that are compared. All take landmarks and crop, and give means and log deviations."""

import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

from data import CROP, MODELS, POINTS
from depthwise import depthwise

IDENTITY, EXPRESSION, POSE = 120, 52, 7
SHAPE = IDENTITY + EXPRESSION
OUTPUTS = SHAPE + POSE
COMPONENTS = 160
KINDS = ("mlp", "cnn", "backbone")


class LandmarkFeatures(nn.Module):
    """Principal components of the landmarks' x, y and z, each of unit variance; the first, of pose, also multiplied."""

    def __init__(self, landmarks=None, pose_components=4):
        super().__init__()
        size = 3 * POINTS
        mean, basis = torch.zeros(size), torch.zeros(size, COMPONENTS)
        if landmarks is not None:
            flat = landmarks[:, :, :3].reshape(-1, size)
            mean = flat.mean(0)
            _, values, vectors = torch.linalg.svd(flat - mean, full_matrices=False)
            basis = vectors[:COMPONENTS].T / (values[:COMPONENTS] / len(flat) ** 0.5)
        self.register_buffer("mean", mean)
        self.register_buffer("basis", basis)
        pairs = torch.triu_indices(pose_components, pose_components)
        self.register_buffer("first", pairs[0])
        self.register_buffer("second", pairs[1])
        self.size = COMPONENTS + pairs.shape[1]

    def forward(self, landmarks):
        flat = landmarks[:, :, :3].reshape(-1, 3 * POINTS)
        z = ((flat - self.mean) @ self.basis).clamp(-6, 6)
        return torch.cat([z, z[:, self.first] * z[:, self.second]], 1)


class Convolutions(nn.Module):
    """Strided layers with residual ones between, trained from nothing. [n][3][112][112] to [n][192][4][4]"""

    channels, side = 192, 4

    def __init__(self):
        super().__init__()
        widths = (24, 48, 96, 160)
        self.stem = self._layer(3, widths[0], 2)
        self.down = nn.ModuleList(self._layer(a, b, 2) for a, b in zip(widths, widths[1:]))
        self.stay = nn.ModuleList(self._layer(w, w, 1) for w in widths[1:])
        self.last = self._layer(widths[-1], self.channels, 2)

    @staticmethod
    def _layer(inputs, outputs, stride):
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )

    def forward(self, crop):
        # Each crop to zero mean and unit contrast: exposure says nothing about shape.
        x = crop - crop.mean((1, 2, 3), keepdim=True)
        x = self.stem(x / (x.square().mean((1, 2, 3), keepdim=True).sqrt() + 0.02))
        for down, stay in zip(self.down, self.stay):
            x = down(x)
            x = x + stay(x)
        return self.last(x)


class LandmarkBackbone(nn.Module):
    """
    The first layers of models/face-landmarks.onnx, which has seen real faces, trained on. The crop is put where the
    landmark network has it: [n][3][112][112] to [n][128][6][6].
    """

    LAST = "v214"
    SEEN, SIDE = 164, 192
    channels, side = 128, 6

    def __init__(self):
        super().__init__()
        graph = onnx.load(MODELS / "face-landmarks.onnx").graph
        values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.steps = []
        self.weights = nn.ParameterDict()
        for node in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            source, target = node.input[0], node.output[0]
            if node.op_type == "Constant":
                values[target] = numpy_helper.to_array(attributes["value"])
            elif node.op_type == "Cast" and source in values:
                values[target] = values[source].astype("f4")
            elif node.op_type in ("Conv", "PRelu", "Add", "MaxPool", "Pad"):
                constants = [values[name] for name in node.input[1:] if name in values]
                others = [name for name in node.input if name not in values]
                self._add(node.op_type, others, target, constants, attributes)
            elif node.op_type == "Transpose":
                self.start = target
            if target == self.LAST:
                break

    def _add(self, kind, inputs, target, constants, attributes):
        if kind in ("Conv", "PRelu"):
            for i, constant in enumerate(constants):
                self.weights[f"{target}_{i}"] = nn.Parameter(torch.tensor(constant, dtype=torch.float32))
            detail = attributes
        elif kind == "Pad":
            before, after = [int(x) for x in constants[0][:4]], [int(x) for x in constants[0][4:]]
            # Torch counts from the last dimension.
            detail = [x for pair in reversed(list(zip(before, after))) for x in pair]
        else:
            detail = attributes
        self.steps.append((kind, inputs, target, detail))

    def forward(self, crop):
        x = functional.interpolate(crop, size=(self.SEEN, self.SEEN), mode="bilinear", align_corners=False)
        edge = (self.SIDE - self.SEEN) // 2
        return self.values({self.start: functional.pad(x, (edge,) * 4, mode="replicate")})[self.LAST]

    def values(self, values):
        """All that the layers say, by name, from what goes into them."""
        for kind, inputs, target, detail in self.steps:
            x = values[inputs[0]]
            if kind == "Conv":
                top, left, bottom, right = detail["pads"]
                x = functional.pad(x, (left, right, top, bottom))
                weight, bias = self.weights[f"{target}_0"], self.weights[f"{target}_1"]
                if detail["group"] == 1:
                    x = functional.conv2d(x, weight, bias, stride=tuple(detail["strides"]))
                else:
                    x = depthwise(x, weight, bias, detail["strides"][0])
            elif kind == "PRelu":
                x = prelu(x, self.weights[f"{target}_0"].reshape(-1, 1, 1))
            elif kind == "Add":
                x = x + values[inputs[1]]
            elif kind == "MaxPool":
                x = functional.max_pool2d(x, tuple(detail["kernel_shape"]), tuple(detail["strides"]))
            else:
                x = functional.pad(x, detail)
            values[target] = x
        return values


def prelu(x, slope):
    """PReLU; a file has it in pieces, which ONNX Runtime runs many times faster than its own operator."""
    if torch.onnx.is_in_onnx_export():
        return functional.relu(x) - slope * functional.relu(-x)
    return functional.prelu(x, slope.flatten())


class Regressor(nn.Module):
    """
    Landmarks [n][478][4] and, with pixels, crop [n][112][112][3] in 0..1, to means and log deviations [n][179]:
    identity 120, expression 52, pose 7 (framed-pose.ts).
    """

    def __init__(self, kind, landmarks=None, width=512):
        super().__init__()
        self.features = LandmarkFeatures(landmarks)
        self.mlp = nn.Sequential(
            nn.Linear(self.features.size, width),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(width, width // 2),
            nn.ReLU(),
        )
        joined = width // 2
        self.trunk = None if kind == "mlp" else Convolutions() if kind == "cnn" else LandmarkBackbone()
        if self.trunk is not None:
            # Few channels at every place: where things are is what tells shape.
            self.squeeze = nn.Sequential(nn.Conv2d(self.trunk.channels, 48, 1), nn.ReLU())
            self.dense = nn.Sequential(
                nn.Flatten(), nn.Dropout(0.3), nn.Linear(48 * self.trunk.side**2, width // 2), nn.ReLU()
            )
            joined += width // 2
        # What is linear in the landmarks need not be learned through the layers.
        self.linear = nn.Linear(self.features.size, OUTPUTS)
        self.mean = nn.Linear(joined, OUTPUTS)
        self.deviation = nn.Linear(joined, OUTPUTS)
        for layer in (self.linear, self.mean, self.deviation):
            nn.init.zeros_(layer.bias)
            nn.init.normal_(layer.weight, std=0.005)

    def forward(self, landmarks, crop):
        z = self.features(landmarks)
        hidden = self.mlp(z)
        if self.trunk is not None:
            with torch.autocast(crop.device.type, torch.bfloat16, enabled=crop.is_cuda):
                seen = self.dense(self.squeeze(self.trunk(crop.permute(0, 3, 1, 2))))
            hidden = torch.cat([hidden, seen.float()], 1)
        return self.linear(z) + self.mean(hidden), self.deviation(hidden)
