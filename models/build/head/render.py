"""A small z-buffer renderer for the build steps: visibility, landmark calibration and contact sheets."""

import numba
import numpy as np


@numba.njit(cache=True)
def _rasterize(screen, triangles, width, height, ids, bary, depth):
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        xa, ya, xb, yb, xc, yc = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        area = (yb - yc) * (xa - xc) + (xc - xb) * (ya - yc)
        if abs(area) < 1e-12:
            continue
        x0 = max(0, int(np.floor(min(xa, xb, xc))))
        x1 = min(width - 1, int(np.ceil(max(xa, xb, xc))))
        y0 = max(0, int(np.floor(min(ya, yb, yc))))
        y1 = min(height - 1, int(np.ceil(max(ya, yb, yc))))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = x + 0.5, y + 0.5
                u = ((yb - yc) * (px - xc) + (xc - xb) * (py - yc)) / area
                v = ((yc - ya) * (px - xc) + (xa - xc) * (py - yc)) / area
                w = 1 - u - v
                if u < 0 or v < 0 or w < 0:
                    continue
                z = u * screen[a, 2] + v * screen[b, 2] + w * screen[c, 2]
                if z < depth[y, x]:
                    depth[y, x] = z
                    ids[y, x] = t
                    bary[y, x, 0] = u
                    bary[y, x, 1] = v
                    bary[y, x, 2] = w


def rasterize(screen, triangles, width, height):
    """Nearest triangle per pixel for screen points [V,3] = (x px, y px, depth): ids (-1 = none), barycentrics, depth."""
    ids = np.full((height, width), -1, np.int64)
    bary = np.zeros((height, width, 3))
    depth = np.full((height, width), np.inf)
    _rasterize(
        np.ascontiguousarray(screen, np.float64),
        np.ascontiguousarray(triangles, np.int64),
        width,
        height,
        ids,
        bary,
        depth,
    )
    return ids, bary, depth


# Real spherical-harmonics basis times the cosine lobe, the project's convention (view frame: x right, y up, z to the camera).
def irradiance(normals, gamma):
    """Per-point light [N,3] for normals [N,3] and coefficients gamma [3,9]."""
    x, y, z = normals.T
    basis = np.stack(
        [
            np.full(len(x), 0.886227),
            -1.023327 * y,
            1.023327 * z,
            -1.023327 * x,
            0.858086 * x * y,
            -0.858086 * y * z,
            0.247708 * (3 * z * z - 1),
            -0.858086 * x * z,
            0.429043 * (x * x - y * y),
        ],
        1,
    )
    return basis @ gamma.T


STUDIO = np.tile(np.array([0.80, -0.16, 0.26, 0.10, 0.0, 0.0, 0.02, 0.0, 0.0]), (3, 1))


def look_at(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0):
    """Head-to-camera rotation (camera: x right, y down, z away) of a head turned by yaw, pitch and roll."""
    a, b, c = np.radians([yaw_deg, pitch_deg, roll_deg])
    turn_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    turn_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.diag([1.0, -1.0, -1.0]) @ turn_z @ turn_x @ turn_y


def portrait(
    points,
    normals,
    albedo,
    triangles,
    rotation,
    width,
    height,
    px_per_mm,
    focal_px=None,
    centre=None,
    gamma=STUDIO,
    background=0.35,
    supersample=2,
):
    """Shaded image [H,W,3] in 0..1 with the screen points, triangle ids and barycentrics at the supersampled size.

    The head point `centre` lands in the image middle at `px_per_mm`; focal_px sets the strength of perspective.
    """
    s = supersample
    centre = np.zeros(3) if centre is None else centre
    focal = (focal_px or 4.0 * height) * s
    scale = px_per_mm * s
    camera = (points - centre) @ rotation.T
    camera[:, 2] += focal / scale
    screen = np.stack(
        [
            focal * camera[:, 0] / camera[:, 2] + width * s / 2,
            focal * camera[:, 1] / camera[:, 2] + height * s / 2,
            camera[:, 2],
        ],
        1,
    )
    ids, bary, _ = rasterize(screen, triangles, width * s, height * s)
    hit = ids >= 0
    corners, weights = triangles[ids[hit]], bary[hit][:, :, None]
    view_normals = (normals @ rotation.T) * [1, -1, -1]
    n = (view_normals[corners] * weights).sum(1)
    n /= np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9)
    colour = (albedo[corners] * weights).sum(1) * irradiance(n, gamma)
    image = np.full((height * s, width * s, 3), background, float)
    image[hit] = colour
    image = np.clip(image, 0, 1).reshape(height, s, width, s, 3).mean((1, 3))
    return image, screen, ids, bary


def save_png(path, image):
    from PIL import Image

    Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)).save(path)
