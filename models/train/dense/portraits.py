"""
Batches of portraits with the truth in every pixel, drawn on the processor or on a GPU; nothing is kept on disk.

    python portraits.py --out FOLDER [--seed 1] [--count 8]     draws a sheet to look at
"""

import torch
import torch._dynamo
from torch.nn import functional

from camera import Cameras
from chance import Chance, smooth, unit
from coefficients import NearestCoefficients, framed_pose
from hair import BEARD, STRANDS, Strands, beard_hair, scalp_hair
from head import PARTS, Head, vertex_normals
from light import colour_of, draw_light, draw_materials, visible
from noise import Noise
from people import People
from photo import backdrop, develop, photograph
from raster import depth_of, draw, resolve
from things import Brim, Glasses, Occluders, Torso

CLASSES = (
    "background", "face", "ears", "neck", "lips", "brows", "eyes", "mouth", "teeth", "hair", "beard", "glasses",
    "occluder", "clothes",
)  # fmt: skip
CLASS = {name: i for i, name in enumerate(CLASSES)}
IN, OUT, DRAWN = 256, 128, 384
# Of the attributes at a vertex.
ALBEDO, CODE, NORMAL, PLACE, TANGENT = (slice(k, k + 3) for k in range(0, 15, 3))
HAIR, BEARDED, BROWS, CLOTH, COVERED, LIPS, GRAIN, HAND = range(15, 23)
CHANNELS = 23
#: Surface points are told in units of this many mm of the mean head.
POINT_MM = 100.0
SHAPED = ("face", "ears", "neck", "lips", "brows", "eyes")


class Portraits:
    def __init__(self, device, compiled=True, coefficients=True):
        self.device = torch.device(device)
        # A machine without a working compiler draws the same, slower.
        torch._dynamo.config.suppress_errors = True
        self.colour_of = torch.compile(colour_of, dynamic=False) if compiled else colour_of
        head = self.head = Head(self.device)
        self.people, self.noise = People(head), Noise(self.device)
        self.nearest = NearestCoefficients(head) if coefficients else None
        self.hair, self.beard = Strands(head, STRANDS), Strands(head, BEARD)
        self.torso, self.brim = Torso(self.device), Brim(self.device)
        self.glasses, self.occluders = Glasses(self.device), Occluders(self.device)
        pieces = [
            (head.triangles, head.vertices, None), (self.hair.triangles, self.hair.vertices, "hair"),
            (self.beard.triangles, self.beard.vertices, "beard"), (self.torso.triangles, Torso.vertices, "clothes"),
            (self.torso.triangles, Torso.vertices, "neck"), (self.brim.triangles, Brim.vertices, "clothes"),
            (self.glasses.triangles, self.glasses.vertices, "glasses"),
            (self.occluders.triangles, Occluders.vertices, "occluder"),
        ]  # fmt: skip
        first, triangles, kinds = 0, [], []
        for part, vertices, name in pieces:
            triangles.append(part + first)
            first += vertices
            kinds.append(self._head_kinds() if name is None else torch.full((len(part),), CLASS[name], device=self.device))
        self.triangles, self.kinds = torch.cat(triangles).int().contiguous(), torch.cat(kinds)
        self.strand_from = len(head.triangles)
        self.strand_to = self.strand_from + len(self.hair.triangles) + len(self.beard.triangles)

    def _head_kinds(self):
        """The class of every triangle of the bare head, from most of its corners."""
        head = self.head
        corner = head.triangles.long()
        most = lambda flags: flags[corner].float().sum(1) >= 2
        kinds = torch.full((len(corner),), CLASS["face"], device=self.device)
        kinds[most(head.region("ears"))] = CLASS["ears"]
        kinds[most(head.region("neck"))] = CLASS["neck"]
        kinds[most(head.inside)] = CLASS["mouth"]
        for part, name in (("leftEye", "eyes"), ("rightEye", "eyes"), ("upperTeeth", "teeth"), ("lowerTeeth", "teeth"), ("tongue", "mouth")):
            kinds[head.triangle_part == PARTS.index(part)] = CLASS[name]
        return kinds

    @torch.no_grad()
    def batch(self, seed, size):
        """
        Returns a dict of tensors on the device: crop [n][3][256][256] sRGB 0..1; and in 128 x 128: classes [n][14]
        (shares of a pixel), normal [n][3] (right, up, towards the camera of the crop) and shaped [n][1] (share of the
        pixel that has it), point [n][3] (of the mean head, in POINT_MM) with shaped too, depth [n][1] (mm behind the
        face's middle), known [n][1] (0 beyond the border of the photo). Then yaw and pitch [n] degrees, and where asked for
        coefficients [n][179]: identity and expression of the head model, and the pose (coefficients.py).
        """
        c = Chance(seed, size, self.device)
        head, people = self.head, self.people
        positions, neutral, expression = people.shape(c)
        person = people.complexion(c, self.noise)
        cameras = Cameras(c, head, positions)
        drawn = positions + person["mm"][:, :, None] * head.outward
        surface, codes, colours, tangents = [drawn], [head.mean.expand(size, -1, -1)], [person["colours"]], [torch.zeros_like(drawn)]
        normals = [vertex_normals(drawn, head.triangles)]

        def add(vertices, colour, code, normal, tangent=None):
            surface.append(vertices), colours.append(colour.expand_as(vertices)), codes.append(code.expand_as(vertices))
            normals.append(normal), tangents.append(torch.zeros_like(vertices) if tangent is None else tangent)

        for strands, grown in (
            (self.hair, scalp_hair(self.hair, c, positions, person)),
            (self.beard, beard_hair(self.beard, c, positions, person)),
        ):
            vertices, normal, tangent, code = grown
            own = 0.75 + 0.5 * c.uniform(0, 1, strands.count, 1).repeat_interleave(vertices.shape[1] // strands.count, 1)
            add(vertices, person["hair"][:, None] * own, code, normal, tangent)
        opening = c.chance(0.4, 1) * c.uniform(0, 70, 1)
        body = self.torso.build(c, 0, opening)
        dressed = c.chance(0.9)
        body = torch.where(dressed[:, None, None] > 0, body, torch.full_like(body, -1e5))
        add(body, c.uniform(0.02, 0.95, 1, 3), body / 16, vertex_normals(body, self.torso.triangles))
        bare = self.torso.build(c, 9, opening * 0)
        bare[:, :, 1] = bare[:, :, 1].clamp(max=-135)
        add(bare, person["skin"][:, None], bare / 16, vertex_normals(bare, self.torso.triangles))
        brim = self.brim.build(c, person["hat_line"], person["hat"] * c.chance(0.6, 1))
        add(brim, person["cloth"], brim / 16, vertex_normals(brim, self.brim.triangles))
        eyes = torch.stack([positions[:, head.part == PARTS.index(p)].mean(1) for p in ("rightEye", "leftEye")], 1)
        wears = c.chance(0.17, 1)
        rims, lenses = self.glasses.build(c, eyes, wears)
        add(rims, torch.where(c.chance(0.6, 1, 1) > 0, c.uniform(0, 0.2, 1, 1).expand(-1, -1, 3), c.uniform(0, 0.9, 1, 3)), rims / 9,
            vertex_normals(rims, self.glasses.triangles))  # fmt: skip
        middle = head.points68(positions)[:, 30]
        things, thing_colours, hand = self.occluders.build(c, person["skin"], middle)
        # Pores and creases of a hand are as fine as the face's.
        add(things, thing_colours, things / (10 - 9 * hand[:, None]), vertex_normals(things, self.occluders.triangles))
        del middle
        # Everything into the camera and onto the crop.
        world = torch.cat(surface, 1)
        camera = cameras.to_camera(world)
        camera = torch.where(world[:, :, :1] < -9e4, torch.full_like(camera, -1e5), camera)
        screen = cameras.to_crop(camera, DRAWN)
        total = camera.shape[1]
        attributes = torch.zeros(size, total, CHANNELS, device=self.device)
        attributes[:, :, ALBEDO] = torch.cat(colours, 1)
        attributes[:, :, CODE] = torch.cat(codes, 1)
        attributes[:, :, NORMAL] = torch.cat(normals, 1) @ cameras.rotation.transpose(1, 2)
        attributes[:, :, PLACE] = camera
        attributes[:, :, TANGENT] = torch.cat(tangents, 1) @ cameras.rotation.transpose(1, 2)
        skins = slice(0, head.vertices)
        for channel, name in ((HAIR, "hair"), (BEARDED, "beard"), (BROWS, "brows"), (CLOTH, "clothes"), (COVERED, "occluder")):
            attributes[:, skins, channel] = person["covers"][name]
        attributes[:, skins, LIPS] = head.lips
        attributes[:, skins, GRAIN] = person["grain"]
        attributes[:, head.vertices :, GRAIN] = c.uniform(0, 0.35, 1) * (1 - 0.8 * hand)
        attributes[:, -things.shape[1] :, HAND] = hand
        keys = draw(screen, self.triangles, DRAWN, DRAWN)
        pixels, triangle = resolve(screen, self.triangles, attributes, keys, DRAWN, DRAWN)
        empty = triangle < 0
        kinds = self.kinds[triangle.clamp(min=0).long()]
        kinds = torch.where(empty, CLASS["background"], kinds)
        on_head = (triangle >= 0) & (triangle < len(head.triangles))
        skin = on_head & ((kinds == CLASS["face"]) | (kinds == CLASS["ears"]) | (kinds == CLASS["neck"]))
        for channel, name in ((LIPS, "lips"), (BROWS, "brows"), (BEARDED, "beard"), (HAIR, "hair"), (CLOTH, "clothes"), (COVERED, "occluder")):
            kinds = torch.where(skin & (pixels[..., channel] > 0.5), CLASS[name], kinds)
        geometric = unit(pixels[..., NORMAL])
        shaded = self._shade(c, pixels, kinds, on_head, camera)
        scene = torch.where(empty[..., None], backdrop(c, DRAWN, self.noise, person["skin"]), shaded)
        scene, kinds = self._lenses(c, scene, kinds, cameras, lenses, keys, wears)
        scene = self._neighbour(c, scene, kinds == CLASS["background"])
        finished = self._finish(c, scene, kinds, geometric, pixels, on_head, cameras)
        if not self.nearest:
            return finished
        return {**finished, "coefficients": torch.cat([self.nearest(neutral), expression, framed_pose(cameras)], 1)}

    def _shade(self, c, pixels, kinds, on_head, camera):
        is_ = lambda *names: torch.stack([kinds == CLASS[name] for name in names]).any(0).float()
        materials, light = draw_materials(c), draw_light(c)
        code = pixels[..., CODE] + c.uniform(0, 200, 1, 1, 3)
        at = lambda scale, first, last: self.noise.at(code / scale, slice(first, last))
        clear = visible(pixels[..., PLACE], camera, self.triangles, light["towards0"][:, 0, 0], c.uniform(0.3, 4, 1, 1))
        # A hand is skin as the face is: what tells it is its form and its edge.
        hand = is_("occluder") * (pixels[..., HAND] > 0.5).float()
        skin = is_("face", "ears", "neck", "brows") * on_head.float() + hand
        return self.colour_of(
            pixels[..., ALBEDO], pixels[..., NORMAL], pixels[..., PLACE], pixels[..., TANGENT], pixels[..., GRAIN],
            at(2.2, 0, 4), at(7.0, 4, 6), at(3.1, 6, 7), at(6.1, 7, 8), clear, skin, is_("lips"), is_("eyes", "teeth"),
            is_("glasses"), is_("clothes", "occluder") - hand, is_("mouth"), materials, light,
        )  # fmt: skip

    def _lenses(self, c, scene, kinds, cameras, lenses, keys, wears):
        """Glass before the eyes: tint, glare; sunglasses hide what is behind."""
        screen = cameras.to_crop(cameras.to_camera(lenses), DRAWN)
        depth = depth_of(draw(screen, self.glasses.lens_triangles, DRAWN, DRAWN))
        here = ((depth < depth_of(keys)) & (wears > 0)).reshape(kinds.shape)
        dark = c.chance(0.3, 1, 1)
        opacity = torch.where(dark > 0, c.uniform(0.55, 1, 1, 1), c.uniform(0, 0.15, 1, 1))
        colour = torch.where(dark[..., None] > 0, c.uniform(0, 0.08, 1, 1, 3), c.uniform(0, 0.5, 1, 1, 3))
        at = torch.linspace(0, 1, DRAWN, device=self.device)
        glare = smooth(0.55, 0.75, torch.sin(at[None, :, None] * c.uniform(3, 14, 1, 1) + at[None, None] * c.normal(0, 6, 1, 1) + c.uniform(0, 6.3, 1, 1)))
        glare = glare * c.chance(0.35, 1, 1) * c.uniform(0, 0.7, 1, 1)
        glass = scene + opacity[..., None] * (colour - scene) + glare[..., None] * 0.5
        return torch.where(here[..., None], glass, scene), torch.where(here & (opacity > 0.5), CLASS["glasses"], kinds)

    @staticmethod
    def _neighbour(c, scene, behind):
        """Sometimes another portrait of the batch is the background."""
        shift = torch.where(c.chance(0.5) > 0, 1.0, -1.0) * c.uniform(0.55, 1.1)
        theta = torch.zeros(c.size, 2, 3, device=c.device)
        theta[:, 0, 0] = theta[:, 1, 1] = c.uniform(0.8, 1.6)
        theta[:, 0, 2], theta[:, 1, 2] = 2 * shift, c.normal(0, 0.2)
        grid = functional.affine_grid(theta, (c.size, 3, *scene.shape[1:3]), align_corners=False)
        other = functional.grid_sample(scene.roll(1, 0).permute(0, 3, 1, 2), grid, padding_mode="reflection", align_corners=False)
        use = behind & (c.chance(0.15, 1, 1) > 0)
        return torch.where(use[..., None], other.permute(0, 2, 3, 1), scene)

    def _finish(self, c, scene, kinds, geometric, pixels, on_head, cameras):
        n = c.size
        mean = lambda x: functional.avg_pool2d(x, DRAWN // OUT)
        shares = torch.cat([mean((kinds == k).float()[:, None]) for k in range(len(CLASSES))], 1)
        shaped = torch.stack([kinds == CLASS[name] for name in SHAPED]).any(0) & on_head
        mask = shaped.float()[:, None]
        view = torch.einsum("nij,nhwj->nihw", cameras.view, geometric)
        normal = functional.normalize(mean(view * mask), dim=1)
        share = mean(mask)
        over = lambda x: mean(x * mask) / share.clamp(min=1e-3)
        point = over(pixels[..., CODE].permute(0, 3, 1, 2)) / POINT_MM
        away = cameras.translation.norm(dim=1)[:, None, None, None]
        depth = over(pixels[..., PLACE].norm(dim=-1)[:, None]) - away
        small = lambda x: functional.interpolate(x, (IN, IN), mode="area")
        linear, face = small(scene.permute(0, 3, 1, 2)), small((kinds == CLASS["face"]).float()[:, None])
        crop = photograph(c, develop(c, linear, face))
        crop, known = self._border(c, crop)
        return {
            "crop": crop, "classes": shares, "normal": normal, "point": point, "depth": depth * (share > 0.5),
            "shaped": share, "known": functional.avg_pool2d(known, IN // OUT), "yaw": cameras.yaw, "pitch": cameras.pitch,
        }  # fmt: skip

    @staticmethod
    def _border(c, crop):
        """The photo ends here and there: its border is drawn on, as the crop of a photo does."""
        n, _, h, w = crop.shape
        at = torch.arange(h, device=crop.device)[None].expand(n, -1)
        ends = []
        for _ in range(2):
            low = (c.chance(0.12) * c.uniform(0, 0.35) * h).long()
            high = h - 1 - (c.chance(0.12) * c.uniform(0, 0.35) * h).long()
            ends.append((low, high))
        rows, columns = (torch.minimum(torch.maximum(at, low[:, None]), high[:, None]) for low, high in ends)
        known = ((rows == at)[:, :, None] & (columns == at)[:, None]).float()[:, None]
        index = (rows[:, :, None] * w + columns[:, None]).reshape(n, 1, -1).expand(-1, 3, -1)
        return torch.gather(crop.reshape(n, 3, -1), 2, index).reshape(crop.shape), known


COLOURS = (
    (40, 40, 40), (230, 170, 130), (200, 120, 200), (150, 110, 80), (220, 40, 60), (90, 50, 20), (255, 255, 255),
    (120, 0, 0), (255, 255, 150), (60, 120, 220), (20, 60, 120), (0, 220, 220), (250, 140, 0), (60, 160, 60),
)  # fmt: skip


def sheet(batch):
    """Crop, normals as light from the camera, normals, points, classes: [rows][width][3] bytes."""
    up = lambda x: functional.interpolate(x, (IN, IN), mode="nearest")
    shaped = up((batch["shaped"] > 0.5).float())
    normal = up(batch["normal"])
    colours = torch.tensor(COLOURS, device=normal.device).float() / 255
    classes = torch.einsum("nkhw,kc->nchw", up(batch["classes"]), colours)
    grey = (0.15 + 0.85 * normal[:, 2:].clamp(min=0)) * shaped
    point = (0.5 + 0.5 * up(batch["point"])) * shaped
    columns = [batch["crop"], grey.expand(-1, 3, -1, -1), (0.5 + 0.5 * normal) * shaped, point, classes]
    rows = torch.cat(columns, 3).permute(0, 2, 3, 1).reshape(-1, IN * len(columns), 3)
    return (rows.clamp(0, 1) * 255).byte().cpu().numpy()


def main():
    import argparse
    import time
    from pathlib import Path

    from PIL import Image

    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    portraits = Portraits(options.device)
    start = time.time()
    batch = portraits.batch(options.seed, options.count)
    print(f"{options.count / (time.time() - start):.2f} portraits a second")
    Path(options.out).mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet(batch)).save(Path(options.out) / f"portraits-{options.seed}.png")


if __name__ == "__main__":
    main()
