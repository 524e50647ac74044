"""The coefficient network, trained beside the dense ones on the same portraits, as the landmark network sees them."""

import math

import torch
from torch.nn import functional

import data
from average import Averaged, RunningMean
from network import Regressor
from objective import Figures, Mirror, augment, loss_of, optimiser_of

#: Portraits whose landmarks make the principal components that the network looks at.
FIRST = 4096
#: A face that the fit would refuse teaches nothing: log-odds of presence, what two looks are apart, degrees of yaw.
MIN_ODDS, MAX_APART, MAX_YAW = 8.0, 0.06, 75.0
#: What the crop shows of the region: lib/stages/face-frame.ts.
CROP_SHARE = 0.85


def usable(odds, apart, yaw):
    return (odds >= MIN_ODDS) & (apart <= MAX_APART) & (yaw.abs() <= MAX_YAW)


def face_crops(crop):
    """[n][3][256][256] to [n][112][112][3]."""
    side = crop.shape[2]
    edge = round(side * (1 - CROP_SHARE) / 2)
    inner = crop[:, :, edge : side - edge, edge : side - edge]
    size = (data.CROP, data.CROP)
    small = functional.interpolate(inner, size, mode="bilinear", antialias=True, align_corners=False)
    return small.permute(0, 2, 3, 1)


class CoefficientTrainee(Averaged):
    def __init__(self, kind, rate, landmarks, truth, device):
        self.kind, self.rate, self.steps = kind, rate, 0
        self.figures, self.mirror = Figures(data.Head(), device), Mirror(data.Head(), device)
        self.network = Regressor(kind, landmarks).to(device)
        with torch.no_grad():
            self.network.linear.bias.copy_(truth.mean(0))
            self.network.deviation.bias.copy_(truth.std(0).clamp(min=0.02).log())
        self.optimiser = optimiser_of(self.network, kind, rate)
        self.average = RunningMean(self.network)

    def step(self, batch, progress):
        """batch: landmarks, crop, coefficients of usable portraits."""
        rate = self.rate * min(1, (self.steps + 1) / 200) * (0.5 * (1 + math.cos(math.pi * progress)) + 0.002)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        landmarks, crop, wanted = batch["landmarks"], face_crops(batch["crop"]), batch["coefficients"]
        if self.steps % 2:
            landmarks, crop, wanted = self.mirror(landmarks, crop, wanted)
        landmarks = landmarks + 0.001 * torch.randn_like(landmarks)
        self.network.train()
        mean, deviation = self.network(landmarks, augment(crop))
        loss = loss_of(mean, deviation, wanted, self.figures)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5)
        self.optimiser.step()
        self.follow()
        return loss

    @torch.no_grad()
    def row(self, held, rows, size):
        """Figures on portraits of a store."""
        said, wanted = [], []
        for part in rows.split(size):
            batch = held.take(part, ("landmarks", "crop", "coefficients"))
            mean, deviation = self.average.network(batch["landmarks"], face_crops(batch["crop"]))
            said.append(torch.cat([mean, deviation.exp()], 1)), wanted.append(batch["coefficients"])
        said, wanted = torch.cat(said), torch.cat(wanted)
        half = said.shape[1] // 2
        return self.figures.row(said[:, :half], said[:, half:], wanted)
