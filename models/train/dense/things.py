"""What stands around a head and before it: clothes, hat brims, glasses, hands, microphones, cups. Head frame, mm."""

import math

import torch

from chance import constant, unit

FAR = -1e5
RING, TUBE = 28, 4
SIDES, RINGS, CAPSULES = 10, 8, 8
AROUND, DOWN = 28, 9


def grid_triangles(rows, columns, wrap, device):
    """Of a sheet of rows x columns vertices, closed along the columns or not."""
    last = columns if wrap else columns - 1
    i, j = torch.meshgrid(torch.arange(rows - 1, device=device), torch.arange(last, device=device), indexing="ij")
    at = lambda a, b: (a * columns + b % columns).flatten()
    a, b, d, e = at(i, j), at(i, j + 1), at(i + 1, j), at(i + 1, j + 1)
    return torch.cat([torch.stack([a, b, d], 1), torch.stack([b, e, d], 1)]).int()


def absent(vertices, present):
    return torch.where(present.reshape(-1, 1, 1) > 0, vertices, torch.full_like(vertices, FAR))


class Torso:
    """Shoulders in a collar, or skin below the neck."""

    vertices = AROUND * DOWN

    def __init__(self, device):
        self.triangles = grid_triangles(DOWN, AROUND, True, device)

    def build(self, c, smaller, opening):
        angle = torch.linspace(0, 2 * math.pi, AROUND + 1, device=c.device)[:-1]
        t = torch.linspace(0, 1, DOWN, device=c.device)
        neck = c.uniform(58, 76, 1, 1) - smaller
        top = c.uniform(-165, -112, 1, 1)
        shoulder, depth = c.uniform(170, 250, 1, 1) - smaller, c.uniform(95, 140, 1, 1) - smaller
        spread = (t / 0.45).clamp(0, 1).sqrt()[None, :, None]
        slope = torch.where(t < 0.12, t * 120, 14 + (t - 0.12) * 90)
        slope = torch.where(t > 0.45, 44 + (t - 0.45) * 600, slope)[None, :, None]
        x = (neck + (shoulder - neck) * spread) * torch.sin(angle)
        z = -48 + (neck + (depth - neck) * spread) * torch.cos(angle)
        dip = opening * torch.exp(-((angle - 0) / 0.6).square()) + opening * torch.exp(-((angle - 2 * math.pi) / 0.6).square())
        y = top - slope - dip[:, None] * (1 - spread) - smaller + 0 * x
        return torch.stack([x, y, z], 3).reshape(c.size, -1, 3)


class Brim:
    vertices = AROUND * 3

    def __init__(self, device):
        self.triangles = grid_triangles(3, AROUND, True, device)

    def build(self, c, line, present):
        angle = torch.linspace(0, 2 * math.pi, AROUND + 1, device=c.device)[:-1]
        out = c.uniform(15, 85, 1, 1) * torch.linspace(0, 1, 3, device=c.device)[None, :, None]
        cap = c.chance(0.5, 1, 1)
        front = torch.cos(angle).clamp(min=0)
        reach = out * torch.where(cap > 0, front, torch.ones_like(front))
        x = (84 + reach) * torch.sin(angle)
        z = -38 + (112 + reach) * torch.cos(angle)
        y = line[:, :, None] + 0.15 * z - c.uniform(-0.1, 0.35, 1, 1) * reach
        return absent(torch.stack([x, y, z], 3).reshape(c.size, -1, 3), present)


class Glasses:
    """Two rims, a bridge and temples as square tubes; lenses apart."""

    def __init__(self, device):
        rim = grid_triangles(RING, TUBE, True, device)
        first = torch.arange(RING * TUBE, device=device).reshape(RING, TUBE)
        close = torch.cat([
            torch.stack([first[-1], first[-1].roll(-1), first[0]], 1),
            torch.stack([first[-1].roll(-1), first[0].roll(-1), first[0]], 1)]).int()  # fmt: skip
        rim = torch.cat([rim, close])
        bar = grid_triangles(2, TUBE, True, device)
        size = RING * TUBE
        self.triangles = torch.cat(
            [rim, rim + size] + [bar + 2 * size + 2 * TUBE * k for k in range(3)]
        )
        self.vertices = 2 * size + 3 * 2 * TUBE
        fan = torch.arange(RING, device=device)
        lens = torch.stack([fan + 1, (fan + 1) % RING + 1, torch.zeros_like(fan)], 1).int()
        self.lens_triangles = torch.cat([lens, lens + RING + 1])

    def build(self, c, eyes, present):
        """eyes [n][2][3], right then left. Returns rims and lenses."""
        n, device = c.size, c.device
        apart = (eyes[:, 1] - eyes[:, 0]).norm(dim=1)[:, None]
        half_width, half_height = apart * c.uniform(0.34, 0.47, 1), apart * c.uniform(0.22, 0.42, 1)
        power = c.uniform(2, 5, 1, 1)
        thick = c.log_uniform(0.8, 5.5, 1)
        drop, ahead = apart * c.uniform(0, 0.1, 1), c.uniform(19, 27, 1)
        wrap = c.uniform(0.05, 0.3, 1)
        angle = torch.linspace(0, 2 * math.pi, RING + 1, device=device)[:-1][None, :, None]
        cos, sin = torch.cos(angle), torch.sin(angle)
        radius = (cos.abs() ** power + sin.abs() ** power) ** (-1 / power)
        tube = constant(device, (1.0, 1.0), (1.0, -1.0), (-1.0, -1.0), (-1.0, 1.0))[None, None]
        rims, lenses, ends = [], [], []
        for k, sign in enumerate((1, -1)):
            eye = eyes[:, k]
            outward = -1.0 if k == 0 else 1.0
            grow = 1 + tube[..., 0] * (0.5 * thick / half_width)[:, :, None]
            u = radius * cos * half_width[:, :, None] * grow
            v = radius * sin * half_height[:, :, None] * grow
            x = eye[:, 0, None, None] + u
            y = (eye[:, 1] - drop[:, 0])[:, None, None] + v
            z = (eye[:, 2] + ahead[:, 0])[:, None, None] + tube[..., 1] * 0.5 * thick[:, :, None] - wrap[:, :, None] * (u * outward).clamp(min=0)
            rims.append(torch.stack([x, y, z.expand_as(x)], 3).reshape(n, -1, 3))
            ring = rims[-1].reshape(n, RING, TUBE, 3).mean(2)
            lenses.append(torch.cat([ring.mean(1, keepdim=True), ring], 1))
            inner = int(RING / 2) if outward > 0 else 0
            outer = 0 if outward > 0 else int(RING / 2)
            ends.append((ring[:, inner], ring[:, outer]))
            del sign
        bars = [(ends[0][0], ends[1][0])]
        for k in range(2):
            outer = ends[k][1]
            ear = torch.stack([(outer[:, 0].abs() + 6) * torch.sign(outer[:, 0]), outer[:, 1] + 4, torch.full_like(outer[:, 0], -75.0)], 1)
            bars.append((outer, ear))
        up = constant(device, 0.0, 1.0, 0.0)
        for a, b in bars:
            along = unit(b - a)
            side = unit(torch.linalg.cross(along, up.expand_as(along)))
            corner = 0.5 * thick[:, :, None] * (tube[0, 0, :, :1] * up + tube[0, 0, :, 1:] * side[:, None])
            rims.append(torch.stack([a[:, None] + corner, b[:, None] + corner], 1).reshape(n, -1, 3))
        return absent(torch.cat(rims, 1), present), absent(torch.cat(lenses, 1), present)


class Occluders:
    """Capsules: the fingers, palm and arm of a hand, or a microphone, a cup, a phone held before a face."""

    vertices = CAPSULES * SIDES * RINGS

    def __init__(self, device):
        one = grid_triangles(RINGS, SIDES, True, device)
        self.triangles = torch.cat([one + k * SIDES * RINGS for k in range(CAPSULES)])

    def build(self, c, skin, centre):
        """centre [n][3]: where the face's front is. Returns vertices and colours [n][v][3], and whether it is a hand [n][1]."""
        n, device = c.size, c.device
        kind = c.uniform(0, 1, 1)
        hand, thing = (kind < 0.14).float(), ((kind >= 0.14) & (kind < 0.23)).float()
        at = centre + torch.cat([c.normal(0, 38, 1), c.normal(-25, 45, 1), c.uniform(4, 45, 1)], 1)
        turn = c.uniform(0, 2 * math.pi, 1)
        fingers = torch.cat([torch.cos(turn), torch.sin(turn), 0.3 * c.normal(0, 1, 1)], 1)
        fingers = unit(fingers)
        ahead = unit(torch.cat([c.normal(0, 0.4, 1), c.normal(0, 0.4, 1), torch.ones(n, 1, device=device)], 1))
        across = unit(torch.linalg.cross(fingers, ahead))
        start, end, radius = [], [], []
        palm = at - 45 * fingers
        for k in range(4):
            base = palm + 42 * fingers + (k - 1.5) * 17 * across
            spread = fingers + 0.12 * (k - 1.5) * c.uniform(0, 1.5, 1) * across
            tip = base + c.uniform(45, 78, 1) * unit(spread) - c.uniform(0, 22, 1) * ahead
            start.append(base), end.append(tip), radius.append(c.uniform(7, 9.5, 1))
        start.append(palm + 32 * across), end.append(palm + 65 * across + 45 * fingers), radius.append(c.uniform(8, 11, 1))
        for side in (-18, 18):
            start.append(palm + side * across), end.append(palm + side * across + 38 * fingers), radius.append(torch.full((n, 1), 19.0, device=device))
        start.append(palm), end.append(palm - 220 * fingers), radius.append(torch.full((n, 1), 27.0, device=device))
        start, end, radius = torch.stack(start, 1), torch.stack(end, 1), torch.stack(radius, 1)
        # Things: two or three thick capsules about one axis.
        axis = unit(c.normal(0, 1, 3) + constant(device, 0.0, 1.2, 0.0))[:, None]
        size, reach = c.log_uniform(9, 60, CAPSULES, 1), c.log_uniform(5, 120, CAPSULES, 1)
        middle = at[:, None] + axis * c.normal(0, 25, CAPSULES, 1) - axis * 40
        several = (torch.arange(CAPSULES, device=device)[None] < 1 + c.integer(3)[:, None]).float()[:, :, None]
        is_thing = thing[:, :, None] > 0
        start = torch.where(is_thing, torch.where(several > 0, middle - axis * reach, FAR), start)
        end = torch.where(is_thing, torch.where(several > 0, middle + axis * reach, FAR + 1), end)
        radius = torch.where(is_thing, size, radius)
        along = unit(end - start + 1e-3)
        side = unit(torch.linalg.cross(along, ahead[:, None].expand_as(along) + 0.01))
        other = torch.linalg.cross(along, side)
        t = torch.linspace(0, 1, RINGS, device=device)
        swell = torch.sqrt((1 - (2 * t - 1).abs() ** 6).clamp(min=0))
        angle = torch.linspace(0, 2 * math.pi, SIDES + 1, device=device)[:-1]
        # Rounded ends reach out by a radius.
        out = (2 * t - 1) * radius[:, :, 0, None]
        middle_line = start[:, :, None] + (end - start)[:, :, None] * t[None, None, :, None] + along[:, :, None] * out[..., None]
        rim = torch.cos(angle)[None, None, None, :, None] * side[:, :, None, None] + torch.sin(angle)[None, None, None, :, None] * other[:, :, None, None]
        vertices = middle_line[:, :, :, None] + rim * (swell[None, None, :, None, None] * radius[:, :, None, None])
        vertices = absent(vertices.reshape(n, -1, 3), hand + thing)
        # Mostly the person's own hand, a little lighter or darker and redder than the face; joints are dark lines.
        other = c.chance(0.15, 1, 1)
        tone = skin[:, None] * torch.exp(c.normal(0, 0.12, 1, 1) + c.normal(0, 0.04, 1, 3))
        tone = tone + other * (c.uniform(0.12, 0.85, 1, 1) * constant(device, 1.0, 0.78, 0.66) - tone)
        joints = sum(torch.exp(-(((t - at) / 0.05) ** 2)) for at in (0.36, 0.7))
        tone = tone[:, :, None] * (1 - c.uniform(0, 0.25, 1, 1, 1) * joints[None, None, :, None])
        colour = torch.where(is_thing[..., None], c.uniform(0.02, 0.95, CAPSULES, 1, 3), tone)
        colour = colour.expand(-1, CAPSULES, -1, -1).repeat_interleave(SIDES, 2).reshape(n, -1, 3)
        return vertices, colour, hand
