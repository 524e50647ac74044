"""What the networks of eye_network.py and mouth_network.py share: how they take pictures, and how they are written."""

import sys
from pathlib import Path

import onnx
import torch
from torch import nn

sys.path.append(str(Path(__file__).parents[2] / "train" / "dense"))
from export import halve  # noqa: E402

LARGEST_YAW = 55


def in_any_light(pictures):
    """Of [n][height][width][3], whatever the light and the skin: colours and saturation [n][4][height][width]."""
    x = pictures.permute(0, 3, 1, 2)
    middle = x.mean((2, 3), keepdim=True)
    spread = ((x - middle) ** 2).mean((1, 2, 3), keepdim=True).sqrt() + 0.02
    saturation = (x.amax(1, keepdim=True) - x.amin(1, keepdim=True)) / (x.mean(1, keepdim=True) + 0.05)
    return torch.cat([(x - middle) / spread, saturation], 1)


def augmented(pictures, turn, across, down):
    """Of [n][height][width][3]: turned, moved (deviations in radians, half widths, half heights), in other light."""
    n, height, width, _ = pictures.shape
    angle, scale = turn * torch.randn(n), torch.exp(0.08 * torch.randn(n))
    c, s = scale * torch.cos(angle), scale * torch.sin(angle)
    ratio = width / height
    rows = ([c, -s / ratio, across * torch.randn(n)], [s * ratio, c, down * torch.randn(n)])
    theta = torch.stack([torch.stack(row, 1) for row in rows], 1)
    x = pictures.permute(0, 3, 1, 2)
    grid = nn.functional.affine_grid(theta, x.shape, align_corners=False)
    x = nn.functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    x = x * (1 + 0.1 * torch.randn(n, 3, 1, 1)) + 0.02 * torch.rand(n, 1, 1, 1) * torch.randn_like(x)
    # Shade from one side.
    right, bottom = torch.linspace(-1, 1, width), torch.linspace(-1, 1, height)[:, None]
    ramp = right * torch.randn(n, 1, 1, 1) + bottom * torch.randn(n, 1, 1, 1)
    x = x * (1 + 0.15 * ramp)
    return x.permute(0, 2, 3, 1)


def write(network, taken, name, out):
    """As ONNX: `name` of [2][taken] to `state`."""
    names = {"input_names": [name], "output_names": ["state"]}
    torch.onnx.export(network, torch.zeros(2, taken), out, opset_version=17, dynamo=False, **names)
    model = onnx.load(out)
    halve(model)
    onnx.save(model, out)
