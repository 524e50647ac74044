"""What lies between a scene and a photo: backdrop, exposure, lens, sensor, white balance, scaling, JPEG."""

import math

import torch
from torch.nn import functional

from chance import constant, smooth

QUANTISATION = (
    (16.0, 11.0, 10.0, 16.0, 24.0, 40.0, 51.0, 61.0),
    (12.0, 12.0, 14.0, 19.0, 26.0, 58.0, 60.0, 55.0),
    (14.0, 13.0, 16.0, 24.0, 40.0, 57.0, 69.0, 56.0),
    (14.0, 17.0, 22.0, 29.0, 51.0, 87.0, 80.0, 62.0),
    (18.0, 22.0, 37.0, 56.0, 68.0, 109.0, 103.0, 77.0),
    (24.0, 35.0, 55.0, 64.0, 81.0, 104.0, 113.0, 92.0),
    (49.0, 64.0, 78.0, 87.0, 103.0, 121.0, 120.0, 101.0),
    (72.0, 92.0, 95.0, 98.0, 112.0, 100.0, 103.0, 99.0),
)  # fmt: skip
TO_YCC = ((0.299, 0.587, 0.114), (-0.1687, -0.3313, 0.5), (0.5, -0.4187, -0.0813))
FROM_YCC = tuple(map(tuple, torch.linalg.inv(torch.tensor(TO_YCC)).tolist()))


def backdrop(c, side, noise, skin):
    """[n][side][side][3], linear: a wall, a gradient, soft or sharp patches of any colour, skin's too."""
    n, device = c.size, c.device
    small = side // 4
    at = torch.linspace(0, 1, small, device=device)
    y, x = torch.meshgrid(at, at, indexing="ij")
    base = c.uniform(0, 0.9, 1, 1, 3) * c.uniform(0.2, 1, 1, 1, 1)
    slope = c.normal(0, 0.3, 2)
    picture = base * (1 + slope[:, :1, None, None] * x[..., None] + slope[:, 1:, None, None] * y[..., None]).clamp(min=0.1)
    for layer in range(4):
        scale = c.log_uniform(1.5, 14, 1, 1, 1)
        where = torch.stack([x, y, 0 * x], 2)[None] * scale + c.uniform(0, 200, 1, 1, 3)
        value = noise.at(where, slice(layer, layer + 1))[:, 0]
        edge = c.log_uniform(0.02, 0.8, 1, 1)
        cover = smooth(0.0, 1.0, (value - c.uniform(-0.2, 0.6, 1, 1)) / edge)
        colour = torch.where(c.chance(0.2, 1, 1, 1) > 0, skin[:, None, None] ** 2.2 * c.uniform(0.5, 1.2, 1, 1, 1), c.uniform(0, 1, 1, 1, 3))
        cover = cover * c.chance(0.45, 1, 1) * c.uniform(0.2, 1, 1, 1)
        picture = picture + cover[..., None] * (colour - picture)
    # Straight edges: windows, shelves, signs.
    for _ in range(4):
        angle = c.uniform(0, math.pi, 1, 1)
        across = (x - c.uniform(0, 1, 1, 1)) * angle.cos() + (y - c.uniform(0, 1, 1, 1)) * angle.sin()
        along = (y - c.uniform(0, 1, 1, 1)) * angle.cos() - (x - c.uniform(0, 1, 1, 1)) * angle.sin()
        cover = ((across.abs() < c.uniform(0.01, 0.3, 1, 1)) & (along.abs() < c.uniform(0.1, 0.8, 1, 1))).float()
        cover = cover * c.chance(0.3, 1, 1)
        picture = picture + cover[..., None] * (c.uniform(0, 1, 1, 1, 3) - picture)
    up = functional.interpolate(picture.permute(0, 3, 1, 2), (side, side), mode="bilinear", align_corners=False)
    return up.permute(0, 2, 3, 1)


def develop(c, linear, face):
    """Exposure for the face, tone curve, white balance; [n][3][h][w] linear to encoded, 0 to 1."""
    luminance = linear.mean(1, keepdim=True)
    level = (luminance * face).sum((1, 2, 3)) / face.sum((1, 2, 3)).clamp(min=1)
    wanted = c.log_uniform(0.045, 0.5)
    gain = (wanted / level.clamp(min=1e-3)).clamp(0.15, 12)
    x = linear * gain[:, None, None, None] * torch.exp(c.normal(0, 0.09, 3))[:, :, None, None]
    x = x.clamp(min=0) ** (1 / c.uniform(1.7, 2.6, 1, 1, 1))
    # Soft shoulder, then contrast about the middle.
    x = torch.where(x > 0.8, 0.8 + 0.2 * (1 - torch.exp(-(x - 0.8) / 0.2)), x)
    contrast = c.uniform(0.75, 1.35, 1, 1, 1)
    x = (x - 0.45) * contrast + 0.45
    grey = x.mean(1, keepdim=True)
    saturation = torch.where(c.chance(0.12, 1, 1, 1) > 0, torch.zeros(c.size, 1, 1, 1, device=c.device), c.uniform(0.55, 1.4, 1, 1, 1))
    x = grey + saturation * (x - grey)
    tinted = (saturation == 0).float() * c.chance(0.3, 1, 1, 1)
    x = x * (1 + tinted * constant(c.device, 0.1, 0.0, -0.16)[None, :, None, None])
    return x.clamp(0, 1)


def blurred(x, deviation):
    """[n][3][h][w], deviation [n] pixels."""
    reach = 4
    at = torch.arange(-reach, reach + 1, device=x.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (at[None] / deviation[:, None].clamp(min=0.05)).square())
    kernel = kernel / kernel.sum(1, keepdim=True)
    n, k, h, w = x.shape
    flat = functional.pad(x.reshape(1, n * k, h, w), (reach,) * 4, mode="replicate")
    weight = kernel.repeat_interleave(k, 0)[:, None]
    flat = functional.conv2d(flat, weight[:, :, None], groups=n * k)
    return functional.conv2d(flat, weight[:, :, :, None], groups=n * k).reshape(x.shape)


def jpeg(x, quality):
    """Blocks of 8 x 8 rounded as JPEG does at a quality [n] of 1 to 100."""
    n, k, h, w = x.shape
    device = x.device
    i = torch.arange(8, device=device, dtype=torch.float32)
    basis = torch.cos((2 * i[None] + 1) * i[:, None] * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    matrix, back = constant(device, *TO_YCC), constant(device, *FROM_YCC)
    y = torch.einsum("ij,njhw->nihw", matrix, 255 * x)
    y[:, 0] -= 128
    blocks = y.reshape(n, k, h // 8, 8, w // 8, 8).permute(0, 1, 2, 4, 3, 5)
    coefficients = basis @ blocks @ basis.T
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None, None, None, None] / 100
    table = constant(device, *QUANTISATION)[None, None, None, None]
    table = table * constant(device, 1.0, 2.0, 2.0)[None, :, None, None, None, None] * scale
    table = table.clamp(min=1)
    coefficients = torch.round(coefficients / table) * table
    blocks = basis.T @ coefficients @ basis
    y = blocks.permute(0, 1, 2, 4, 3, 5).reshape(n, k, h, w)
    y[:, 0] += 128
    return (torch.einsum("ij,njhw->nihw", back, y) / 255).clamp(0, 1)


def photograph(c, x):
    """Encoded [n][3][h][w] as a camera, a phone and a website leave it. The batch shares one reduced size."""
    n, _, h, w = x.shape
    deviation = c.chance(0.55) * c.uniform(0.2, 2.2)
    x = blurred(x, deviation)
    share = c.shared.random()
    side = h
    if share < 0.6:
        # Small faces: the crop is blown up from few pixels.
        side = max(40, int(h * math.exp(c.shared.uniform(math.log(0.18), 0))) // 8 * 8)
        x = functional.interpolate(x, (side, side), mode="bilinear", antialias=True, align_corners=False)
    grain = c.chance(0.7, 1, 1, 1) * c.uniform(0, 0.045, 1, 1, 1)
    x = x + grain * c.normal(0, 1, 3, *x.shape[2:]) * (0.4 + 0.6 * x.clamp(0, 1).sqrt())
    x = x.clamp(0, 1)
    coded = jpeg(x, c.uniform(25, 98))
    x = torch.where(c.chance(0.7, 1, 1, 1) > 0, coded, x)
    if side != h:
        mode = "bicubic" if c.shared.random() < 0.5 else "bilinear"
        x = functional.interpolate(x, (h, w), mode=mode, align_corners=False)
    return (x * 255).round().clamp(0, 255) / 255
