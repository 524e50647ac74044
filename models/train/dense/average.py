"""A running mean of a network's weights, longer as steps go on, which is what is kept of it; and what carries one."""

import copy

import torch

LONGEST = 0.998


def halved(state):
    """Half floats, but where they would overflow, as the statistics of some layers do."""
    fits = lambda v: v.is_floating_point() and not v.half().isinf().any()
    return {k: v.half().cpu() if fits(v) else v.cpu() for k, v in state.items()}


class RunningMean:
    def __init__(self, network):
        self.network = copy.deepcopy(network).eval()

    @torch.no_grad()
    def follow(self, network, steps, last=1):
        """After `steps` steps, the `last` of them since the last call."""
        keep = min(LONGEST, steps / (steps + 20)) ** last
        own, mean = network.state_dict(), self.network.state_dict()
        floats = [k for k in mean if mean[k].is_floating_point()]
        torch._foreach_lerp_([mean[k] for k in floats], [own[k] for k in floats], 1 - keep)

    def save(self, path, kind, steps):
        partial = path.with_suffix(".partial")
        torch.save({"kind": kind, "state": halved(self.network.state_dict()), "steps": steps}, partial)
        partial.rename(path)


class Averaged:
    """What is trained: `kind`, `network`, `optimiser`, `steps`, and the running mean of it in `average`."""

    def follow(self, last=1):
        self.steps += last
        self.average.follow(self.network, self.steps, last)

    def save(self, path):
        self.average.save(path, self.kind, self.steps)

    def state(self):
        return {"network": self.network.state_dict(), "average": self.average.network.state_dict(),
                "optimiser": self.optimiser.state_dict(), "steps": self.steps}  # fmt: skip

    def load(self, saved):
        self.network.load_state_dict(saved["network"])
        self.average.network.load_state_dict(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.steps = saved["steps"]
