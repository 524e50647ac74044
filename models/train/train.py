"""
Trains and compares the coefficient networks on the portraits of generate.ts:

    python train.py --data FOLDER --out FOLDER [--kinds mlp,cnn,backbone] [--epochs 40] [--minutes 10] [--device cuda]

The minutes are shared by the kinds, those with pixels getting most; a kind whose share ends is stopped in its
schedule's last, slow part all the same, because epochs are fitted to the time after the first. OUT gets
KIND.pt (half floats), table.md and log.txt.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

import data
from network import COMPONENTS, LandmarkFeatures, Regressor
from objective import Figures, Mirror, augment, loss_of, optimiser_of

HELD_OUT = 1000
BATCH = 128
SHARES = {"mlp": 1, "cnn": 4, "backbone": 5}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--kinds", default="mlp,cnn,backbone")
    parser.add_argument("--epochs", type=int, default=40, help="at most")
    parser.add_argument("--minutes", type=float, default=60, help="for all kinds together")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, help="portraits to use")
    parser.add_argument("--held-out", type=int, default=HELD_OUT)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Portraits:
    def __init__(self, folder, limit, held_out, device):
        fields, crops = data.load(folder, limit)
        self.landmarks = torch.as_tensor(fields["landmarks"].copy()).to(device)
        truth = np.concatenate([fields["identity"], fields["expression"], fields["pose"]], 1)
        self.truth = torch.as_tensor(truth).to(device)
        self.crops = torch.as_tensor(crops).to(device)
        self.held = torch.arange(held_out, device=device)
        self.train = torch.arange(held_out, len(truth), device=device)

    def batch(self, rows, pixels):
        crop = self.crops[rows].float() / 255 if pixels else None
        return self.landmarks[rows], crop, self.truth[rows]


def ridge(portraits, mirror, figures):
    """Least squares on the landmark features and their products with the first three, of pose."""
    features = LandmarkFeatures(portraits.landmarks[portraits.train]).to(portraits.truth.device)

    def products(landmarks):
        z = features(landmarks)
        ones = torch.ones(len(z), 1, device=z.device)
        return torch.cat([z, *(z[:, :COMPONENTS] * z[:, k : k + 1] for k in range(3)), ones], 1).double()

    landmarks, _, truth = portraits.batch(portraits.train, False)
    flipped, _, flipped_truth = mirror(landmarks, None, truth)
    x = torch.cat([products(landmarks), products(flipped)])
    y = torch.cat([truth, flipped_truth]).double()
    gram, right = x.T @ x, x.T @ y
    landmarks, _, truth = portraits.batch(portraits.held, False)
    rows = []
    for penalty in (100, 300, 1000):
        w = torch.linalg.solve(gram + penalty * torch.eye(len(gram), device=x.device), right)
        rows.append(figures.row((products(landmarks) @ w).float(), None, truth))
    return min(rows, key=lambda row: row["shape mm"])


def fit(kind, portraits, mirror, figures, options, minutes, report):
    device = portraits.truth.device
    start = time.time()
    pixels = kind != "mlp"
    network = Regressor(kind, portraits.landmarks[portraits.train][:8000]).to(device)
    truth = portraits.truth[portraits.train]
    with torch.no_grad():
        network.linear.bias.copy_(truth.mean(0))
        network.deviation.bias.copy_(truth.std(0).clamp(min=0.02).log())
    optimiser = optimiser_of(network, kind, options.rate)
    steps_per_epoch = len(portraits.train) // BATCH
    epochs, step = options.epochs, 0
    row = {}
    epoch = 0
    while epoch < epochs:
        network.train()
        order = portraits.train[torch.randperm(len(portraits.train), device=device)]
        for first in range(0, steps_per_epoch * BATCH, BATCH):
            # Up quickly, then down along a cosine.
            progress = step / (epochs * steps_per_epoch)
            rate = options.rate * min(1, step / 200) * 0.5 * (1 + np.cos(np.pi * progress))
            for group in optimiser.param_groups:
                group["lr"] = rate * group["scale"]
            batch = portraits.batch(order[first : first + BATCH], pixels)
            if np.random.rand() < 0.5:
                batch = mirror(*batch)
            landmarks, crop, wanted = batch
            if crop is not None:
                crop = augment(crop)
            # Landmarks jitter from photo to photo.
            landmarks = landmarks + 0.001 * torch.randn_like(landmarks)
            loss = loss_of(*network(landmarks, crop), wanted, figures)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5)
            optimiser.step()
            step += 1
        epoch += 1
        spent = time.time() - start
        epochs = min(options.epochs, max(epoch, int(0.95 * 60 * minutes / (spent / epoch))))
        if epoch % 4 == 0 or epoch == epochs:
            row = figures.row(*predict(network, portraits, portraits.held, pixels), portraits.truth[portraits.held])
            report(f"{kind} epoch {epoch} of {epochs}, {spent:.0f} s", row)
    half = {key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()}
    torch.save({"kind": kind, "state": {key: value.cpu() for key, value in half.items()}}, options.out / f"{kind}.pt")
    return row


@torch.no_grad()
def predict(network, portraits, rows, pixels):
    network.eval()
    parts = []
    for part in rows.split(BATCH):
        landmarks, crop, _ = portraits.batch(part, pixels)
        parts.append(network(landmarks, crop))
    return torch.cat([mean for mean, _ in parts]), torch.cat([deviation for _, deviation in parts]).exp()


def main():
    options = arguments()
    options.out = Path(options.out)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    np.random.seed(options.seed)
    start = time.time()
    log = open(options.out / "log.txt", "w")

    def report(name, row):
        text = f"{name:32s}" + "  ".join(f"{key} {value:.3f}" for key, value in row.items())
        print(text, flush=True)
        print(text, file=log, flush=True)

    head = data.Head()
    figures = Figures(head, options.device)
    portraits = Portraits(options.data, options.limit, options.held_out, options.device)
    mirror = Mirror(head, options.device)
    report(f"{len(portraits.train)} portraits, {len(portraits.held)} held out", {"seconds to read": time.time() - start})
    rows = {"ridge": ridge(portraits, mirror, figures)}
    report("ridge", rows["ridge"])
    kinds = options.kinds.split(",")
    for kind in kinds:
        left = options.minutes - (time.time() - start) / 60
        share = SHARES[kind] / sum(SHARES[k] for k in kinds[kinds.index(kind) :])
        rows[kind] = fit(kind, portraits, mirror, figures, options, share * left, report)
    columns = list(rows[kinds[-1]])
    lines = ["| network | " + " | ".join(columns) + " |", "|" + " --- |" * (len(columns) + 1)]
    for kind, row in rows.items():
        cells = [f"{row[column]:.3f}" if column in row else "" for column in columns]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    (options.out / "table.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines), flush=True)
    report("all", {"seconds": time.time() - start})


if __name__ == "__main__":
    main()
