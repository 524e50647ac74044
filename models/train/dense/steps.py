"""
Training steps on rows of a store. On a GPU a step is recorded once and played back, on a stream of its own beside the one
that draws portraits: the processor, which is what drawing waits for, has nothing to do for it.
"""

from contextlib import nullcontext

import torch

#: Steps before the recording, in which kernels are built and memory is found.
WARM = 6


class Beside:
    """Two streams of a GPU, one that draws and one that learns; on a processor one after the other."""

    def __init__(self, device):
        self.on_gpu = device.type == "cuda"
        self.draws, self.learns = (torch.cuda.Stream(), torch.cuda.Stream()) if self.on_gpu else (None, None)
        self.marks = []

    def drawing(self):
        return torch.cuda.stream(self.draws) if self.on_gpu else nullcontext()

    def learning(self):
        return torch.cuda.stream(self.learns) if self.on_gpu else nullcontext()

    def hand_over(self, batch):
        """What was drawn may be read where it is learned from."""
        if self.on_gpu:
            self.learns.wait_stream(self.draws)
            for value in batch.values():
                value.record_stream(self.learns)

    def pace(self):
        """Waits for the learning of the round before the last, so that the processor does not run ahead without bound."""
        if self.on_gpu:
            self.marks.append(self.learns.record_event())
            if len(self.marks) > 2:
                self.marks.pop(0).synchronize()

    def join(self):
        if self.on_gpu:
            torch.cuda.synchronize()


class Steps:
    def __init__(self, trainee, store, size, augment):
        self.trainee, self.store, self.size, self.augment = trainee, store, size, augment
        self.count = torch.zeros((), device=store.device)
        self.graph = None

    def _once(self):
        rows = (torch.rand(self.size, device=self.store.device) * self.count).long()
        rows = torch.minimum(rows, self.count.long() - 1)
        return self.trainee.learn(self.augment(self.store.take(rows)))

    def __call__(self, steps, progress):
        """Called on the stream that learns. The loss of the last step, a tensor that the next call overwrites."""
        self.count.fill_(self.store.count)
        self.trainee.set_pace(progress)
        if self.store.device.type != "cuda":
            for _ in range(steps):
                self.loss = self._once()
        else:
            if self.graph is None:
                self._record()
                steps = max(1, steps - WARM)
            for _ in range(steps):
                self.graph.replay()
        self.trainee.follow(steps)
        return self.loss

    def _record(self):
        stream = torch.cuda.current_stream()
        for _ in range(WARM):
            self._once()
        torch.cuda.synchronize()
        self.trainee.optimiser.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            self.loss = self._once()
        self.graph = graph
