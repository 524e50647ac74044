"""The parts of the reference as an oracle: its four networks, its losses with gradients, ten steps of its fitting loop.

python3 oracle_parts.py CODE SHAPES.json FOLDER: writes what fixtures/ and test/native/fixtures hold, from random weights and
a random face, with the functions of a clone of github.com/youngLBW/HRN. The fitting loop itself is put together here from
them, as design and release describe it: Adam with a rate of 1e-3 on coefficients and two maps of offsets.
"""
import json
import pathlib
import sys
import types

import numpy as np
import torch

from oracle import Absent, covered, randoms

G = 41
V = G * G
SIDE = 224
MAP = 300


def weights(shapes):
    """As random-tensors.ts draws them."""
    tensors = {}
    for name, shape in shapes.items():
        if name.endswith("running_var"):
            data = 1 + 0.5 * randoms(name, shape, 1)
        elif "running_mean" in name:
            data = randoms(name, shape, 0.1)
        elif len(shape) == 1:
            data = 1 + 0.3 * randoms(name, shape, 1) if name.endswith("weight") else randoms(name, shape, 0.05)
        else:
            data = randoms(name, shape, np.sqrt(3 / (np.prod(shape) / shape[0])) * 1.2)
        tensors[name.split(".", 1)[1]] = torch.from_numpy(data.astype(np.float32))
    return tensors


def networks(shapes, folder):
    from models.networks import define_net_recon
    from models.unet import UNet
    from pix2pix.pix2pix_model import Pix2PixModel
    from pix2pix.pix2pix_options import Pix2PixOptions

    def pix2pix(inputs, outputs):
        options = Pix2PixOptions()
        options.isTrain = False
        options.input_nc, options.output_nc = inputs, outputs
        return Pix2PixModel(options).netG

    def retouching(net):
        resized = torch.nn.functional.interpolate
        return lambda x: resized(net(resized(x, (512, 512), mode="bilinear")), (256, 256), mode="bilinear")

    for name, net, shape, scale, shift, step, around in (
        ("coefficients", define_net_recon("resnet50"), (1, 3, 224, 224), 0.5, 0.5, 1, None),
        ("mid", pix2pix(6, 3), (1, 6, 64, 64), 1, 0, 7, None),
        ("high", pix2pix(9, 1), (1, 9, 256, 256), 1, 0, 61, None),
        ("retouch", UNet(3, 3), (1, 3, 256, 256), 1, 0, 151, retouching),
    ):
        missing = net.load_state_dict(weights(shapes[name]), strict=False)
        unknown = [k for k in missing.missing_keys if not k.endswith("num_batches_tracked")] + list(missing.unexpected_keys)
        assert not unknown, (name, unknown)
        net.eval()
        run = around(net) if around else net
        with torch.no_grad():
            np.save(folder / f"{name}.npy", run(torch.from_numpy(randoms(f"input {name}", shape, scale, shift))).reshape(-1).numpy()[::step])


def losses(folder):
    from models import losses as of

    double = lambda name, shape, scale, shift=0.0: torch.from_numpy(randoms(name, shape, scale, shift).astype(np.float64)).requires_grad_()
    out = {}

    def keep(name, value, *inputs):
        gradients = torch.autograd.grad(value, inputs)
        out[name] = {"value": float(value), "gradient": torch.cat([g.reshape(-1) for g in gradients]).tolist()}

    a = double("photo a", (81, 3), 0.5, 0.5)
    pixels = lambda x: x.T.reshape(1, 3, 9, 9)
    mask = torch.from_numpy((randoms("photo mask", (1, 1, 9, 9), 1) > -0.5).astype(np.float64))
    keep("photo", of.photo_loss(pixels(a), pixels(double("photo b", (81, 3), 0.5, 0.5)), mask), a)
    points = double("landmark a", (1, 68, 2), 60, 112)
    keep("landmark", of.landmark_loss(points, double("landmark b", (1, 68, 2), 60, 112)), points)
    options = types.SimpleNamespace(w_id=1.0, w_exp=0.8, w_tex=1.7e-2)
    parts = {"id": double("id", (1, 80), 1), "exp": double("exp", (1, 64), 1), "tex": double("tex", (1, 80), 1), "gamma": double("gamma", (1, 27), 1)}
    coefficients, light = of.reg_loss(parts, options)
    keep("coefficients", coefficients, parts["id"], parts["exp"], parts["tex"])
    keep("light", light, parts["gamma"])
    map_ = double("map", (1, 8, 8, 3), 0.05)
    keep("smoothness", of.TVLoss()(map_.permute(0, 3, 1, 2)), map_)
    keep("spread", of.TVLoss_std()(map_.permute(0, 3, 1, 2)), map_)
    keep("texture", torch.mean(torch.abs(map_)), map_)
    vertices = double("contour", (1, 200, 2), 110, 112)
    rows = np.arange(SIDE)
    left, right = torch.from_numpy(60 + rows * 7 % 23)[None], torch.from_numpy(150 + rows * 5 % 31)[None]
    keep("contour", of.contour_aware_loss(vertices, left, right)[0], vertices)
    # Ours counts y downwards from the image's upper edge.
    out["contour"]["gradient"][1::2] = [-y for y in out["contour"]["gradient"][1::2]]
    (folder / "losses.json").write_text(json.dumps(out))


def loop(folder):
    from models import losses as of
    from models.bfm import SH, ParametricFaceModel, perspective_projection

    v = np.arange(V)
    x, y = (v % G) / (G - 1) * 2 - 1, (v // G) / (G - 1) * 2 - 1
    z = 0.6 * np.sqrt(np.maximum(0, 1 - 0.5 * (x * x + y * y)))
    mean = (np.stack([x * 0.75, -y * 0.95, z], 1) + randoms("mean", (V, 3), 0.004)).astype(np.float32)
    uvs = torch.from_numpy(np.stack([(x * 0.9 + 1) / 2, (1 - y * 0.9) / 2], 1).astype(np.float32))
    corners = [[a, a + G, a + 1, a + 1, a + G, a + G + 1] for row in range(G - 1) for a in range(row * G, row * G + G - 1)]
    triangles = np.array(corners).reshape(-1, 3)
    around = np.full((V, 8), len(triangles))
    for vertex in range(V):
        own = np.where((triangles == vertex).any(1))[0][:8]
        around[vertex, : len(own)] = own
    face = ParametricFaceModel.__new__(ParametricFaceModel)
    tensor = lambda array: torch.from_numpy(np.ascontiguousarray(array))
    face.mean_shape = tensor((mean - mean.astype(np.float64).mean(0)).astype(np.float32).reshape(-1, 1))
    face.id_base, face.exp_base = tensor(randoms("id", (3 * V, 80), 0.004)), tensor(randoms("exp", (3 * V, 64), 0.004))
    face.mean_tex, face.tex_base = tensor(randoms("tex", (1, 3 * V), 30, 150)), tensor(randoms("texb", (3 * V, 80), 2))
    face.point_buf, face.face_buf = tensor(around), tensor(triangles)
    face.keypoints = tensor(np.arange(68) * 23 + 7) % V
    face.camera_distance, face.persc_proj, face.SH, face.device = 10.0, tensor(perspective_projection(1015.0, 112.0)), SH(), "cpu"
    face.init_lit = torch.tensor([[[0.8, 0, 0, 0, 0, 0, 0, 0, 0]]])

    sizes = (("id", 80, 0.5), ("exp", 64, 0.5), ("tex", 80, 0.5), ("angle", 3, 0.2), ("gamma", 27, 0.1), ("trans", 3, 0.1))
    c = {name: tensor(randoms(f"c {name}", (1, count), scale)).requires_grad_() for name, count, scale in sizes}
    shape_map, texture_map = (torch.zeros(1, MAP, MAP, 3, requires_grad=True) for _ in range(2))
    picture = tensor(randoms("img", (SIDE, SIDE, 3), 0.4, 0.5)).permute(2, 0, 1)[None]
    landmarks = tensor(randoms("lm", (1, 68, 2), 60, 112))
    left, right = torch.full((1, SIDE), 40), torch.full((1, SIDE), 180)
    adam = torch.optim.Adam([*c.values(), shape_map, texture_map], lr=1e-3)

    def shape():
        return face.add_nonlinear_offset(face.compute_shape(c["id"], c["exp"]), shape_map, uvs)[0]

    def rendered(vertices, colours):
        """Colours by the weights of each pixel's triangle, with perspective; visibility held."""
        points = vertices[0].detach().double().numpy()
        screen = np.stack([1015 * points[:, 0] / points[:, 2] + 111.5, SIDE - (1015 * points[:, 1] / points[:, 2] + 112) - 0.5], 1)
        index, _ = covered(screen, triangles, SIDE, points[:, 2])
        rows, columns = np.where(index >= 0)
        corner = tensor(triangles[index[rows, columns]])
        p = vertices[0][corner].double()
        at = torch.stack([1015 * p[..., 0] / p[..., 2] + 111.5, SIDE - (1015 * p[..., 1] / p[..., 2] + 112) - 0.5], 2)
        pixel = tensor(np.stack([columns, rows], 1).astype(np.float64))[:, None]
        side = at - pixel
        cross = lambda a, b: a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
        areas = torch.stack([cross(side[:, 1], side[:, 2]), cross(side[:, 2], side[:, 0]), cross(side[:, 0], side[:, 1])], 1)
        shares = areas / p[..., 2]
        shares = (shares / shares.sum(1, keepdim=True)).float()
        values = (shares[..., None] * colours[0][corner]).sum(1)
        image = torch.zeros(SIDE, SIDE, 3).index_put((tensor(rows), tensor(columns)), values)
        return image.permute(2, 0, 1)[None], tensor((index >= 0).astype(np.float32))[None, None]

    values = []
    for _ in range(10):
        positions = shape()
        rotation = face.compute_rotation(c["angle"])
        vertices = face.to_camera(face.transform(positions, rotation, c["trans"]).clone())
        projected = face.to_image(vertices)
        albedo = face.add_nonlinear_offset(face.compute_albedo(c["tex"]), texture_map, uvs)[0]
        image, mask = rendered(vertices, face.compute_color(albedo, face.compute_norm(positions) @ rotation, c["gamma"]))
        coefficients, light = of.reg_loss(c, types.SimpleNamespace(w_id=1.0, w_exp=0.8, w_tex=1.7e-2))
        map_ = shape_map.permute(0, 3, 1, 2)
        loss = (
            1.92 * of.photo_loss(image, picture, mask)
            + 1.6e-4 * of.landmark_loss(face.get_landmarks(projected), landmarks)
            + 3e-4 * coefficients
            + 10 * light
            + 1e4 * of.TVLoss()(map_)
            + 5e4 * of.TVLoss_std()(map_)
            + 10 * torch.mean(torch.abs(texture_map))
            + 20 * of.contour_aware_loss(projected, left, right)[0]
        )
        values.append(float(loss))
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        end = [torch.cat([part[0] for part in c.values()]).numpy(), shape()[0].reshape(-1).numpy()]
    np.save(folder / "loop.npy", np.concatenate([np.array(values), *end]).astype(np.float32))


if __name__ == "__main__":
    sys.meta_path.insert(0, Absent())
    sys.path.insert(0, sys.argv[1])
    target = pathlib.Path(sys.argv[3])
    networks(json.loads(pathlib.Path(sys.argv[2]).read_text()), target)
    losses(target)
    loop(target)
