"""What the coefficient network is to tell of a portrait: the coefficients that come nearest to its head."""

import torch

from chance import constant

#: A head differs from the nearest that the model makes by this much, mm, in patches of this many vertices.
MISFIT_MM, PATCH_VERTICES = 1.0, 40


class NearestCoefficients:
    """Identity coefficients of heads without expression, rigid motion taken out: ridge regression under the model's prior."""

    def __init__(self, head):
        weights = head.deformable.clone()
        weights[~head.skin] = 0
        w = (weights.double() ** 2).repeat_interleave(3) / (PATCH_VERTICES * MISFIT_MM**2)
        centred = head.mean.double() - head.mean.double().mean(0)
        axes = torch.eye(3, dtype=torch.float64, device=centred.device)
        motions = [axis.repeat(len(centred)) for axis in axes]
        motions += [torch.linalg.cross(axis.expand_as(centred), centred).flatten() / 100 for axis in axes]
        columns = torch.cat([head.identity.double(), torch.stack(motions)])
        count = len(head.identity)
        prior = torch.diag(torch.tensor([1.0] * count + [1e-6] * 6, dtype=torch.float64, device=centred.device))
        normal = (columns * w) @ columns.T + prior
        self.solve = torch.linalg.solve(normal, columns * w)[:count]
        self.mean = head.mean.double().flatten()

    def __call__(self, neutral):
        """Heads [n][v][3]. Returns [n][120]."""
        return ((neutral.double().flatten(1) - self.mean) @ self.solve.T).float()


def framed_pose(cameras):
    """models/train/framed-pose.ts: the head's x and z axes in the crop's camera and the logarithm of the distance, [n][7]."""
    # Right, down, forward.
    view = cameras.view * constant(cameras.view.device, 1.0, -1.0, -1.0)[:, None]
    axes = view @ cameras.rotation
    return torch.cat([axes[:, :, 0], axes[:, :, 2], cameras.translation.norm(dim=1, keepdim=True).log()], 1)
