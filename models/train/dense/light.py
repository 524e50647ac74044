"""
Materials and light of a picture's pixels: ambient, two lamps with the shadows of the first, highlights, translucent
skin. What is random is drawn first; the arithmetic over all pixels is one pure function, compiled where that works.
"""

import torch
from torch.nn import functional

from chance import constant, smooth, unit
from raster import depth_of, draw

SHADOW_PX = 320


def draw_light(c):
    """What light a portrait stands in, each [n][1][1][1 or 3]."""
    wide = lambda x: x[:, None, None]
    tints = constant(c.device, 0.03, 0.06, 0.06, 0.25)
    tint = lambda: torch.exp(c.normal(0, 1, 3) * c.pick(tints, 1))
    light = {
        "ambient": wide(c.uniform(0.1, 0.8, 1) * tint()), "slope": wide(c.uniform(0, 0.9, 1)),
        "gradient": wide(unit(c.normal(0, 1, 3))), "fill": wide(c.uniform(0, 0.5, 1) * tint()),
        "fill_from": wide(unit(c.normal(0, 1, 3))), "rim": wide(c.chance(0.2, 1) * c.uniform(0, 0.25, 1)),
        "shadow": wide(c.chance(0.6, 1) * c.uniform(0, 1, 1)),
    }  # fmt: skip
    for lamp in range(2):
        azimuth, elevation = c.uniform(-2.2, 2.2), c.uniform(-0.5, 1.35)
        towards = torch.stack([azimuth.sin() * elevation.cos(), -elevation.sin(), -azimuth.cos() * elevation.cos()], 1)
        strength = c.uniform(0.1, 1.6, 1) * (1 if lamp == 0 else c.chance(0.5, 1))
        light[f"towards{lamp}"], light[f"lamp{lamp}"] = wide(towards), wide(strength * tint())
    return light


def draw_materials(c):
    """Each [n][1][1]."""
    one = (1, 1)
    return {
        "freckles": c.chance(0.15, *one) * c.uniform(0, 0.3, *one), "moles": c.chance(0.3, *one) * c.uniform(0.3, 0.7, *one),
        "bump": c.uniform(0, 0.16, *one), "oily": torch.exp(c.uniform(-3.5, 0, *one)), "lip_gloss": c.uniform(0, 0.8, *one),
        "glass_gloss": c.uniform(0, 1, *one), "other_gloss": c.chance(0.3, *one) * c.uniform(0, 0.6, *one),
        "shine": torch.exp(c.uniform(1.6, 3.8, *one)), "sheen": c.uniform(0, 1, *one),
    }  # fmt: skip


def colour_of(albedo, normal, place, tangent, grain, fine, coarse, spots, moles, clear, skin, lips, flat, glass, other, mouth, m, l):
    """
    albedo (sRGB), normal, place, tangent (camera frame) [n][h][w][3]; noises [n][k][h][w]; clear, how much of lamp 0 is
    seen, and what the pixels are, 0 or 1, [n][h][w]. Linear colours [n][h][w][3].
    """
    albedo = albedo * (1 + grain * fine[:, 0] + 0.5 * grain * coarse[:, 0])[..., None]
    marks = torch.maximum(m["freckles"] * smooth(0.75, 1.05, spots[:, 0]), m["moles"] * smooth(1.25, 1.4, moles[:, 0]))
    albedo = (albedo * (1 - skin * marks)[..., None]).clamp(min=0) ** 2.2
    rough = fine[:, 1:4].permute(0, 2, 3, 1) * (m["bump"] * (skin + lips + other))[..., None]
    n = unit(unit(normal) + rough)
    view = unit(-place)
    n = torch.where((n * view).sum(-1, keepdim=True) < 0, -n, n)
    gloss = (skin + lips) * m["oily"] * (1 + 0.6 * coarse[:, 1]) + lips * m["lip_gloss"] + flat * 1.3
    gloss = (gloss + glass * m["glass_gloss"] + other * m["other_gloss"]).clamp(0, 2)[..., None]
    shine = (m["shine"] * (1 - flat) + flat * 160)[..., None]
    strand_here = ((tangent.square().sum(-1) > 0.25).float() * m["sheen"])[..., None]
    lit = l["ambient"] * (1 + l["slope"] * (n * l["gradient"]).sum(-1, keepdim=True)).clamp(min=0.05)
    lit = lit + l["fill"] * (n * l["fill_from"]).sum(-1, keepdim=True).clamp(min=0)
    lit = lit * (1 - 0.55 * mouth)[..., None]
    facing_us = (view * n).sum(-1, keepdim=True).clamp(0, 1)
    fresnel = 0.3 + 0.7 * (1 - facing_us) ** 4
    glow = torch.zeros_like(lit)
    for lamp in range(2):
        towards, colour = l[f"towards{lamp}"], l[f"lamp{lamp}"]
        facing = (n * towards).sum(-1, keepdim=True)
        # Red light goes some way through skin.
        reach = torch.cat([0.22 * (skin + lips)[..., None], 0.08 * (skin + lips)[..., None], 0.05 * (skin + lips)[..., None]], -1)
        direct = ((facing + reach) / (1 + reach)).clamp(min=0)
        seen = 1 - l["shadow"] * (1 - clear[..., None]) if lamp == 0 else torch.ones_like(facing)
        half = unit(towards + view)
        level = (n * half).sum(-1, keepdim=True).clamp(min=1e-4)
        highlight = gloss * level**shine * (facing > 0).float() * fresnel * shine.sqrt() * 0.35
        along = (tangent * half).sum(-1, keepdim=True)
        strand = (1 - along.square()).clamp(min=1e-4) ** (0.5 * shine) * strand_here * 0.12
        glow = glow + colour * (highlight + strand) * seen
        lit = lit + colour * direct * seen
    return albedo * lit + glow + l["rim"] * (1 - facing_us) ** 3


def visible(position, points, triangles, towards, blur):
    """How much of the lamp in a direction [n][3] is seen from positions [n][h][w][3], [n][h][w]; blur [n][1][1]."""
    n = len(points)
    up = constant(points.device, 0.01, 1.01, 0.01).expand(n, 3)
    across = unit(torch.linalg.cross(up, towards))
    upwards = torch.linalg.cross(towards, across)
    frame = torch.stack([across, upwards, -towards], 1)
    inside = (points[:, :, 2:] > 1) & (points.abs().amax(2, keepdim=True) < 2e4)
    seen = points @ frame.transpose(1, 2)
    solid = inside.float()
    centre = (seen * solid).sum(1, keepdim=True) / solid.sum(1, keepdim=True).clamp(min=1)
    scale = SHADOW_PX / 520.0
    place = lambda p: torch.cat([p[..., :2] * scale + SHADOW_PX / 2, p[..., 2:] + 3000], -1)
    screen = torch.where(inside, place(seen - centre), torch.full_like(seen, -1e5))
    depth = depth_of(draw(screen, triangles, SHADOW_PX, SHADOW_PX, perspective=False)).reshape(n, 1, SHADOW_PX, SHADOW_PX)
    depth = depth.clamp(max=1e5)
    h, w = position.shape[1:3]
    at = place((position.reshape(n, -1, 3) @ frame.transpose(1, 2)) - centre).reshape(n, h, w, 3)
    limit = at[..., 2] - 3.5 - 1.2 * blur
    clear = torch.zeros_like(limit)
    for dx, dy in ((-1, -0.4), (0.4, -1), (1, 0.4), (-0.4, 1)):
        grid = torch.stack([at[..., 0] + dx * blur, at[..., 1] + dy * blur], 3) * (2 / SHADOW_PX) - 1
        blocker = functional.grid_sample(depth, grid, mode="nearest", padding_mode="border", align_corners=False)[:, 0]
        clear = clear + 0.25 * (limit < blocker).float()
    return clear
