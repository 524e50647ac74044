"""
Makes a trained network say how wrong it is: refits the two outputs that tell deviations, on portraits that it was not
trained on, says less of what photos show seldom, and measures on others what they are worth and how far errors of
neighbouring pixels go together.

    python calibrate.py --weights FOLDER/KIND.pt --out FOLDER [--portraits 96] [--device cuda]
"""

import argparse
from pathlib import Path

import torch

from average import halved
from dense_net import DenseNetwork, mirrored, split
from portraits import CLASS, Portraits

FIT_SEED, TEST_SEED = 30_000_000, 40_000_000
NORMAL_ROW, POINT_ROW, CLASSES_ROW = 3, 7, 8
BATCH = 16
LAGS = (1, 2, 4, 8, 16, 32)
#: Of the training portraits one in ten wears a hat and one in four has something before the face, which few photos have:
#: what photos show seldom is said that much less (logarithms of odds), or smooth hair passes for a cap or an arm.
SELDOM = {"clothes": 2.5, "occluder": 1.5}


def load(path):
    saved = torch.load(path, map_location="cpu", weights_only=True)
    network = DenseNetwork(saved["kind"])
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in saved["state"].items()})
    return network.eval(), saved


@torch.no_grad()
def gather(network, portraits, seed, count):
    """Features before the last layer, of portraits and their mirror images, and the errors of the mean of both."""
    seen = []
    hook = network.out.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    parts = []
    for first in range(0, count, BATCH):
        truth = portraits.batch(seed + first, BATCH)
        seen.clear()
        out = (network(truth["crop"]) + mirrored(network(truth["crop"].flip(3)))) / 2
        got = split(out)
        parts.append({
            "features": seen[0], "mirror": seen[1].flip(3), "apart": truth["normal"] - got["normal"],
            "missed": 100 * (truth["point"] - got["point"]),
            "weight": (truth["shaped"] > 0.6).float() * (truth["known"] > 0.99).float(),
            "face": (truth["classes"][:, CLASS["face"]] > 0.5).float()[:, None],
            "turned": truth["yaw"].abs(),
        })  # fmt: skip
        print(f"{first + BATCH} of {count} portraits", flush=True)
    hook.remove()
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def deviations(network, data):
    """Logarithms, of the mean of a crop's and its mirror image's, [n][2][h][w]."""
    rows = [NORMAL_ROW, POINT_ROW]
    weight, bias = network.out.weight[rows], network.out.bias[rows]
    value = lambda x: torch.nn.functional.conv2d(x, weight, bias)
    return (value(data["features"]) + value(data["mirror"])) / 2


def likelihood(log, data):
    """Gaussian, an axis; errors far out count no more than four deviations."""
    w = data["weight"]
    normal = data["apart"].square().sum(1, keepdim=True)
    point = data["missed"].square().sum(1, keepdim=True)
    # What is said where there is nothing to tell may be anything, also beyond what numbers hold.
    s, t = (torch.where(w > 0, x, 0.0) for x in (log[:, :1], log[:, 1:]))
    rho = lambda x: torch.where(x < 16, x, 8 * x.clamp(min=1e-6).sqrt() - 16)
    loss = 2 * s + 0.5 * rho(normal * torch.exp(-2 * s)) + 3 * t + 0.5 * rho(point * torch.exp(-2 * t))
    return (loss * w).sum() / w.sum()


def refit(network, data):
    rows = [NORMAL_ROW, POINT_ROW]
    weight = network.out.weight.data[rows].clone().requires_grad_()
    bias = weight.new_tensor([-1.7, 1.5]).requires_grad_()
    weight.data[1] = 0
    optimiser = torch.optim.Adam([weight, bias], lr=0.02)
    value = lambda x: torch.nn.functional.conv2d(x, weight, bias)
    for step in range(250):
        log = (value(data["features"]) + value(data["mirror"])) / 2
        loss = likelihood(log, data)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 50 == 49:
            print(f"step {step + 1}: {float(loss.detach()):.3f}", flush=True)
    for name, odds in SELDOM.items():
        network.out.bias.data[CLASSES_ROW + CLASS[name]] -= odds
    network.out.weight.data[rows] = weight.data
    network.out.bias.data[rows] = bias.data


@torch.no_grad()
def reliability(network, data):
    """Markdown: what was said against what was wrong, and the correlation of errors over distance."""
    log = deviations(network, data)
    w = data["weight"][:, 0] > 0
    said = torch.rad2deg(log[:, 0].exp())[w], log[:, 1].exp()[w]
    wrong = torch.rad2deg(data["apart"].square().sum(1).div(2).sqrt())[w], data["missed"].square().sum(1).div(3).sqrt()[w]
    lines = []
    for name, unit, s, e in (("normal", "degrees", said[0], wrong[0]), ("point", "mm", said[1], wrong[1])):
        order = s.argsort()
        lines += [f"| {name}: said, {unit} an axis | found |", "| --- | --- |"]
        for part in order.chunk(8):
            lines.append(f"| {float(s[part].square().mean().sqrt()):.2f} | {float(e[part].square().mean().sqrt()):.2f} |")
        lines.append("")
    lines += ["| pixels apart | normals go together | points go together |", "| --- | --- | --- |"]
    for lag in LAGS:
        row = []
        for k, error in ((0, data["apart"]), (1, data["missed"])):
            white = torch.where(data["weight"] > 0, error * torch.exp(-log[:, k : k + 1]), 0.0)
            a, b = white[..., lag:], white[..., :-lag]
            both = data["weight"][..., lag:] * data["weight"][..., :-lag]
            own = (white.square().sum() / data["weight"].sum()).clamp(min=1e-6)
            row.append(float((a * b * both).sum() / both.sum() / own))
        lines.append(f"| {lag} | {row[0]:.2f} | {row[1]:.2f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--portraits", type=int, default=96)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    network, saved = load(options.weights)
    network.to(options.device)
    portraits = Portraits(options.device, compiled=False)
    refit(network, gather(network, portraits, FIT_SEED, options.portraits * 2 // 3))
    table = reliability(network, gather(network, portraits, TEST_SEED, options.portraits // 3))
    print(table)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reliability.md").write_text(table)
    partial = folder / "calibrated.partial"
    torch.save({**saved, "state": halved(network.state_dict())}, partial)
    partial.rename(folder / "calibrated.pt")


if __name__ == "__main__":
    main()
