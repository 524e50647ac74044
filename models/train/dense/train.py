"""
Trains and compares the dense networks on portraits that are drawn as they are needed:

    python train.py --out FOLDER [--kinds small,medium,large,landmarks] [--minutes 600] [--device cuda]

For the first share of the time all kinds see the same batches; then the smallest within 3 % of the best goes on alone.
FOLDER gets KIND.pt (half floats), log.txt, table.md, and state.pt, from which the same command goes on.
"""

import argparse
import math
import time
from pathlib import Path

import torch
from torch.nn import functional

from dense_net import DenseNetwork, mirrored, split
from portraits import CLASS, CLASSES, Portraits

HELD_SEED, TRAIN_SEED = 10_000_000, 20_000_000
HELD = 512
#: Share of the time in which the kinds are compared, and what the smallest may be worse by.
COMPARE, WITHIN = 0.25, 1.03


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--kinds", default="small,medium,large,landmarks")
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--draw", type=int, default=48, help="portraits drawn at a time")
    parser.add_argument("--keep", type=int, default=40_000, help="portraits kept to be seen again")
    parser.add_argument("--steps", type=int, default=2, help="steps for each drawing")
    parser.add_argument("--held-out", type=int, default=HELD)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--report", type=float, default=30, help="seconds between reports")
    return parser.parse_args()


class Store:
    """The last portraits drawn, packed, in a ring."""

    FIELDS = {"crop": 255, "classes": 255, "normal": 127, "point": None, "shaped": 255, "known": 255}

    def __init__(self, size, device):
        self.size, self.device, self.count, self.next, self.held = size, device, 0, 0, {}

    def pack(self, name, value):
        scale = self.FIELDS[name]
        if scale is None:
            return value.half()
        return (value * scale).round().to(torch.int8 if name == "normal" else torch.uint8)

    def add(self, batch):
        n = len(batch["crop"])
        rows = (torch.arange(n, device=self.device) + self.next) % self.size
        for name in self.FIELDS:
            value = self.pack(name, batch[name])
            if name not in self.held:
                self.held[name] = torch.empty(self.size, *value.shape[1:], dtype=value.dtype, device=self.device)
            self.held[name][rows] = value
        self.next = (self.next + n) % self.size
        self.count = min(self.size, self.count + n)

    def take(self, rows):
        return {
            name: self.held[name][rows].float() / (scale or 1) for name, scale in self.FIELDS.items()
        }


def augment(batch):
    """Mirror images, colour, contrast and covered patches, anew each time a portrait is seen."""
    n, device = len(batch["crop"]), batch["crop"].device
    even = lambda *shape: torch.rand(n, *shape, device=device)
    flip = even(1, 1, 1) < 0.5
    out = {name: torch.where(flip, value.flip(3), value) for name, value in batch.items()}
    for name in ("normal", "point"):
        out[name] = torch.cat([torch.where(flip, -out[name][:, :1], out[name][:, :1]), out[name][:, 1:]], 1)
    x = out["crop"]
    x = (x * torch.exp(0.12 * torch.randn(n, 3, 1, 1, device=device))).clamp(1e-4, 1)
    x = x ** torch.exp(0.2 * torch.randn(n, 1, 1, 1, device=device))
    grey = x.mean(1, keepdim=True)
    x = grey + torch.where(even(1, 1, 1) < 0.1, 0.0, 0.7 + 0.6 * even(1, 1, 1)) * (x - grey)
    out["crop"] = x.clamp(0, 1)
    return out


def loss_of(out, truth):
    got = split(out)
    shaped, known = truth["shaped"], truth["known"]
    weight = (shaped > 0.6).float() * (known > 0.99).float()
    total = weight.sum().clamp(min=1)
    cosine = (got["normal"] * truth["normal"]).sum(1, keepdim=True)
    apart = torch.sqrt((2 - 2 * cosine).clamp(min=0) + 1e-4)
    normal = (apart * weight).sum() / total
    edges = 0
    for axis in (2, 3):
        a, b = (t.diff(dim=axis) for t in (got["normal"], truth["normal"]))
        both = weight.narrow(axis, 1, weight.shape[axis] - 1) * weight.narrow(axis, 0, weight.shape[axis] - 1)
        edges = edges + ((a - b).abs().sum(1, keepdim=True) * both).sum() / total
    missed_mm = (100 * (got["point"] - truth["point"])).square().sum(1, keepdim=True)
    point = (torch.sqrt(missed_mm + 1) * weight).sum() / total
    log = functional.log_softmax(got["classes"], 1)
    classes = -((truth["classes"] * log).sum(1, keepdim=True) * known).sum() / known.sum().clamp(min=1)
    # Deviations are learned from the errors, not the errors from them.
    s = got["normal_deviation"]
    likely = 2 * s + 1.5 * torch.log1p(apart.detach().square() * torch.exp(-2 * s) / 2)
    s = got["point_deviation"]
    likely = likely + 3 * s + 2.0 * torch.log1p(missed_mm.detach() * torch.exp(-2 * s) / 2)
    deviations = (likely * weight).sum() / total
    return 3 * normal + 1.0 * edges + 0.15 * point + classes + 0.03 * deviations


@torch.no_grad()
def figures(network, held, size):
    """On held-out portraits, each with its mirror image as a fit uses them."""
    network.eval()
    sums = {}

    def add(name, value, weight):
        a, b = sums.get(name, (0.0, 0.0))
        sums[name] = (a + float((value * weight).sum()), b + float(weight.sum()))

    for rows in torch.arange(held.count, device=held.device).split(size):
        truth = held.take(rows)
        with torch.autocast(held.device.type, torch.bfloat16, enabled=truth["crop"].is_cuda):
            out = (network(truth["crop"]) + mirrored(network(truth["crop"].flip(3)))) / 2
        got = split(out.float())
        weight = (truth["shaped"] > 0.6).float() * (truth["known"] > 0.99).float()
        face = weight * (truth["classes"][:, CLASS["face"]] > 0.5).float()[:, None]
        cosine = (got["normal"] * truth["normal"]).sum(1, keepdim=True).clamp(-1, 1)
        angle = torch.rad2deg(torch.acos(cosine))
        add("normal deg", angle, weight)
        add("face normal deg", angle, face)
        missed = 100 * (got["point"] - truth["point"]).norm(dim=1, keepdim=True)
        add("point mm", missed, weight)
        add("whitened normal", (2 - 2 * cosine) / 2 * torch.exp(-2 * got["normal_deviation"]), weight)
        add("whitened point", missed.square() / 3 * torch.exp(-2 * got["point_deviation"]), weight)
        wanted, said = truth["classes"].argmax(1), got["classes"].argmax(1)
        clear = (truth["classes"].amax(1) > 0.8).float() * truth["known"][:, 0]
        add("right class", (wanted == said).float(), clear)
        for name in ("face", "hair", "occluder", "glasses"):
            k = CLASS[name]
            either = ((wanted == k) | (said == k)).float() * clear
            add(f"{name} IoU", ((wanted == k) & (said == k)).float(), either)
    network.train()
    return {name: a / max(b, 1) for name, (a, b) in sums.items()}


class Trainee:
    def __init__(self, kind, rate, device):
        self.kind, self.rate = kind, rate
        self.network = DenseNetwork(kind).to(device)
        self.average = DenseNetwork(kind).to(device).eval()
        self.average.load_state_dict(self.network.state_dict())
        groups = [
            {"params": [p for p in self.network.parameters() if p.dim() > 1], "weight_decay": 1e-4},
            {"params": [p for p in self.network.parameters() if p.dim() <= 1], "weight_decay": 0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=rate)
        self.steps = 0

    def step(self, batch, progress):
        rate = self.rate * min(1, (self.steps + 1) / 100) * (0.5 * (1 + math.cos(math.pi * progress)) + 0.002)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.network.train()
        with torch.autocast(batch["crop"].device.type, torch.bfloat16, enabled=batch["crop"].is_cuda):
            out = self.network(batch["crop"])
        loss = loss_of(out.float(), batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 3)
        self.optimiser.step()
        self.steps += 1
        # A running mean of the weights, longer as steps go on.
        keep = min(0.998, self.steps / (self.steps + 20))
        own, mean = self.network.state_dict(), self.average.state_dict()
        floats = [k for k in mean if mean[k].is_floating_point()]
        torch._foreach_lerp_([mean[k] for k in floats], [own[k] for k in floats], 1 - keep)
        return loss

    def save(self, folder):
        state = {k: v.half().cpu() if v.is_floating_point() else v.cpu() for k, v in self.average.state_dict().items()}
        partial = folder / f"{self.kind}.partial"
        torch.save({"kind": self.kind, "state": state, "steps": self.steps}, partial)
        partial.rename(folder / f"{self.kind}.pt")


def chosen(rows, kinds):
    """The first (smallest) kind within WITHIN of the best."""
    best = min(rows[kind]["normal deg"] for kind in kinds)
    return next(kind for kind in kinds if rows[kind]["normal deg"] <= WITHIN * best)


def main():
    options = arguments()
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device(options.device)
    torch.manual_seed(1)
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    log = open(folder / "log.txt", "a")

    def report(text):
        print(text, flush=True)
        print(text, file=log, flush=True)

    portraits = Portraits(device)
    held = Store(options.held_out, device)
    size = min(options.draw, options.held_out)
    for seed in range(0, options.held_out, size):
        held.add(portraits.batch(HELD_SEED + seed, min(size, options.held_out - seed)))
    store = Store(options.keep, device)
    kinds = options.kinds.split(",")
    trainees = {kind: Trainee(kind, options.rate, device) for kind in kinds}
    rows, drawn, spent = {}, 0, 0.0
    state = folder / "state.pt"
    if state.exists():
        saved = torch.load(state, map_location=device, weights_only=True)
        drawn, spent, rows, kinds = saved["drawn"], saved["spent"], saved["rows"], saved["kinds"]
        for kind in kinds:
            trainee = trainees[kind]
            trainee.network.load_state_dict(saved[kind]["network"])
            trainee.average.load_state_dict(saved[kind]["average"])
            trainee.optimiser.load_state_dict(saved[kind]["optimiser"])
            trainee.steps = saved[kind]["steps"]
        trainees = {kind: trainees[kind] for kind in kinds}
    start = time.time() - spent
    last = time.time()
    seconds = 60 * options.minutes
    while (spent := time.time() - start) < seconds:
        store.add(portraits.batch(TRAIN_SEED + drawn, options.draw))
        drawn += options.draw
        if store.count < min(options.keep, 8 * options.batch):
            continue
        for _ in range(options.steps):
            batch = augment(store.take(torch.randint(store.count, (options.batch,), device=device)))
            for trainee in trainees.values():
                loss = trainee.step(batch, spent / seconds)
        if time.time() - last > options.report:
            last = time.time()
            for kind, trainee in trainees.items():
                rows[kind] = figures(trainee.average, held, options.batch)
                text = "  ".join(f"{name} {value:.3f}" for name, value in rows[kind].items())
                report(f"{spent:6.0f} s, {drawn} drawn, {kind} step {trainee.steps}, loss {float(loss.detach()):.3f}  {text}")
                trainee.save(folder)
            if len(trainees) > 1 and spent > COMPARE * seconds:
                best = chosen(rows, kinds)
                report(f"{best} goes on alone")
                write_table(folder, rows, trainees, drawn, "when the kinds were compared")
                trainees = {best: trainees[best]}
            keep = {kind: {"network": t.network.state_dict(), "average": t.average.state_dict(),
                           "optimiser": t.optimiser.state_dict(), "steps": t.steps} for kind, t in trainees.items()}  # fmt: skip
            partial = folder / "state.partial"
            torch.save({"drawn": drawn, "spent": spent, "rows": rows, "kinds": list(trainees), **keep}, partial)
            partial.rename(state)
    for kind, trainee in trainees.items():
        rows[kind] = figures(trainee.average, held, options.batch)
        trainee.save(folder)
    write_table(folder, {kind: rows[kind] for kind in trainees}, trainees, drawn, "at the end")


def write_table(folder, rows, trainees, drawn, when):
    names = list(next(iter(rows.values())))
    lines = [f"{drawn} portraits drawn, {when}", "", "| network | parameters | steps | " + " | ".join(names) + " |"]
    lines.append("|" + " --- |" * (len(names) + 3))
    for kind in trainees:
        size = sum(p.numel() for p in trainees[kind].network.parameters())
        cells = " | ".join(f"{rows[kind][name]:.3f}" for name in names)
        lines.append(f"| {kind} | {size / 1e6:.2f} M | {trainees[kind].steps} | {cells} |")
    with open(folder / "table.md", "a") as file:
        file.write("\n".join(lines) + "\n\n")


if __name__ == "__main__":
    assert len(CLASSES) == 14
    main()
