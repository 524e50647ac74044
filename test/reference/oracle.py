"""The reference's own code as an oracle: runs HRN's published method in PyTorch on the CPU, on a random face.

python3 oracle.py CODE OUT.npz: CODE is a clone of github.com/youngLBW/HRN, of which nothing is copied here. Its
networks are checked apart (networks.test.ts); here they are one layer of random weights, so that every number that goes in
and comes out counts. What needs a GPU, a display or TensorFlow is replaced: the rasterizers by one of the same coverage rule.
Needs numpy, scipy, torch and opencv-python-headless.
"""
import importlib.abc
import importlib.machinery
import sys
import types
from unittest.mock import MagicMock

import numpy as np
import torch

ABSENT = ("nvdiffrast", "pytorch3d", "kornia", "imageio", "skimage", "numba", "tensorflow", "face_alignment", "torchvision", "albumentations", "retinaface", "facelandmark.large_base_lmks_infer")


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Packages that only parts of the code need that do not run here."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name in ABSENT or name.split(".")[0] in ABSENT else None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: MagicMock()
        if spec.name == "numba":
            module.jit = lambda *_, **__: lambda function: function
        return module

    def exec_module(self, module):
        pass


def randoms(name, shape, scale, shift=0.0):
    """As random-tensors.ts draws them."""
    seed = 0
    for c in name:
        seed = (seed * 31 + ord(c)) & 0xFFFFFFFF
    count = int(np.prod(shape))
    x = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(seed)) & np.uint64(0xFFFFFFFF)
    for _ in range(2):
        x ^= x >> np.uint64(16)
        x = (x * np.uint64(0x45D9F3B)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(16)
    drawn = ((x.astype(np.float64) / 4294967296 - 0.5) * 2 * scale).astype(np.float32)
    return (np.float64(shift) + drawn).astype(np.float32).reshape(shape)


G = 13
V = G * G


def grid():
    """The face of grid-face.ts."""
    v = np.arange(V)
    x, y = (v % G) / (G - 1) * 2 - 1, (v // G) / (G - 1) * 2 - 1
    z = 0.6 * np.sqrt(np.maximum(0, 1 - 0.5 * (x * x + y * y)))
    mean = (np.stack([x * 0.75, -y * 0.95, z], 1).astype(np.float32) + randoms("mean", (V, 3), 0.02)).astype(np.float32)
    triangles = []
    for row in range(G - 1):
        for column in range(G - 1):
            a = row * G + column
            triangles += [[a, a + G, a + 1], [a + 1, a + G, a + G + 1]]
    triangles = np.array(triangles)
    around = np.full((V, 8), len(triangles))
    for vertex in range(V):
        own = np.where((triangles == vertex).any(1))[0][:8]
        around[vertex, : len(own)] = own
    uvs = np.stack([(x * 0.9 + 1) / 2, (1 - y * 0.9) / 2], 1).astype(np.float32)
    return mean, triangles, around, uvs


def covered(points, triangles, size, depth=None):
    """Triangle and weights of every pixel whose centre one covers; points in pixels, centres at whole numbers."""
    index = np.full((size, size), -1)
    weights = np.zeros((size, size, 3))
    nearest = np.full((size, size), np.inf)
    for t, corners in enumerate(triangles):
        (ax, ay), (bx, by), (cx, cy) = points[corners]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        x0, x1 = max(0, int(np.ceil(min(ax, bx, cx)))), min(size - 1, int(np.floor(max(ax, bx, cx))))
        y0, y1 = max(0, int(np.ceil(min(ay, by, cy)))), min(size - 1, int(np.floor(max(ay, by, cy))))
        if x1 < x0 or y1 < y0:
            continue
        x, y = np.meshgrid(np.arange(x0, x1 + 1), np.arange(y0, y1 + 1))
        u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
        v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
        w = np.stack([u, v, 1 - u - v], 2)
        near = np.full(u.shape, float(-t)) if depth is None else 1 / (w / depth[corners]).sum(2)
        if depth is not None:
            w = w / depth[corners] * near[..., None]
        else:
            near = np.zeros(u.shape)  # the first triangle keeps a texel on an edge
        window = np.s_[y0 : y1 + 1, x0 : x1 + 1]
        wins = (u >= 0) & (v >= 0) & (1 - u - v >= 0) & (near < nearest[window])
        index[window][wins] = t
        weights[window][wins] = w[wins]
        nearest[window][wins] = near[wins]
    return index, weights


class MapOfMesh:
    """In place of the renderer that lays vertex values over the texture."""

    uv_size = 256

    def __init__(self, dense_faces, triangles, uvs):
        self.dense_faces = torch.from_numpy(dense_faces).long()[None]
        points = np.stack([uvs[:, 0] * self.uv_size - 0.5, (1 - uvs[:, 1].astype(np.float64)) * self.uv_size - 0.5], 1)
        index, weights = covered(points.astype(np.float64), triangles, self.uv_size)
        self.corners = torch.from_numpy(triangles[np.maximum(index, 0)])
        self.weights = torch.from_numpy(weights * (index >= 0)[..., None])

    def world2uv(self, values):
        out = (values[:, self.corners].double() * self.weights[None, ..., None]).sum(3)
        return out.float().permute(0, 3, 1, 2)


class Camera:
    """In place of nvdiffrast: the same pixels, colours from a texture by four texels."""

    def __init__(self, side):
        self.side = side

    def render_uv_texture(self, vertex, tri, uv, texture):
        points = vertex[0].detach().double().numpy()
        scale = self.side / 224
        screen = np.stack(
            [
                (1015 * points[:, 0] / points[:, 2] + 112) * scale - 0.5,
                self.side - (1015 * points[:, 1] / points[:, 2] + 112) * scale - 0.5,
            ],
            1,
        )
        index, weights = covered(screen, tri.numpy(), self.side, points[:, 2])
        mask = torch.from_numpy((index >= 0).astype(np.float32))[None, None]
        place = (uv.double()[tri[np.maximum(index, 0)]] * torch.from_numpy(weights)[..., None]).sum(2)
        size = texture.shape[2]
        x, y = place[..., 0] * size - 0.5, (1 - place[..., 1]) * size - 0.5
        column, row = torch.floor(x), torch.floor(y)
        fx, fy = (x - column).float(), (y - row).float()
        column, row = column.long(), row.long()
        at = lambda r, c: texture[:, :, r % size, c % size]
        image = (
            at(row, column) * (1 - fx) * (1 - fy)
            + at(row, column + 1) * fx * (1 - fy)
            + at(row + 1, column) * (1 - fx) * fy
            + at(row + 1, column + 1) * fx * fy
        )
        return mask, None, image * mask


def layer(name, inputs, outputs, output):
    """A network of one layer: the same of every pixel."""
    weights = torch.from_numpy(randoms(name, (outputs, inputs), 1))
    return lambda x: output(torch.einsum("oi,bihw->bohw", weights, x))


def widened(picture):
    """The liquify brush along the outline of a face of whose landmarks 84 count: a number of them in every line."""
    from facelandmark.large_model_infer import LargeModelInfer

    landmarks = np.zeros((106, 2), dtype=np.float32)
    angles = np.pi * np.arange(33) / 32
    landmarks[:33] = np.stack([200.3 - 110 * np.cos(angles), 170.3 + 140 * np.sin(angles)], 1)
    for first, last, x, y, step in ((33, 38, 120, 140, 12), (42, 47, 230, 140, 12), (51, 55, 200, 170, 1), (57, 64, 175, 240, 8), (66, 74, 125, 165, 6), (75, 83, 230, 165, 6), (84, 96, 165, 270, 6)):
        k = np.arange(last - first)
        landmarks[first:last] = np.stack([x + step * k + 0.3, y + 7 * (k % 2) + 0.3], 1)
    marks = LargeModelInfer.__new__(LargeModelInfer)
    marks.infer = lambda _: ([{"x1": 90.0, "y1": 100.0, "x2": 310.0, "y2": 310.0}], [landmarks])
    pixels = np.round(255 * picture[0].permute(1, 2, 0).numpy()).astype(np.uint8)
    return marks.fat_face(pixels, degree=0.03)


def cut_out():
    """Photos larger and smaller than their crops, one beside the photo's edge, laid on a standard face."""
    import PIL.Image
    from util.preprocess import POS, extract_5p, resize_n_crop_img

    standard = randoms("standard", (5, 3), 0.05) + np.array([[-0.3, 0.3, 0.2], [0.3, 0.3, 0.2], [0, 0, 0.5], [-0.2, -0.35, 0.25], [0.2, -0.35, 0.25]], dtype=np.float32)
    from util.util_ import resize_on_long_side

    out = {}
    for name, width, height in (("wide", 2400, 90), ("high", 60, 2100)):
        pixels = np.round(255 * randoms(f"photo {name}", (height, width, 3), 0.5, 0.5)).astype(np.uint8)
        out[f"{name}Smaller"] = resize_on_long_side(pixels, 1500)[0].reshape(-1)[::31]
    for name, width, height, size in (("large", 700, 500, 400), ("small", 150, 120, 60)):
        pixels = np.round(255 * randoms(f"photo {name}", (height, width, 3), 0.5, 0.5)).astype(np.uint8)
        points = randoms(f"points {name}", (68, 2), size / 2).astype(np.float64) + [0.45 * width, 0.4 * height]
        place = np.array([[-0.3, 0.3], [0.3, 0.3], [0, 0], [-0.2, -0.35], [0.2, -0.35]]) * size + [0.45 * width, 0.4 * height]
        for index, of in ((36, 0), (39, 0), (42, 1), (45, 1), (30, 2), (48, 3), (54, 4)):
            points[index] = place[of] + randoms(f"{name} {index}", (2,), 0.02 * size)
        # align_img does no more, but numpy 2 refuses its arrays of one number.
        place, scale = POS(extract_5p(points).T, standard.astype(np.float64).T)
        cut, landmarks, _ = resize_n_crop_img(PIL.Image.fromarray(pixels), points, place[:, 0], 102.0 / scale)
        out[f"{name}Crop"] = np.asarray(cut).reshape(-1)[::31]
        out[f"{name}Landmarks"] = landmarks.reshape(-1)
    return out


def main(code, out):
    sys.meta_path.insert(0, Absent())
    np.VisibleDeprecationWarning = UserWarning  # gone since numpy 2
    sys.path.insert(0, code)
    from models.bfm import SH, ParametricFaceModel, perspective_projection
    from models.de_retouching_module import DeRetouchingModule
    from models.facerecon_model import FaceReconModel
    from models.losses import photo_loss
    from util.deca_util import generate_triangles

    mean, triangles, around, uvs = grid()
    face = ParametricFaceModel.__new__(ParametricFaceModel)
    face.mean_shape = (mean - mean.mean(0, keepdims=True)).reshape(-1, 1)
    face.id_base, face.exp_base = randoms("id", (3 * V, 80), 0.02), randoms("exp", (3 * V, 64), 0.02)
    face.mean_tex_uv = randoms("tex map", (1, 512 * 512 * 3), 60, 150)
    # One row of colours for every 1,000 texels: 80 maps would be 250 MB.
    rows = randoms("tex maps", (1000, 80), 4)
    face.tex_base_uv = rows[np.arange(512 * 512 * 3) % 1000]
    face.point_buf, face.face_buf = around, triangles
    face.keypoints = np.arange(68)
    face.center, face.camera_distance = 112.0, 10.0
    face.persc_proj = perspective_projection(1015.0, 112.0)
    face.SH = SH()
    face.init_lit = np.array([[[0.8, 0, 0, 0, 0, 0, 0, 0, 0]]], dtype=np.float32)
    face.device = "cpu"
    face.render = MapOfMesh(generate_triangles(256, 256), triangles, uvs)

    model = FaceReconModel.__new__(FaceReconModel)
    model.device = torch.device("cpu")
    model.opt = types.SimpleNamespace(w_color=1.92)
    model.facemodel_front = face
    model.bfm_UVs = torch.from_numpy(uvs)
    coefficients = np.zeros((1, 257), dtype=np.float32)
    for name, start, count, scale in (("c id", 0, 80, 0.5), ("c exp", 80, 64, 0.5), ("c tex", 144, 80, 0.5), ("c gamma", 227, 27, 0.1)):
        coefficients[0, start : start + count] = randoms(name, (count,), scale)
    coefficients[0, 224:227] = [0.1, -0.2, 0.05]
    coefficients[0, 254:257] = [0.05, -0.1, 0.3]
    model.net_recon = lambda _: torch.from_numpy(coefficients)
    model.de_retouching_module = DeRetouchingModule.__new__(DeRetouchingModule)
    model.de_retouching_module.retouching_network = layer("net retouch", 3, 3, torch.sigmoid)
    model.mid_net = layer("net mid", 6, 3, torch.tanh)
    model.high_net = layer("net high", 9, 1, torch.tanh)
    model.alpha, model.beta = torch.tensor([0.6]), torch.tensor([0.4])
    model.renderer, model.renderer_high_res = Camera(224), Camera(224)
    model.comupte_color_loss = photo_loss

    def image(name, channels, side):
        cells = randoms(name, (16, 16, channels), 0.45, 0.5)
        return torch.from_numpy(np.kron(cells, np.ones((side // 16, side // 16, 1), np.float32))).permute(2, 0, 1)[None]

    brush = widened(image("picture", 3, 224))
    crops = cut_out()
    mask = torch.zeros(1, 1, 224, 224)
    mask[:, :, 60:170, 50:165] = 1
    picture = image("picture", 3, 224)
    with torch.no_grad():
        model.set_input_base({"imgs": picture, "imgs_hd": image("large", 3, 512), "lms": torch.zeros(1, 68, 2), "face_mask": mask})
        base = model.predict_results_base()
        given = {key: base[key] for key in ("input_img", "input_img_hd", "face_mask", "gt_lm", "coeffs", "position_map", "texture_map", "tex_valid_mask", "de_retouched_albedo_map")}
        model.set_input_hrn({**given, "input_img_for_tex": image("for texture", 3, 224)})
        model.forward_hrn(visualize=True)
    # Of the dense mesh the texels that lie nearest to the vertices of the grid with its edges halved.
    near = np.round((((np.arange(2 * G - 1) / (G - 1) - 1) * 0.9 + 1) / 2) * 256 - 0.5).astype(int)
    dense = model.extra_results["dense_mesh"]["vertices"][0].numpy().reshape(256, 256, 3)[near][:, near]
    first = lambda map_: map_[0].permute(1, 2, 0).reshape(-1)
    np.savez_compressed(
        out,
        smoothValid=first(model.tex_valid_mask)[::31],
        deformation=first(model.deformation_map)[::7],
        displacement=first(model.displacement_map)[::31],
        camera=model.pred_vertex[0].reshape(-1),
        dense=dense,
        colours=first(model.pred_color_high)[::97],
        **crops,
        widened=brush.reshape(-1)[::13],
        mask=model.pred_mask[0, 0].reshape(-1)[::31],
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
