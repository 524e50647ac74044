"""
Trains models/eye-state.onnx: `python eye_network.py OUT.onnx RECORDS...`, RECORDS from generate.ts. From a small
picture of an eye and its landmarks: how shut it is (eyeBlink, 0..1), and its gaze outwards and up (-1..1). Input
[2][EYE], the right eye and then the left one in a mirror; output [2][3].
"""

import sys

import numpy as np
import torch
from torch import nn

from close_ups import LARGEST_YAW, augmented, in_any_light, write
from records import EYE, HEIGHT, NAMES, WIDTH, load

PIXELS = 3 * HEIGHT * WIDTH
EPOCHS, BATCH, RATE = 60, 64, 2e-3
HELD_OUT = 4


class EyeNetwork(nn.Module):
    def __init__(self, mean, deviation):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.look = nn.Sequential(
            nn.Conv2d(4, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 20, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(20, 24, 3, padding=1),
            nn.ReLU(),
        )
        self.points = nn.Linear(len(mean), 24)
        self.last = nn.Sequential(nn.Linear(24 * 4 * 6 + 24, 32), nn.ReLU(), nn.Linear(32, 3))
        self.drop = nn.Dropout(0.3)

    def forward(self, values):
        picture = in_any_light(values[:, :PIXELS].reshape(-1, HEIGHT, WIDTH, 3))
        points = ((values[:, PIXELS:] - self.mean) / self.deviation).clamp(-4, 4)
        seen = self.look(picture).flatten(1)
        return self.last(self.drop(torch.cat([seen, torch.relu(self.points(self.drop(points)))], 1)))


def report(told, truth, held):
    """Of portraits that training left out."""

    def quantiles(kept, shares):
        return np.quantile(told[held & kept, 0], shares).round(2).tolist(), int((held & kept).sum())

    blink = truth[:, 0]
    print("error of blink %.3f" % np.abs(told - truth)[held, 0].mean())
    print("of gaze out and up", np.abs(told - truth)[held & (blink < 0.75), 1:].mean(0).round(3))
    print("shut", *quantiles(blink > 0.75, [0.05, 0.1, 0.25, 0.5]))
    print("open", *quantiles(blink < 0.05, [0.5, 0.9, 0.95, 0.98]))
    print("half shut", *quantiles((blink > 0.3) & (blink < 0.5), [0.1, 0.5, 0.9]))


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    out, files = sys.argv[1], sys.argv[2:]
    weights, yaw, seen, _ = load(files)
    seen = torch.tensor(np.concatenate([seen[:, 0], seen[:, 1]]))
    pictures, marks = seen[:, :PIXELS].reshape(-1, HEIGHT, WIDTH, 3), seen[:, PIXELS:]

    def of(name, side):
        return weights[:, NAMES.index(name + side)]

    def state(side):
        outwards = of("eyeLookOut", side) - of("eyeLookIn", side)
        return np.stack([of("eyeBlink", side), outwards, of("eyeLookUp", side) - of("eyeLookDown", side)], 1)

    target = np.concatenate([state("Right"), state("Left")])
    portrait = np.tile(np.arange(len(weights)), 2)
    near = np.abs(np.concatenate([yaw, -yaw])) < LARGEST_YAW
    held = (portrait % HELD_OUT == 0) & near
    used = (portrait % HELD_OUT != 0) & near
    target = torch.tensor(target)
    network = EyeNetwork(marks[used].mean(0), marks[used].std(0) + 1e-3)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.02)
    indices = torch.tensor(np.flatnonzero(used))
    steps = EPOCHS * (len(indices) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        network.train()
        for batch in indices[torch.randperm(len(indices))][: len(indices) // BATCH * BATCH].split(BATCH):
            noise = 0.15 * torch.randn(len(batch), marks.shape[1]) * network.deviation
            shown = augmented(pictures[batch], turn=0.12, across=0.06, down=0.08).flatten(1)
            told = network(torch.cat([shown, marks[batch] + noise], 1))
            # The gaze of a shut eye is not seen.
            open_ = (target[batch, :1] < 0.6).float()
            error = (told - target[batch]).abs()
            loss = error[:, 0].mean() + 0.5 * (open_ * error[:, 1:]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        told = network(torch.cat([pictures.flatten(1), marks], 1)).numpy()
    report(told, target.numpy(), held)
    write(network, EYE, "eyes", out)


if __name__ == "__main__":
    main()
