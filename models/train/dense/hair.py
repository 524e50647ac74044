"""Strands: ribbons that grow from scalp or chin, fall with gravity and lie on the head."""

import math

import torch

from chance import constant, smooth, unit

STEPS = 9
STRANDS = 1300
BEARD = 260
LATITUDES, LONGITUDES = 40, 80
CENTRE = (0.0, -10.0, -45.0)


class Strands:
    """`count` ribbons of 2 * (STEPS + 1) vertices."""

    def __init__(self, head, count):
        self.head, self.count = head, count
        device = head.mean.device
        rows = torch.arange(STEPS, device=device)
        quad = torch.stack([2 * rows, 2 * rows + 1, 2 * rows + 2, 2 * rows + 2, 2 * rows + 1, 2 * rows + 3], 1).reshape(-1, 3)
        first = 2 * (STEPS + 1) * torch.arange(count, device=device)
        self.triangles = (first[:, None, None] + quad[None]).reshape(-1, 3).int()
        self.vertices = 2 * (STEPS + 1) * count
        self.centre = head.mean.new_tensor(CENTRE)
        self.radius = self._radius()

    def _radius(self):
        """Distance of the mean head's surface from the centre, by direction."""
        p = self.head.mean[self.head.skin] - self.centre
        r = p.norm(dim=1)
        row, column = self._cell(p)
        grid = torch.zeros(LATITUDES * LONGITUDES, device=p.device)
        grid.scatter_reduce_(0, row * LONGITUDES + column, r, "amax")
        grid = grid.reshape(1, 1, LATITUDES, LONGITUDES)
        for _ in range(6):
            around = torch.nn.functional.pad(grid, (1, 1, 0, 0), mode="circular")
            around = torch.nn.functional.pad(around, (0, 0, 1, 1), mode="replicate")
            grid = torch.where(grid > 0, grid, torch.nn.functional.max_pool2d(around, 3, stride=1))
        return grid.flatten()

    @staticmethod
    def _cell(p):
        latitude = torch.atan2(p[..., 1], p[..., [0, 2]].norm(dim=-1)) / math.pi + 0.5
        longitude = torch.atan2(p[..., 0], p[..., 2]) / (2 * math.pi) + 0.5
        row = (latitude * LATITUDES).long().clamp(0, LATITUDES - 1)
        return row, (longitude * LONGITUDES).long().clamp(0, LONGITUDES - 1)

    def outside(self, p, clearance):
        """Points pushed out of the head."""
        d = p - self.centre
        row, column = self._cell(d)
        least = self.radius[row * LONGITUDES + column] + clearance
        r = d.norm(dim=-1)
        # Below the chin there is only a neck, which hair may touch.
        return self.centre + d * (torch.maximum(r, least) / r.clamp(min=1))[..., None]

    def grow(self, c, positions, cover, length, direction, gravity, curl, width, clearance, present):
        """
        cover [n][v] chance of a root; length [n][1 or count]; direction(roots, normals, places) [n][count][3];
        gravity, curl, clearance [n][1], width [n][1] mm; present [n][1].
        Returns vertices [n][..][3], their normals, tangents and where along the strand they lie.
        """
        n = c.size
        roots = torch.multinomial(cover + 1e-12, self.count, replacement=True, generator=c.generator)
        take = lambda t: torch.gather(t, 1, roots[:, :, None].expand(-1, -1, 3))
        p = take(positions)
        normals = self.head.outward[roots]
        places = self.head.mean[roots]
        d = unit(direction(places, normals) + 0.25 * c.normal(0, 1, self.count, 3))
        step = (length * c.uniform(0.65, 1.1, self.count) / STEPS)[:, :, None]
        phase, wave = c.uniform(0, 6.3, self.count, 3), c.uniform(0.15, 0.6, 1, 1)
        down = torch.zeros(n, self.count, 3, device=c.device)
        down[:, :, 1] = -1
        path = [p]
        lift = (clearance + c.uniform(0, 1, self.count).square() * clearance * 1.5 + 1)
        for s in range(STEPS):
            d = unit(d + gravity[:, :, None] * down + curl[:, :, None] * torch.sin(phase + s * wave * 6))
            p = self.outside(p + d * step, lift * min(1.0, 0.3 + 0.25 * s))
            d = unit(p - path[-1] + 1e-4)
            path.append(p)
        path = torch.stack(path, 2)
        along = torch.zeros_like(path)
        along[:, :, 1:] = path[:, :, 1:] - path[:, :, :-1]
        along[:, :, 0] = along[:, :, 1]
        along = unit(along)
        radial = unit(path - self.centre)
        across = unit(torch.linalg.cross(along, radial))
        t = torch.linspace(0, 1, STEPS + 1, device=c.device)
        half = 0.5 * width[:, :, None] * c.uniform(0.5, 1.5, self.count, 1) * (1 - 0.75 * t.square())[None, None]
        left = path - across * half[..., None]
        right = path + across * half[..., None]
        flat = lambda a, b: torch.stack([a, b], 3).reshape(n, -1, 3)
        vertices = flat(left, right)
        vertices = torch.where(present[:, :, None] > 0, vertices, torch.full_like(vertices, -1e5))
        # Slightly rounded ribbons.
        normals = flat(unit(radial - 0.5 * across), unit(radial + 0.5 * across))
        strand = torch.arange(self.count, device=c.device, dtype=torch.float32)
        u = constant(c.device, 0.0, 1.0)
        code = torch.stack(
            torch.broadcast_tensors(u[None, None] * 1.3, t[None, :, None] * 2.0, strand[:, None, None] * 3.7), 3
        ).reshape(1, -1, 3)
        return vertices, normals, flat(along, along), code.expand(n, -1, -1)


def scalp_hair(strands, c, positions, person):
    style, cap = person["style"], person["covers"]["hair"]
    kind = c.uniform(0, 1, 1)
    length = torch.where(kind < 0.4, c.uniform(8, 45, 1), torch.where(kind < 0.7, c.uniform(45, 150, 1), c.uniform(150, 340, 1)))
    present = (1 - style["bald"]) * (1 - person["hat"] * c.chance(0.5, 1)) * c.chance(0.92, 1)
    cover = cap.clamp(min=0).square()
    part = c.normal(0, 18, 1)
    sideways, back, fall = c.uniform(0, 1, 1), c.normal(0.35, 0.5, 1), c.uniform(0, 0.8, 1)
    stand = c.uniform(0.05, 0.9, 1) * (length < 60).float() + 0.1
    fringe = style["fringe"]
    fringe_length = c.uniform(25, 75, 1)

    def direction(places, normals):
        front = smooth(20.0, 60.0, places[:, :, 2]) * fringe
        side = torch.tanh((places[:, :, 0] - part) / 15)
        d = stand[:, :, None] * normals
        comb = torch.stack([
            sideways * side, -fall - 0.8 * front, -back * (1 - front) + 1.0 * front], 2)  # fmt: skip
        return d + comb

    gravity = c.uniform(0.02, 0.5, 1) * smooth(20.0, 90.0, length) + 0.25 * fringe
    curl = c.chance(0.45, 1) * c.uniform(0, 0.6, 1)
    length = torch.where((fringe > 0) & (c.chance(0.5, 1) > 0), fringe_length, length)
    width = c.uniform(1.2, 6, 1)
    clearance = style["volume"] * 0.6 + c.uniform(0, 5, 1)
    return strands.grow(c, positions, cover, length, direction, gravity, curl, width, clearance, present)


def beard_hair(strands, c, positions, person):
    cover = person["covers"]["beard"].clamp(min=0).square()
    present = person["beard_long"] * (cover.sum(1, keepdim=True) > 1).float() * (1 - person["mask"])

    def direction(places, normals):
        return normals + constant(c.device, 0.0, -0.6, 0.2)

    length = c.log_uniform(4, 70, 1)
    return strands.grow(c, positions, cover, length, direction, c.uniform(0.1, 0.4, 1), c.uniform(0, 0.5, 1),
                        c.uniform(1, 4, 1), c.uniform(0, 1.5, 1), present)  # fmt: skip

