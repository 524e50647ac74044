"""What a coefficient network is trained for and how it is measured."""

import numpy as np
import torch

import data
from network import IDENTITY, OUTPUTS, SHAPE


class Figures:
    """What is measured on held-out portraits: root mean square vertex distance, rigid motion and scale taken out."""

    def __init__(self, head, device):
        self.metric = torch.as_tensor(head.metric, dtype=torch.float32, device=device)

    def shape(self, error):
        return ((error @ self.metric) * error).sum(1)

    def identity(self, error):
        return ((error @ self.metric[:IDENTITY, :IDENTITY]) * error).sum(1)

    def row(self, mean, deviation, truth):
        error = mean - truth
        prior = truth[:, :SHAPE] - truth[:, :SHAPE].mean(0)
        rms = lambda x: float(x.mean().sqrt())
        row = {
            "shape mm": rms(self.shape(error[:, :SHAPE])),
            "of mean head": rms(self.shape(error[:, :SHAPE])) / rms(self.shape(prior)),
            "neutral mm": rms(self.identity(error[:, :IDENTITY])),
            "of mean neutral": rms(self.identity(error[:, :IDENTITY])) / rms(self.identity(prior[:, :IDENTITY])),
            "axes deg": rms(error[:, SHAPE : SHAPE + 6].square()) * 57.3,
            "log distance": rms(error[:, -1].square()),
        }
        if deviation is not None:
            whitened = (error / deviation).square()
            row["whitened identity"] = rms(whitened[:, :IDENTITY])
            row["whitened expression"] = rms(whitened[:, IDENTITY:SHAPE])
            row["whitened distance"] = rms(whitened[:, -1])
        return row


class Mirror:
    """Portraits as in a mirror: pixels, landmarks and coefficients."""

    def __init__(self, head, device):
        self.points = torch.as_tensor(data.landmark_mirror(), device=device)
        matrix = np.zeros((OUTPUTS, OUTPUTS))
        matrix[:IDENTITY, :IDENTITY] = head.mirror_identity
        matrix[IDENTITY:SHAPE, IDENTITY:SHAPE] = head.mirror_expression
        # The head's x axis and the picture's both change sign; the z axis only where it leans to the side.
        matrix[SHAPE:, SHAPE:] = np.diag([1, -1, -1, -1, 1, 1, 1])
        self.matrix = torch.as_tensor(matrix.T, dtype=torch.float32, device=device)
        self.signs = torch.tensor([-1.0, 1, 1, 1], device=device)

    def __call__(self, landmarks, crop, truth):
        flipped = landmarks[:, self.points] * self.signs
        return flipped, None if crop is None else crop.flip(2), truth @ self.matrix


def augment(crop):
    """Colour, contrast, noise and a covered patch, beyond what the portraits have."""
    n, device = len(crop), crop.device
    draw = lambda *shape: torch.randn(*shape, device=device)
    even = lambda *shape: torch.rand(*shape, device=device)
    crop = (crop * torch.exp(0.15 * draw(n, 1, 1, 3))).clamp(1e-4, 1) ** torch.exp(0.25 * draw(n, 1, 1, 1))
    grey = crop.mean(3, keepdim=True)
    crop = grey + (1 + 0.5 * draw(n, 1, 1, 1)).clamp(0, 2) * (crop - grey)
    crop = crop + 0.03 * even(n, 1, 1, 1) * draw(*crop.shape)
    at = torch.arange(data.CROP, device=device)
    low = (even(2, n, 1) * data.CROP).int()
    inside = (at >= low) & (at < low + (6 + 30 * even(2, n, 1)).int())
    covered = inside[0][:, :, None] & inside[1][:, None, :] & (even(n, 1, 1) < 0.3)
    return torch.where(covered[..., None], even(n, 1, 1, 3), crop)


def loss_of(mean, log_deviation, truth, figures):
    error = mean - truth
    # Deviations are learned from the error, not the error from them: likelihood alone gives up on what is hard.
    whitened = error.detach() * torch.exp(-log_deviation)
    likelihood = (log_deviation + 0.5 * whitened.square().clamp(max=50)).mean()
    shape = figures.shape(error[:, :SHAPE]).mean() + figures.identity(error[:, :IDENTITY]).mean()
    small = 0.1 * error[:, :IDENTITY].square().mean() + 0.5 * error[:, IDENTITY:SHAPE].square().mean()
    return shape / 8 + small + 20 * error[:, SHAPE:].square().mean() + 0.1 * likelihood


def optimiser_of(network, kind, rate):
    """AdamW; each group has the share of the rate at which it learns as `scale`: layers that have seen faces learn slowly."""
    pretrained = list(network.trunk.parameters()) if kind == "backbone" else []
    known = {id(p) for p in pretrained}
    fresh = [p for p in network.parameters() if id(p) not in known]
    groups = [
        {"params": [p for p in fresh if p.dim() > 1], "weight_decay": 0.05, "scale": 1},
        {"params": [p for p in fresh if p.dim() <= 1], "weight_decay": 0, "scale": 1},
        {"params": pretrained, "weight_decay": 0.01, "scale": 0.3},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=rate)
