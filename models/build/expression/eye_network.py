"""
Trains models/eye-state.onnx: `python eye_network.py OUT.onnx RECORDS...`, RECORDS from generate.ts. From a small
picture of an eye and its landmarks: how shut it is (eyeBlink, 0..1), and its gaze outwards and up (-1..1). Input
[2][EYE], the right eye and then the left one in a mirror; output [2][3].
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from records import EYE, HEIGHT, NAMES, WIDTH, load

sys.path.append(str(Path(__file__).parents[2] / "train" / "dense"))
from export import halve  # noqa: E402

PIXELS = 3 * HEIGHT * WIDTH
EPOCHS, BATCH, RATE = 60, 64, 2e-3
HELD_OUT = 4
LARGEST_YAW = 55


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
        picture = values[:, :PIXELS].reshape(-1, HEIGHT, WIDTH, 3).permute(0, 3, 1, 2)
        # Whatever the light and the skin.
        middle = picture.mean((2, 3), keepdim=True)
        spread = ((picture - middle) ** 2).mean((1, 2, 3), keepdim=True).sqrt() + 0.02
        saturation = (picture.amax(1, keepdim=True) - picture.amin(1, keepdim=True)) / (
            picture.mean(1, keepdim=True) + 0.05
        )
        picture = torch.cat([(picture - middle) / spread, saturation], 1)
        points = ((values[:, PIXELS:] - self.mean) / self.deviation).clamp(-4, 4)
        seen = self.look(picture).flatten(1)
        return self.last(self.drop(torch.cat([seen, torch.relu(self.points(self.drop(points)))], 1)))


def augmented(picture):
    n = len(picture)
    angle, scale = 0.12 * torch.randn(n), torch.exp(0.08 * torch.randn(n))
    c, s = scale * torch.cos(angle), scale * torch.sin(angle)
    ratio = WIDTH / HEIGHT
    rows = ([c, -s / ratio, 0.06 * torch.randn(n)], [s * ratio, c, 0.08 * torch.randn(n)])
    theta = torch.stack([torch.stack(row, 1) for row in rows], 1)
    x = picture.permute(0, 3, 1, 2)
    grid = nn.functional.affine_grid(theta, x.shape, align_corners=False)
    x = nn.functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    x = x * (1 + 0.1 * torch.randn(n, 3, 1, 1)) + 0.02 * torch.rand(n, 1, 1, 1) * torch.randn_like(x)
    # Shade from one side.
    across, down = torch.linspace(-1, 1, WIDTH), torch.linspace(-1, 1, HEIGHT)[:, None]
    ramp = across * torch.randn(n, 1, 1, 1) + down * torch.randn(n, 1, 1, 1)
    x = x * (1 + 0.15 * ramp)
    return x.permute(0, 2, 3, 1)


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
            told = network(torch.cat([augmented(pictures[batch]).flatten(1), marks[batch] + noise], 1))
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
    names = {"input_names": ["eyes"], "output_names": ["state"]}
    torch.onnx.export(network, torch.zeros(2, EYE), out, opset_version=17, dynamo=False, **names)
    model = onnx.load(out)
    halve(model)
    onnx.save(model, out)


if __name__ == "__main__":
    main()
