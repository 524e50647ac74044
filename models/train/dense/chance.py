"""Random numbers of a batch of portraits: one generator, so that a seed gives the same batch on the same kind of device."""

import math
import random
from functools import cache

import torch


class Chance:
    def __init__(self, seed, size, device):
        self.generator = torch.Generator(device)
        self.generator.manual_seed(seed)
        self.size, self.device = size, device
        #: For what the whole batch shares: a processor that asked a GPU for it would wait.
        self.shared = random.Random(seed)

    def uniform(self, low=0.0, high=1.0, *shape):
        return low + (high - low) * torch.rand(self.size, *shape, generator=self.generator, device=self.device)

    def normal(self, mean=0.0, deviation=1.0, *shape, limit=3.0):
        value = torch.randn(self.size, *shape, generator=self.generator, device=self.device)
        return mean + deviation * value.clamp(-limit, limit)

    def log_uniform(self, low, high, *shape):
        return torch.exp(self.uniform(math.log(low), math.log(high), *shape))

    def chance(self, probability, *shape):
        """0 or 1, float."""
        return (self.uniform(0, 1, *shape) < probability).float()

    def integer(self, count, *shape):
        return (self.uniform(0, count, *shape)).long().clamp(max=count - 1)

    def pick(self, table, *shape):
        """Rows of a table."""
        return table[self.integer(len(table), *shape)]


@cache
def constant(device, *values):
    """A tensor that is made once: a processor waits for a GPU wherever it hands numbers over."""
    return torch.tensor(values, device=device)


def smooth(low, high, x):
    """0 at low, 1 at high (which may be smaller), smooth between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def unit(x):
    return x / x.norm(dim=-1, keepdim=True).clamp(min=1e-6)
