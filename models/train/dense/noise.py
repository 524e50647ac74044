"""Smooth noise in space, of about -1 to 1, by looking up one fixed lattice of random numbers."""

import torch
from torch.nn import functional

SIDE, CHANNELS = 32, 8


class Noise:
    def __init__(self, device):
        generator = torch.Generator().manual_seed(7)
        lattice = torch.rand(1, CHANNELS, SIDE, SIDE, SIDE, generator=generator) * 2 - 1
        self.lattice = (1.6 * lattice).to(device)

    def at(self, points, channels=slice(None)):
        """points [n][...][3] in steps of the lattice. Returns [n][channels][...]."""
        n = len(points)
        shape = points.shape[1:-1]
        grid = points.reshape(n, 1, 1, -1, 3) * (2 / (SIDE - 1))
        lattice = self.lattice[:, channels].expand(n, -1, -1, -1, -1)
        value = functional.grid_sample(lattice, grid, padding_mode="reflection", align_corners=True)
        return value.reshape(n, -1, *shape)

    def __call__(self, points, channel, c):
        """points [v][3], the same for all portraits, each of which sees another part. Returns [n][v]."""
        shifted = points[None] + c.uniform(0, 200, 1, 3)
        return self.at(shifted, slice(channel, channel + 1))[:, 0]
