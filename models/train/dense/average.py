"""A running mean of a network's weights, longer as steps go on, which is what is kept of it."""

import copy

import torch

LONGEST = 0.998


class RunningMean:
    def __init__(self, network):
        self.network = copy.deepcopy(network).eval()

    @torch.no_grad()
    def follow(self, network, steps):
        keep = min(LONGEST, steps / (steps + 20))
        own, mean = network.state_dict(), self.network.state_dict()
        floats = [k for k in mean if mean[k].is_floating_point()]
        torch._foreach_lerp_([mean[k] for k in floats], [own[k] for k in floats], 1 - keep)

    def save(self, path, kind, steps):
        """Half floats."""
        state = self.network.state_dict()
        state = {k: v.half().cpu() if v.is_floating_point() else v.cpu() for k, v in state.items()}
        partial = path.with_suffix(".partial")
        torch.save({"kind": kind, "state": state, "steps": steps}, partial)
        partial.rename(path)
