"""Cameras, and the square of the photo that the network is shown: lib/stages/landmarks.ts, regionAround()."""

import torch

from chance import constant, unit

RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263
REGION_SCALE = 1.5
CENTRE_MM = (0.0, -25.0, 60.0)


def head_rotation(yaw, pitch, roll):
    """Degrees [n]. Head frame (y up, z out of the face) to camera (y down, z away), [n][3][3]."""
    y, p, r = (torch.deg2rad(a) for a in (yaw, pitch, roll))
    zero, one = torch.zeros_like(y), torch.ones_like(y)
    matrix = lambda *rows: torch.stack([torch.stack(row, 1) for row in rows], 1)
    turn = matrix((y.cos(), zero, y.sin()), (zero, one, zero), (-y.sin(), zero, y.cos()))
    nod = matrix((one, zero, zero), (zero, p.cos(), -p.sin()), (zero, p.sin(), p.cos()))
    tilt = matrix((r.cos(), -r.sin(), zero), (r.sin(), r.cos(), zero), (zero, zero, one))
    return torch.diag(constant(y.device, 1.0, -1.0, -1.0)) @ tilt @ nod @ turn


def axis_rotation(vector):
    """[n][3] radians about their own direction."""
    angle = vector.norm(dim=1)[:, None, None]
    x, y, z = unit(vector).T
    zero = torch.zeros_like(x)
    k = torch.stack([torch.stack(row, 1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))], 1)
    return torch.eye(3, device=vector.device) + angle.sin() * k + (1 - angle.cos()) * k @ k


class Cameras:
    """A camera before each head, and its crop."""

    def __init__(self, c, head, positions):
        n, device = c.size, c.device
        wide = c.chance(0.35)
        yaw = torch.where(wide > 0, c.uniform(-92, 92), c.normal(0, 20))
        pitch = c.normal(0, 12)
        rotation = head_rotation(yaw, pitch, c.normal(0, 10))
        distance = c.log_uniform(260, 2600)
        centre = constant(device, *CENTRE_MM)
        offset = -rotation @ centre
        offset[:, 2] += distance
        # A face beside the axis of the lens.
        away = c.chance(0.5, 1) * c.uniform(0, 0.5, 1)
        direction = c.normal(0, 1, 2)
        lens = axis_rotation(torch.cat([unit(direction) * away, torch.zeros(n, 1, device=device)], 1))
        self.rotation = lens @ rotation
        self.translation = (lens @ offset[:, :, None])[:, :, 0]
        self.yaw, self.pitch = yaw, pitch
        points = self.to_camera(head.mesh_points(positions))
        uv = points[:, :, :2] / points[:, :, 2:]
        line = uv[:, LEFT_EYE_OUTER] - uv[:, RIGHT_EYE_OUTER]
        true_angle = torch.atan2(line[:, 1], line[:, 0])
        cos, sin = true_angle.cos()[:, None], true_angle.sin()[:, None]
        level = torch.stack([uv[:, :, 0] * cos + uv[:, :, 1] * sin, uv[:, :, 1] * cos - uv[:, :, 0] * sin], 2)
        low, high = level.min(1).values, level.max(1).values
        size = REGION_SCALE * (high - low).max(1).values
        middle = (low + high) / 2 + c.normal(0, 0.025, 2) * size[:, None]
        middle = torch.cat([middle[:, :1] * cos - middle[:, 1:] * sin, middle[:, :1] * sin + middle[:, 1:] * cos], 1)
        self.middle, self.size = middle, size * torch.exp(c.normal(0, 0.05))
        self.angle = true_angle + c.normal(0, 0.05)
        forward = unit(torch.cat([middle, torch.ones(n, 1, device=device)], 1))
        along = torch.stack([self.angle.cos(), self.angle.sin(), torch.zeros_like(self.angle)], 1)
        right = unit(along - (along * forward).sum(1, keepdim=True) * forward)
        down = torch.linalg.cross(forward, right)
        # Rows: right, up, towards the camera.
        self.view = torch.stack([right, -down, -forward], 1)

    def to_camera(self, positions):
        """Head frame [n][v][3] to camera frame."""
        return positions @ self.rotation.transpose(1, 2) + self.translation[:, None]

    def to_crop(self, camera_positions, side):
        """Camera frame to pixels of the crop and depth, [n][v][3]."""
        z = camera_positions[:, :, 2:]
        uv = camera_positions[:, :, :2] / torch.where(z > 1, z, torch.ones_like(z)) - self.middle[:, None]
        cos, sin = self.angle.cos()[:, None], self.angle.sin()[:, None]
        scale = side / self.size[:, None]
        x = (uv[:, :, 0] * cos + uv[:, :, 1] * sin) * scale + side / 2
        y = (uv[:, :, 1] * cos - uv[:, :, 0] * sin) * scale + side / 2
        return torch.stack([x, y, z[:, :, 0]], 2)
