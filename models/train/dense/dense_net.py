"""
The dense networks that are compared: [n][3][256][256] sRGB 0..1 to, in 128 x 128, a normal (3), the logarithm of its
deviation (radians an axis), a surface point (3, POINT_MM), the logarithm of its deviation (mm an axis), classes (14).
"""

import sys
from functools import cache
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from portraits import CLASSES, IN, OUT

sys.path.append(str(Path(__file__).resolve().parent.parent))

from depthwise import depthwise  # noqa: E402
from normalise import Normalised  # noqa: E402

#: widths at 128, 64, 32, 16 and 8 pixels; blocks there; how far a block widens inside
SIZES = {
    "small": ((12, 24, 40, 72, 112), (1, 1, 2, 2, 1), 2),
    "medium": ((16, 32, 56, 104, 160), (1, 2, 2, 3, 2), 3),
    "large": ((16, 40, 80, 144, 224), (1, 2, 3, 4, 3), 3),
}
#: Of the landmark network's layers as encoder: widths, and blocks on the way up from 128, 64, 32 and 16 pixels.
ON_LANDMARKS = {
    "landmarks": ((16, 32, 56, 104, 160), (1, 1, 1, 1)),
    "landmarks-wide": ((16, 40, 72, 128, 192), (1, 1, 2, 2)),
}
OUTPUTS = 3 + 1 + 3 + 1 + len(CLASSES)


class Depthwise(nn.Conv2d):
    def forward(self, x):
        return depthwise(x, self.weight, self.bias, self.stride[0], self.padding[0])


def layer(inputs, outputs, size=3, stride=1, groups=1, active=True):
    kind = Depthwise if groups == inputs else nn.Conv2d
    convolution = kind(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, Normalised(outputs, active))


def resized(x, side):
    """Bilinear. Where gradients are wanted as two matrix products, since the library's adds them up one by one."""
    if not torch.is_grad_enabled():
        return functional.interpolate(x, (side, side), mode="bilinear", align_corners=False)
    matrix = _weights(x.shape[2], side, x.device, x.dtype)
    return matrix @ (x @ matrix.T)


@cache
def _weights(before, after, device, kind):
    line = torch.eye(before)[:, None]
    return functional.interpolate(line, after, mode="linear", align_corners=False)[:, 0].T.to(device, kind)


class Block(nn.Module):
    """Widen, look around, narrow; the input is added where it fits."""

    def __init__(self, inputs, outputs, expand, stride=1):
        super().__init__()
        inner = expand * inputs
        self.body = nn.Sequential(
            layer(inputs, inner, 1), layer(inner, inner, 3, stride, inner), layer(inner, outputs, 1, active=False)
        )
        self.same = inputs == outputs and stride == 1

    def forward(self, x):
        y = self.body(x)
        return x + y if self.same else y


class Encoder(nn.Module):
    """Features at 128, 64, 32, 16 and 8 pixels."""

    def __init__(self, widths, blocks, expand):
        super().__init__()
        self.widths = widths
        self.stem = layer(3, widths[0], 5, 2)
        self.stages = nn.ModuleList()
        before = widths[0]
        for level, (width, count) in enumerate(zip(widths, blocks)):
            steps = [Block(before, width, expand, 1 if level == 0 else 2)]
            steps += [Block(width, width, expand) for _ in range(count - 1)]
            self.stages.append(nn.Sequential(*steps))
            before = width

    def forward(self, crop):
        x = self.stem(4 * crop - 2)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class LandmarkEncoder(nn.Module):
    """The landmark network's first layers, which have seen real faces, trained on; and a fresh layer at full size."""

    def __init__(self, widths):
        super().__init__()
        from network import LandmarkBackbone

        self.widths = widths
        self.layers = LandmarkBackbone()
        self.fresh = layer(3, widths[0], 5, 2)
        self.narrow = nn.ModuleList(layer(a, b, 1) for a, b in zip(self._sides(), widths[1:]))

    def _seen(self, crop):
        """The last features of 48, 24, 12 and 6 pixels; the network was trained on the same square of a photo."""
        x = functional.interpolate(crop, (192, 192), mode="bilinear", align_corners=False)
        values = self.layers.values({self.layers.start: x})
        return [[v for v in values.values() if v.shape[2] == side][-1] for side in (48, 24, 12, 6)]

    def _sides(self):
        with torch.no_grad():
            return [v.shape[1] for v in self._seen(torch.zeros(1, 3, IN, IN))]

    def forward(self, crop):
        features = [self.fresh(4 * crop - 2)]
        seen = self._seen(crop)
        for k, (feature, narrow) in enumerate(zip(seen, self.narrow)):
            side = OUT >> (k + 1)
            features.append(narrow(resized(feature, side)))
        return features


class DenseNetwork(nn.Module):
    def __init__(self, kind):
        super().__init__()
        if kind in ON_LANDMARKS:
            (widths, up), expand = ON_LANDMARKS[kind], 3
            self.encoder = LandmarkEncoder(widths)
        else:
            widths, blocks, expand = SIZES[kind]
            up = (1, 1, 1, 1)
            self.encoder = Encoder(widths, blocks, expand)
        deep = widths[-1]
        # Faces are framed: where a feature lies says much.
        self.place = nn.Parameter(torch.zeros(1, deep, OUT >> 4, OUT >> 4))
        self.whole = nn.Sequential(nn.Conv2d(deep, deep, 1), nn.ReLU(inplace=True), nn.Conv2d(deep, deep, 1))
        self.reduce = nn.ModuleList(layer(a, b, 1, active=False) for a, b in zip(widths[1:], widths[:-1]))
        self.refine = nn.ModuleList(
            nn.Sequential(*(Block(width, width, expand) for _ in range(count))) for width, count in zip(widths, up)
        )
        self.out = nn.Conv2d(widths[0], OUTPUTS, 1)

    def forward(self, crop):
        features = self.encoder(crop)
        x = features[-1] + self.place
        x = x + self.whole(x.mean((2, 3), keepdim=True))
        for level in (3, 2, 1, 0):
            x = resized(self.reduce[level](x), OUT >> level)
            x = self.refine[level](functional.relu(x + features[level]))
        return self.out(x)


def split(out, axis=1):
    """The outputs by name, which lie along an axis; the normal of unit length."""
    normal, normal_deviation, point, point_deviation, classes = out.split((3, 1, 3, 1, len(CLASSES)), axis)
    return {
        "normal": functional.normalize(normal, dim=axis), "normal_deviation": _within(normal_deviation, -5, 1),
        "point": point, "point_deviation": _within(point_deviation, -3, 4), "classes": classes,
    }  # fmt: skip


def _within(x, low, high):
    """Bounded, with a slope also beyond the bounds, from where it could not come back otherwise."""
    return x.clamp(low, high) if not x.requires_grad else x + (x.clamp(low, high) - x).detach()


def mirrored(out):
    """Outputs for the mirror image of a crop, as those of the crop."""
    sign = torch.ones(OUTPUTS, device=out.device)
    sign[[0, 4]] = -1
    return out.flip(3) * sign[:, None, None]
