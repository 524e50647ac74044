"""
Trains models/mouth-state.onnx: `python mouth_network.py OUT.onnx RECORDS...`, RECORDS from generate.ts. From a
small picture of mouth and jaw and their landmarks: by how much each shape of lib/stages/mouth-state.ts is seen, 0..1.
Input [2][MOUTH], the mouth and the mouth in a mirror; output [2][SHAPES].
"""

import re
import sys

import numpy as np
import torch
from torch import nn

from close_ups import LARGEST_YAW, augmented, in_any_light, write
from records import HERE, MOUTH, MOUTH_HEIGHT, MOUTH_WIDTH, NAMES, load

PIXELS = 3 * MOUTH_HEIGHT * MOUTH_WIDTH
EPOCHS, BATCH, RATE = 45, 128, 4e-3
HELD_OUT = 8

SHAPES = re.findall(
    r"'(\w+)'",
    re.search(r"MOUTH_SHAPES = \[(.*?)\]", (HERE.parents[2] / "lib" / "stages" / "mouth-state.ts").read_text(), re.S)[1],
)
MIRROR = [SHAPES.index(s.replace("Left", "#").replace("Right", "Left").replace("#", "Right")) for s in SHAPES]


class MouthNetwork(nn.Module):
    def __init__(self, mean, deviation):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        # What is told is told in full: a regression falls short of the ends, and says a little of everything.
        self.register_buffer("least", torch.zeros(len(SHAPES)))
        self.register_buffer("gain", torch.ones(len(SHAPES)))

        def layer(inputs, outputs):
            return nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()

        self.look = nn.Sequential(
            *layer(4, 16), nn.MaxPool2d(2), *layer(16, 32), nn.MaxPool2d(2), *layer(32, 40), nn.MaxPool2d(2)
        )
        self.points = nn.Sequential(nn.Linear(len(mean), 64), nn.ReLU())
        self.last = nn.Sequential(nn.Linear(40 * 4 * 5 + 64, 64), nn.ReLU(), nn.Linear(64, len(SHAPES)))
        self.drop = nn.Dropout(0.2)

    def seen(self, values):
        picture = in_any_light(values[:, :PIXELS].reshape(-1, MOUTH_HEIGHT, MOUTH_WIDTH, 3))
        points = ((values[:, PIXELS:] - self.mean) / self.deviation).clamp(-4, 4)
        return self.last(self.drop(torch.cat([self.look(picture).flatten(1), self.points(points)], 1)))

    def forward(self, values):
        return ((self.seen(values) - self.least) * self.gain).clamp(0, 1)


def both_ways(told):
    """Of [2n][SHAPES], the mirror images behind the others."""
    upright, mirrored = told.chunk(2)
    return (upright + mirrored[:, MIRROR]) / 2


def curves(told, truth):
    """By shape what is taken off, and the gain after it, that leave the least absolute error."""
    best = []
    for k in range(len(SHAPES)):
        tries = [
            (np.abs(np.clip((told[:, k] - least) * gain, 0, 1) - truth[:, k]).mean(), least, gain)
            for least in np.arange(0, 0.42, 0.02)
            for gain in np.arange(1, 2.6, 0.2)
        ]
        best.append(min(tries)[1:])
    return np.array(best, np.float32).T


def report(told, truth):
    print("mean absolute error %.4f, of 'none' %.4f" % (np.abs(told - truth).mean(), truth.mean()))
    for k, shape in enumerate(SHAPES):
        strong, none = truth[:, k] > 0.5, truth[:, k] == 0
        print(
            "%-18s correlation %.2f, error %.4f (of 'none' %.4f), said of more than half %.2f, of none: 99 %% below %.2f"
            % (
                shape,
                np.corrcoef(told[:, k], truth[:, k])[0, 1] if told[:, k].std() > 0 else 0,
                np.abs(told[:, k] - truth[:, k]).mean(),
                truth[:, k].mean(),
                told[strong, k].mean(),
                np.quantile(told[none, k], 0.99),
            )
        )


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    out, files = sys.argv[1], sys.argv[2:]
    weights, yaw, _, seen = load(files)
    near = np.abs(yaw) < LARGEST_YAW
    truth = torch.tensor(weights[near][:, [NAMES.index(s) for s in SHAPES]])
    seen = torch.tensor(seen[near])
    print(len(seen), "portraits")
    portraits = np.arange(len(seen))
    held, used = portraits[portraits % HELD_OUT == 0], portraits[portraits % HELD_OUT != 0]
    marks = seen[used][:, :, PIXELS:].reshape(-1, MOUTH - PIXELS)
    network = MouthNetwork(marks.mean(0), marks.std(0) + 1e-3)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.02)

    def told(of):
        network.eval()
        with torch.no_grad():
            parts = [both_ways(network(torch.cat([p[:, 0], p[:, 1]]))) for p in seen[of].split(256)]
        network.train()
        return torch.cat(parts).numpy()

    per_epoch = len(used) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS * per_epoch)
    for epoch in range(1, EPOCHS + 1):
        sum_ = 0.0
        for batch in torch.tensor(used)[torch.randperm(len(used))][: per_epoch * BATCH].split(BATCH):
            way = torch.randint(0, 2, (len(batch),))
            values = seen[batch, way]
            target = torch.where(way[:, None] == 1, truth[batch][:, MIRROR], truth[batch])
            pictures = values[:, :PIXELS].reshape(-1, MOUTH_HEIGHT, MOUTH_WIDTH, 3)
            pictures = augmented(pictures, turn=0.1, across=0.05, down=0.06).flatten(1)
            points = values[:, PIXELS:] + 0.05 * network.deviation * torch.randn(len(batch), MOUTH - PIXELS)
            loss = ((network.seen(torch.cat([pictures, points], 1)) - target) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            sum_ += loss.item()
        if epoch % 5 == 0:
            error = ((told(held) - truth[held].numpy()) ** 2).mean()
            print("epoch %d: squared error %.5f, held out %.5f" % (epoch, sum_ / per_epoch, error), flush=True)
    # Chosen on one half of what training left out, reported on the other.
    choosing, reporting = held[::2], held[1::2]
    least, gain = curves(told(choosing), truth[choosing].numpy())
    network.least.copy_(torch.tensor(least))
    network.gain.copy_(torch.tensor(gain))
    report(told(reporting), truth[reporting].numpy())
    network.eval()
    write(network, MOUTH, "mouth", out)


if __name__ == "__main__":
    main()
