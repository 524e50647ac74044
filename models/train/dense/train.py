"""
Trains the dense networks and the coefficient networks on portraits that are drawn as they are needed:

    python train.py --out FOLDER [--kinds landmarks-wide] [--coefficients backbone,cnn] [--minutes 600] [--device cuda]

Of several dense kinds all see the same batches for the first share of the time; then the smallest within 3 % of the
best goes on alone. FOLDER gets KIND.pt and coefficients-KIND.pt (half floats), log.txt, table.md, and state.pt, from which
the same command goes on.
"""

import argparse
import math
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional

sys.path.append(str(Path(__file__).resolve().parent.parent))

import depthwise
import normalise
from average import Averaged, RunningMean
from coefficient_trainee import FIRST, CoefficientTrainee, usable
from dense_net import DenseNetwork, mirrored, split
from landmark_net import Landmarks
from portraits import CLASS, CLASSES, Portraits
from steps import Beside, Steps

HELD_SEED, TRAIN_SEED = 10_000_000, 20_000_000
HELD = 512
#: Share of the time in which the kinds are compared, and what the smallest may be worse by.
COMPARE, WITHIN = 0.25, 1.03
#: How much a class counts in the loss at first and at last; the rest 1. Of eyes, brows, rims of glasses there are so few
#: pixels that they are learned late; at last what is said is to be a probability again.
COUNTS = {
    "lips": (3, 1), "ears": (2, 1), "brows": (6, 1.2), "eyes": (8, 1.2), "mouth": (8, 1.2), "teeth": (8, 1.5),
    "beard": (3, 1), "glasses": (8, 2), "occluder": (3, 1.5),
}  # fmt: skip
#: The share of the time in which they go from the one to the other.
COUNTED = 0.75


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--kinds", default="landmarks-wide")
    parser.add_argument("--coefficients", default="", help="kinds of coefficient network to train beside: backbone, cnn")
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--draw", type=int, default=48, help="portraits drawn at a time")
    parser.add_argument("--keep", type=int, default=40_000, help="portraits kept to be seen again")
    parser.add_argument("--steps", type=int, default=2, help="steps for each drawing")
    parser.add_argument("--held-out", type=int, default=HELD)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--coefficient-rate", type=float, default=1.5e-3)
    parser.add_argument("--from", dest="before", help="a KIND.pt to begin with")
    parser.add_argument("--first", type=int, help="portraits drawn before the first step")
    parser.add_argument("--profile", action="store_true", help="one drawing and one step to profile.txt")
    parser.add_argument("--report", type=float, default=30, help="seconds between reports")
    return parser.parse_args()


class Store:
    """The last portraits drawn, packed, in a ring."""

    FIELDS = {"crop": 255, "classes": 255, "normal": 127, "point": None, "shaped": 255, "known": 255}
    DENSE = tuple(FIELDS)
    #: Kept as they are, where they are told: landmarks [478][4], coefficients [179] and whether they can be learned from.
    PLAIN = ("landmarks", "coefficients", "usable")

    def __init__(self, size, device):
        self.size, self.device, self.count, self.next, self.held = size, device, 0, 0, {}

    def pack(self, name, value):
        if name in self.PLAIN:
            return value
        scale = self.FIELDS[name]
        if scale is None:
            return value.half()
        return (value * scale).round().to(torch.int8 if name == "normal" else torch.uint8)

    def add(self, batch):
        n = len(batch["crop"])
        rows = (torch.arange(n, device=self.device) + self.next) % self.size
        for name in batch.keys() & {*self.DENSE, *self.PLAIN}:
            value = self.pack(name, batch[name])
            if name not in self.held:
                self.held[name] = torch.empty(self.size, *value.shape[1:], dtype=value.dtype, device=self.device)
            self.held[name][rows] = value
        self.next = (self.next + n) % self.size
        self.count = min(self.size, self.count + n)

    def take(self, rows, names=DENSE):
        return {name: self.held[name][rows].float() / (self.FIELDS.get(name) or 1) for name in names}

    def usable(self):
        """Rows that a coefficient network can learn from."""
        return self.held["usable"][: self.count].nonzero().flatten()


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
    x = grey + (even(1, 1, 1) >= 0.1) * (0.7 + 0.6 * even(1, 1, 1)) * (x - grey)
    out["crop"] = x.clamp(0, 1)
    return out


def loss_of(out, truth, counts):
    """counts [classes]: what each counts."""
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
    classes = -((counts[:, None, None] * truth["classes"] * log).sum(1, keepdim=True) * known).sum() / known.sum().clamp(min=1)
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
        for name in ("face", "hair", "eyes", "brows", "beard", "occluder", "glasses"):
            k = CLASS[name]
            either = ((wanted == k) | (said == k)).float() * clear
            add(f"{name} IoU", ((wanted == k) & (said == k)).float(), either)
    network.train()
    return {name: a / max(b, 1) for name, (a, b) in sums.items()}


class Trainee(Averaged):
    def __init__(self, kind, rate, device, before=None):
        self.kind, self.rate = kind, rate
        self.network = DenseNetwork(kind).to(device)
        if before:
            self.network.load_state_dict(torch.load(before, map_location=device, weights_only=True)["state"])
        self.average = RunningMean(self.network)
        groups = [
            {"params": [p for p in self.network.parameters() if p.dim() > 1], "weight_decay": 1e-4},
            {"params": [p for p in self.network.parameters() if p.dim() <= 1], "weight_decay": 0},
        ]
        # A recorded step reads its rate where it lies on the device.
        on_gpu = device.type == "cuda"
        start = torch.tensor(rate, device=device) if on_gpu else rate
        self.optimiser = torch.optim.AdamW(groups, lr=start, fused=on_gpu, capturable=on_gpu)
        self.first, self.last = torch.tensor([COUNTS.get(name, (1.0, 1.0)) for name in CLASSES], device=device).T
        self.counts = self.first.clone()
        self.steps = 0

    def set_pace(self, progress):
        torch.lerp(self.last, self.first, max(0, 1 - progress / COUNTED), out=self.counts)
        rate = self.rate * min(1, (self.steps + 1) / 100) * (0.5 * (1 + math.cos(math.pi * progress)) + 0.002)
        for group in self.optimiser.param_groups:
            if torch.is_tensor(group["lr"]):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def learn(self, batch):
        """One step; the loss."""
        self.network.train()
        with torch.autocast(batch["crop"].device.type, torch.bfloat16, enabled=batch["crop"].is_cuda, cache_enabled=False):
            out = self.network(batch["crop"])
        loss = loss_of(out.float(), batch, self.counts)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 3)
        self.optimiser.step()
        return loss.detach()


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

    depthwise.check(device)
    normalise.check(device)
    portraits = Portraits(device, coefficients=bool(options.coefficients))
    landmarks = Landmarks(device) if options.coefficients else None
    first = options.first or (FIRST if options.coefficients else 8 * options.batch)

    def drawn_batch(seed, size):
        batch = portraits.batch(seed, size)
        if landmarks:
            batch["landmarks"], odds, apart = landmarks(batch["crop"])
            batch["usable"] = usable(odds, apart, batch["yaw"])
        return batch

    held = Store(options.held_out, device)
    size = min(options.draw, options.held_out)
    for seed in range(0, options.held_out, size):
        held.add(drawn_batch(HELD_SEED + seed, min(size, options.held_out - seed)))
    store = Store(options.keep, device)
    kinds = options.kinds.split(",")
    trainees = {kind: Trainee(kind, options.rate, device, options.before) for kind in kinds}
    regressors, saved = {}, None
    rows, drawn, spent = {}, 0, 0.0
    state = folder / "state.pt"
    if state.exists():
        saved = torch.load(state, map_location=device, weights_only=True)
        drawn, spent, rows, kinds = saved["drawn"], saved["spent"], saved["rows"], saved["kinds"]
        trainees = {kind: trainees[kind] for kind in kinds}
        for kind, trainee in trainees.items():
            trainee.load(saved[kind])
    start = time.time() - spent
    last = time.time()
    seconds = 60 * options.minutes
    profiled = not options.profile
    beside, steps = Beside(device), {}
    while (spent := time.time() - start) < seconds:
        if not profiled and store.count >= first:
            profiled = True
            beside.join()
            profile(folder, lambda: drawn_batch(TRAIN_SEED + drawn, options.draw), lambda: [
                trainee.learn(augment(store.take(torch.arange(options.batch, device=device)))) for trainee in trainees.values()])  # fmt: skip
        ready = store.count >= min(options.keep, first)
        if ready and not steps:
            beside.join()
            steps = {kind: Steps(trainee, store, options.batch, augment) for kind, trainee in trainees.items()}
        with beside.learning():
            for one in steps.values():
                loss = one(options.steps, spent / seconds)
            if ready and options.coefficients:
                seen = store.usable()
                if not regressors:
                    learned = store.take(seen, ("landmarks", "coefficients"))
                    for kind in options.coefficients.split(","):
                        regressors[kind] = CoefficientTrainee(kind, options.coefficient_rate, *learned.values(), device)
                        if saved:
                            regressors[kind].load(saved[f"coefficients-{kind}"])
                for _ in range(options.steps):
                    chosen_rows = seen[torch.randint(len(seen), (options.batch,), device=device)]
                    batch = store.take(chosen_rows, ("landmarks", "crop", "coefficients"))
                    for regressor in regressors.values():
                        regressor.step(batch, spent / seconds)
        with beside.drawing():
            batch = drawn_batch(TRAIN_SEED + drawn, options.draw)
        beside.hand_over(batch)
        with beside.learning():
            store.add(batch)
        del batch
        drawn += options.draw
        beside.pace()
        if not steps:
            continue
        if time.time() - last > options.report:
            last = time.time()
            beside.join()
            if not math.isfinite(float(loss)):
                raise SystemExit(f"the loss is {float(loss)} after {spent:.0f} s")
            for kind, trainee in trainees.items():
                rows[kind] = figures(trainee.average.network, held, options.batch)
                report(f"{spent:6.0f} s, {drawn} drawn, {kind} step {trainee.steps}, loss {float(loss):.3f}  {line(rows[kind])}")
                trainee.save(folder / f"{kind}.pt")
            for kind, regressor in regressors.items():
                report(f"{'':6s}    coefficients {kind} step {regressor.steps}  {line(regressor.row(held, held.usable(), options.batch))}")
                regressor.save(folder / f"coefficients-{kind}.pt")
            if len(trainees) > 1 and spent > COMPARE * seconds:
                best = chosen(rows, kinds)
                report(f"{best} goes on alone")
                write_table(folder, rows, trainees, drawn, "when the kinds were compared")
                trainees, steps = {best: trainees[best]}, {best: steps[best]}
            keep = {kind: trainee.state() for kind, trainee in trainees.items()}
            keep |= {f"coefficients-{kind}": regressor.state() for kind, regressor in regressors.items()}
            partial = folder / "state.partial"
            torch.save({"drawn": drawn, "spent": spent, "rows": rows, "kinds": list(trainees), **keep}, partial)
            partial.rename(state)
    beside.join()
    for kind, trainee in trainees.items():
        rows[kind] = figures(trainee.average.network, held, options.batch)
        trainee.save(folder / f"{kind}.pt")
    for kind, regressor in regressors.items():
        rows[f"coefficients-{kind}"] = regressor.row(held, held.usable(), options.batch)
        regressor.save(folder / f"coefficients-{kind}.pt")
    write_table(folder, {kind: rows[kind] for kind in trainees}, trainees, drawn, "at the end")
    named = {f"coefficients-{kind}": regressor for kind, regressor in regressors.items()}
    write_table(folder, {name: rows[name] for name in named}, named, drawn, "at the end")


def line(row):
    return "  ".join(f"{name} {value:.3f}" for name, value in row.items())


def profile(folder, *works):
    """Where the time of each goes, on the device."""
    text = []
    for work in works:
        work()
        with torch.profiler.profile(record_shapes=True) as result:
            work()
        by = "self_cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
        text.append(result.key_averages(group_by_input_shape=True).table(sort_by=by, row_limit=40, max_shapes_column_width=60))
    (folder / "profile.txt").write_text("\n\n".join(text))


def write_table(folder, rows, trainees, drawn, when):
    if not rows:
        return
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
