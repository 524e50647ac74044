"""
Who is drawn: heads far wider than the model's prior in every way in which people differ, with folds, complexion, beards,
make-up and hats. All lengths in mm, in the head frame.
"""

import torch

from chance import constant, smooth
from head import REGIONS, distance_to

# Typical skin from the darkest to the palest, sRGB.
SKIN = (
    (0.17, 0.11, 0.09), (0.29, 0.19, 0.14), (0.42, 0.28, 0.21), (0.55, 0.39, 0.31),
    (0.67, 0.50, 0.41), (0.78, 0.60, 0.50), (0.87, 0.70, 0.61), (0.94, 0.80, 0.73),
)
# Feature, its 68-point landmarks, deviation along x (outwards), y, z, radius. Noses, jaws and brows of scans leave the
# model's prior by this much: fitted to scans of real people it still misses them by 3 to 5 mm there.
FEATURES = (
    ("tip", (30,), (0.8, 2.8, 4.5), 13), ("bridge", (28,), (0.6, 1.5, 3.2), 12), ("root", (27,), (0.6, 1.5, 2.4), 12),
    ("wings", (31, 35), (2.2, 1.2, 1.5), 9), ("base", (33,), (0.4, 2.0, 2.2), 10),
    ("chin", (8,), (1.5, 4.0, 4.0), 22), ("jaw", (4, 12), (4.5, 3.5, 3.0), 26), ("angle", (2, 14), (4.5, 3.0, 4.0), 28),
    ("cheek", (1, 15), (3.5, 2.5, 4.0), 28), ("brow", (19, 24), (1.0, 1.8, 2.6), 16), ("upper lip", (51,), (0.5, 1.2, 2.0), 12),
    ("lower lip", (57,), (0.5, 1.4, 2.0), 13), ("corner", (48, 54), (1.5, 1.0, 1.0), 10),
)


class People:
    def __init__(self, head):
        self.head = head
        device = head.mean.device
        self.skin_table = torch.tensor(SKIN, device=device)
        mean, skin = head.mean, head.skin.float()
        points = head.points68(mean[None])[0]
        eyes = [mean[head.part == part].mean(0) for part in (1, 2)]
        nearest = torch.stack([(mean - e).norm(dim=1) for e in eyes]).min(0).values
        # Lids stay on their balls.
        self.free = skin * (1 - torch.exp(-((nearest / 19) ** 4))) * (1 - head.inside.float())
        self.feature_weight, self.feature_scale, self.feature_side = [], [], []
        for _, at, deviation, radius in FEATURES:
            for i in at:
                d = (mean - points[i]).square().sum(1) / radius**2
                self.feature_weight.append(torch.exp(-d) * self.free)
                self.feature_scale.append(deviation)
                self.feature_side.append(0.0 if len(at) == 1 else float(torch.sign(points[i, 0])))
        self.feature_weight = torch.stack(self.feature_weight)
        self.feature_scale = torch.tensor(self.feature_scale, device=device)
        self.feature_pairs = [k for k, side in enumerate(self.feature_side) if side < 0]
        self.feature_side = torch.tensor(self.feature_side, device=device)
        self.folds = self._folds(points)
        self.brow_distance = torch.stack(
            [torch.where(head.front & (mean[:, 1] > 5), distance_to(b[:, :2], mean[:, :2]), torch.inf) for b in head.brows]
        )
        names = head.names
        self.stems = {}
        for i, name in enumerate(names):
            stem = name.removesuffix("Left").removesuffix("Right")
            self.stems.setdefault(stem, []).append(i)
        self.index = {name: i for i, name in enumerate(names)}
        x, y, z = mean.T
        self.x, self.y, self.z = x, y, z
        self.cheek = head.region("cheeks")
        self.region_of = {name: head.region(name).float() for name in REGIONS}

    def _folds(self, p):
        """Lines on the face along which skin folds, and their width: [lines][v] distances, widths."""
        mean, front = self.head.mean, self.head.front
        brow_y = float(p[[19, 24], 1].mean())
        lines = []
        for side, wing, corner, brow, eye in ((-1, 31, 48, 19, 36), (1, 35, 54, 24, 45)):
            fold = torch.stack([p[wing] + p.new_tensor([side * 4, 2, 0]), p[corner] + p.new_tensor([side * 7, 9, 0]),
                                p[corner] + p.new_tensor([side * 8, -6, 0])])  # fmt: skip
            lines.append((fold[:, :2], 4.0))
            bag = torch.stack([p[eye] + p.new_tensor([-side * x, y, 0]) for x, y in ((2, -9), (14, -13), (27, -9))])
            lines.append((bag[:, :2], 4.0))
            feet = torch.stack([p[eye] + p.new_tensor([side * 5, 0, 0]), p[eye] + p.new_tensor([side * 17, -5, 0])])
            lines.append((feet[:, :2], 2.5))
            frown = torch.stack([p.new_tensor([side * 5, brow_y - 6, 0]), p.new_tensor([side * 4, brow_y + 9, 0])])
            lines.append((frown[:, :2], 2.5))
        for k in range(3):
            y = brow_y + 11 + 9 * k
            lines.append((p.new_tensor([[-38, y - 3], [-18, y + 1], [0, y], [18, y + 1], [38, y - 3]]), 3.0))
        distance = torch.stack([torch.where(front, distance_to(line, mean[:, :2]), torch.inf) for line, _ in lines])
        return distance, p.new_tensor([width for _, width in lines])

    def expression(self, c):
        """[n][52]: anything from a still face to several shapes at full strength, eyes shut in one of eight."""
        weights = torch.zeros(c.size, 52, device=c.device)
        groups = list(self.stems.values())
        moving = c.chance(0.75)
        for _ in range(5):
            chosen = c.integer(len(groups))
            value = c.normal(0, 0.45, limit=2.4).abs() * moving * c.chance(0.7)
            side = c.integer(8)
            for g, columns in enumerate(groups):
                here = (chosen == g).float() * value
                for j, column in enumerate(columns):
                    alone = (side < 6) | (side - 6 == j) if len(columns) > 1 else torch.ones_like(side, dtype=torch.bool)
                    weights[:, column] = torch.maximum(weights[:, column], here * alone)
        at = self.index

        def event(probability, low, high, *names):
            on, value = c.chance(probability), c.uniform(low, high)
            for name in names:
                weights[:, at[name]] = torch.maximum(weights[:, at[name]], on * value * c.uniform(0.85, 1))

        event(0.3, 0.2, 1, "mouthSmileLeft", "mouthSmileRight")
        event(0.15, 0.2, 0.9, "jawOpen")
        event(0.15, 0.1, 0.8, "eyeSquintLeft", "eyeSquintRight")
        event(0.1, 0.3, 1, "browDownLeft", "browDownRight")
        event(0.1, 0.3, 1, "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
        for pair in (("Up", "Down"), ("In", "Out")):
            look = c.normal(0, 0.35, limit=2.5)
            for side in ("Left", "Right"):
                sign = -1 if pair[0] == "In" and side == "Right" else 1
                weights[:, at[f"eyeLook{pair[0]}{side}"]] = (sign * look).clamp(0, 0.9)
                weights[:, at[f"eyeLook{pair[1]}{side}"]] = (-sign * look).clamp(0, 0.9)
        blink = c.uniform(0, 0.25) * c.chance(0.5)
        event_shut = c.chance(0.13)
        half = c.chance(0.1) * c.uniform(0.25, 0.75)
        blink = torch.maximum(torch.maximum(blink, half), event_shut * c.uniform(0.9, 1))
        wink = c.chance(0.04)
        for side in ("Left", "Right"):
            weights[:, at[f"eyeBlink{side}"]] = (blink * c.uniform(0.9, 1) * (1 - wink * c.chance(0.5))).clamp(0, 1)
        tongue = at["tongueOut"]
        weights[:, tongue] *= (weights[:, at["jawOpen"]] > 0.2).float()
        return weights.clamp(0, 1)

    def shape(self, c):
        """
        Positions [n][v][3] of the skin and what lies in it, the same without expression, and the expression [n][52].
        """
        head = self.head
        spread = torch.exp(c.normal(0.0, 0.25, 1)).clamp(0.5, 1.5)
        identity = (c.normal(0, 1, 120, limit=3) * spread).clamp(-4, 4)
        expression = self.expression(c)
        neutral = head.mean[None] + (identity @ head.identity).reshape(c.size, -1, 3)
        moved = (expression @ head.expression).reshape(c.size, -1, 3)
        # Features: mostly symmetric.
        moves = c.normal(0, 1, len(self.feature_weight), 3, limit=2.6) * self.feature_scale * c.uniform(0.1, 1.15, 1, 1)
        moves = moves.clone()
        side = self.feature_side
        for k in self.feature_pairs:
            moves[:, k + 1] = moves[:, k] + 0.3 * (moves[:, k + 1] - moves[:, k])
        moves[:, :, 0] *= torch.where(side == 0, torch.ones_like(side), side)
        change = torch.einsum("nfk,fv->nvk", moves, self.feature_weight)
        # Smooth bumps anywhere, as no component makes them.
        for _ in range(8):
            at = head.mean[c.integer(head.vertices)]
            radius, size = c.uniform(9, 28, 1), c.normal(0, 1.0, 1)
            bump = size * torch.exp(-(head.mean[None] - at[:, None]).square().sum(2) / radius.square())
            change = change + (bump * self.free)[:, :, None] * head.outward
        distance, width = self.folds
        depth = c.uniform(0, 1, len(width)).square() * c.chance(0.5, 1) * c.uniform(0.3, 1.8, 1)
        w = width[None, :, None] * c.uniform(0.7, 1.3, len(width), 1)
        t = distance[None] / w
        fold = (-torch.exp(-t.square()) + 0.45 * torch.exp(-((t - 1.9) / 1.2).square())) * depth[:, :, None]
        change = change + (fold.sum(1) * self.free)[:, :, None] * head.outward
        stretch = torch.exp(c.normal(0, 0.03, 1, 3))
        jaw = torch.cat([torch.exp(c.normal(0, 0.04, 1, 2)), torch.ones(c.size, 1, 1, device=c.device)], 2)

        def proportioned(positions):
            positions = (positions + change) * stretch
            below = smooth(0.0, -60.0, positions[:, :, 1:2])
            return positions * (1 + below * (jaw - 1))

        return proportioned(neutral + moved), proportioned(neutral), expression

    def complexion(self, c, noise):
        """Colours [n][v][3] (sRGB), covers by kind [n][v] and thickness outwards [n][v]."""
        head, x, y, z = self.head, self.x, self.y, self.z
        n, skin = c.size, head.skin.float()
        albedo = head.albedo_mean[None] + (c.normal(0, 1, 12, limit=2.5) @ head.albedo).reshape(n, -1, 3)
        base = albedo[:, self.cheek].mean(1, keepdim=True)
        tone = c.uniform(0, len(SKIN) - 1.001)
        low = tone.long()
        part = (tone - low)[:, None]
        target = self.skin_table[low] * (1 - part) + self.skin_table[low + 1] * part
        target = (target * torch.exp(c.normal(0, 0.06, 3)))[:, None]
        contrast = c.uniform(0.5, 1.5, 1, 1) * (target.mean(2, keepdim=True) / base.mean(2, keepdim=True)).clamp(0.5, 1.4)
        lips = head.lips[None, :, None]
        lip_contrast = c.uniform(0.2, 1.8, 1, 1)
        lip_colour = c.normal(0, 0.05, 1, 3) + c.chance(0.25, 1, 1) * c.normal(0, 0.16, 1, 3)
        brow_near = smooth(11.0, 7.0, self.brow_distance.min(0).values)[None, :, None]
        own_brows = c.chance(0.3, 1, 1)
        feature = (albedo - base) * (contrast + lips * (lip_contrast - contrast))
        feature = feature * (1 - brow_near * (1 - own_brows)) + lips * lip_colour * target.mean(2, keepdim=True) * 2
        grain, blotch = c.uniform(0, 1, 1).square() * 0.07, c.uniform(0, 0.1, 1)
        change = 1 + blotch * noise(head.mean / 15, 0, c)
        red = c.uniform(0, 0.16, 1) * (blob(x.abs() - 38, y + 32, 16) + blob(x, y + 33, 11))
        lid = self.region_of["eyes"] * c.uniform(-0.3, 0.1, 1) * c.chance(0.4, 1)
        colours = (target + feature + lid[:, :, None] * target) * change[:, :, None]
        colours[:, :, 1:] *= (1 - red)[:, :, None]
        colours = torch.where(head.skin[None, :, None], colours, albedo * c.uniform(0.75, 1.1, 1, 1))
        hair = hair_colour(c)
        covers = {}
        # Stubble and beards: the darker, the more of the chin they cover.
        has_beard = c.chance(0.3, 1)
        upper = smooth(c.uniform(-52, -40, 1), c.uniform(-62, -52, 1), y[None] + 0.35 * (x.abs()[None] - 30).clamp(min=0) * -1)
        moustache = smooth(-26.0, -31.0, y[None]) * smooth(30.0, 24.0, x.abs()[None]) * c.chance(0.7, 1)
        where = torch.maximum(upper, moustache) * smooth(-70.0, -35.0, z[None]) * smooth(-125.0, -100.0, y[None])
        where = where * (1 - head.lips[None]) * (1 - head.inside.float()[None]) * skin
        patchy = (1.5 + 0.7 * noise(head.mean / 9, 1, c)).clamp(0, 1)
        strength = c.uniform(0.08, 1, 1)
        beard = has_beard * where * patchy * strength
        long = has_beard * c.chance(0.45, 1) * (strength > 0.4).float()
        beard_mm = long * where * patchy * c.uniform(1, 9, 1)
        colours = mix(colours, hair[:, None], beard)
        covers["beard"] = smooth(0.35, 0.75, beard) * (strength > 0.55).float()
        # Brows somewhere near their place.
        brow = torch.zeros(n, head.vertices, device=c.device)
        tilt, arch = c.normal(0, 1.2, 1), c.normal(0, 1, 1)
        inner, outer = c.uniform(1.5, 4.5, 1), c.uniform(0.7, 2.5, 1)
        dy = c.normal(0, 2, 1)
        along = ((x.abs() - 15) / 43).clamp(0, 1)[None]
        for k in range(2):
            shift = dy + tilt * (2 * along - 1) + arch * (1 - 4 * (along - 0.5).square())
            line = self._brow_height(k)[None] + shift
            off = (y[None] - line).abs()
            half = inner + (outer - inner) * along
            here = smooth(half + 1.3, half - 1.3, off) * smooth(13.0, 8.0, self.brow_distance[k])[None]
            brow = torch.maximum(brow, here * (self.brow_distance[k] < 16).float())
        brow = brow * c.uniform(0.1, 0.95, 1) * (1 - own_brows[:, :, 0]) * (0.8 + 0.4 * noise(head.mean / 2, 2, c))
        colours = mix(colours, hair[:, None] * c.uniform(0.5, 1.1, 1, 1), brow.clamp(0, 1) * skin)
        covers["brows"] = smooth(0.25, 0.45, brow) * skin + own_brows[:, :, 0] * smooth(4.5, 2.5, self.brow_distance.min(0).values)
        # Eye shadow and liner.
        made_up = c.chance(0.2, 1) * c.uniform(0, 0.8, 1)
        shadow = made_up * self.region_of["eyes"] * smooth(2.0, 8.0, y[None]) * smooth(17.0, 10.0, y[None]) * skin
        colours = mix(colours, c.uniform(0.05, 0.7, 1, 3), shadow)
        # Hair on the head, as a cap; its strands are drawn apart.
        cap, cap_mm, style = self._cap(c, noise)
        strands = 0.55 + 0.45 * noise(head.mean / constant(head.mean.device, 3.0, 14.0, 5.0), 3, c)
        colours = mix(colours, hair[:, None] * strands[:, :, None].clamp(0.2, 1.5), cap)
        covers["hair"] = cap
        # Hats and hoods, and what covers mouth and nose.
        hat = c.chance(0.1, 1)
        hat_line = c.uniform(38, 75, 1)
        line = hat_line + c.uniform(-0.15, 0.25, 1) * z[None]
        hat_cover = hat * smooth(-2.0, 2.0, y[None] - line) * skin * (z[None] < 90)
        hat_mm = hat_cover * c.uniform(4, 16, 1) * (1 + 0.6 * smooth(60.0, 110.0, y[None]))
        cloth = c.uniform(0.03, 0.9, 1, 3)
        pattern = 1 + c.uniform(0, 0.5, 1) * noise(head.mean / 11, 4, c)
        colours = mix(colours, cloth * pattern[:, :, None], hat_cover)
        covers["clothes"] = hat_cover
        mask = c.chance(0.06, 1)
        top = c.uniform(-36, -8, 1) + 0.12 * x.abs()[None]
        mask_cover = mask * smooth(1.5, -1.5, y[None] - top) * smooth(-45.0, -38.0, z[None]) * smooth(-112.0, -104.0, y[None])
        mask_cover = mask_cover * skin * (1 - head.inside.float()[None])
        mask_colour = torch.where(c.chance(0.5, 1, 1) > 0, c.uniform(0.5, 0.95, 1, 3), c.uniform(0.02, 0.9, 1, 3))
        colours = mix(colours, mask_colour * pattern[:, :, None], mask_cover)
        mask_mm = mask_cover * c.uniform(2, 9, 1)
        covers["occluder"] = mask_cover
        thickness = torch.maximum(torch.maximum(cap_mm * (1 - hat_cover), hat_mm), torch.maximum(beard_mm, mask_mm))
        colours = colours.clamp(0.015, 0.97)
        return {"colours": colours, "covers": covers, "mm": thickness, "hair": hair, "grain": grain, "style": style,
                "beard_long": long, "hat": hat, "hat_line": hat_line, "cloth": cloth, "skin": target[:, 0], "mask": mask}  # fmt: skip

    def _brow_height(self, k):
        line = self.head.brows[k]
        order = torch.argsort(line[:, 0].abs())
        xs, ys = line[order, 0].abs(), line[order, 1]
        at = self.x.abs().clamp(float(xs[0]), float(xs[-1]))
        i = torch.searchsorted(xs.contiguous(), at.contiguous()).clamp(1, len(xs) - 1)
        t = (at - xs[i - 1]) / (xs[i] - xs[i - 1])
        return ys[i - 1] + t * (ys[i] - ys[i - 1])

    def _cap(self, c, noise):
        """Where hair grows: hairline, temples, sides, neck."""
        head, x, y, z = self.head, self.x[None], self.y[None], self.z[None]
        bald = c.chance(0.1, 1)
        fringe = c.chance(0.25, 1)
        hairline = c.uniform(54, 84, 1)
        slope, temple = c.normal(0, 0.15, 1), c.uniform(-0.3, 0.8, 1)
        length = torch.where(c.chance(0.45, 1) > 0, c.uniform(-160, -50, 1), c.uniform(-40, 5, 1))
        side_x, side_z = c.uniform(54, 70, 1), c.uniform(-55, -15, 1)
        edge = 5 * noise(head.mean / 12, 5, c)
        above = smooth(-3.0, 3.0, y - hairline - slope * x + temple * (x.abs() - 40).clamp(min=0) + edge)
        side = smooth(-3.0, 3.0, x.abs() - side_x + edge) * smooth(5.0, -5.0, z - side_z) * smooth(-6.0, 6.0, y - length.clamp(min=-40) + edge)
        behind = smooth(-75.0, -90.0, z) * smooth(-6.0, 6.0, y - length.clamp(min=-110))
        ears, neck = self.region_of["ears"][None], self.region_of["neck"][None]
        scalp = self.region_of["scalp"][None] * smooth(-6.0, 6.0, y - length.clamp(min=-60))
        side = side * (1 - ears)
        cover = torch.maximum(torch.maximum(above, side), torch.maximum(behind, scalp))
        cover = cover * (1 - neck * ((z > -60) | (length > -60)).float())
        cover = cover * (1 - self.region_of["mouth"]) * (1 - self.region_of["eyes"]) * head.skin.float() * (1 - bald)
        volume = torch.where(c.chance(0.4, 1) > 0, c.uniform(0.5, 4, 1), c.uniform(4, 28, 1))
        mm = cover * volume * (1 + 0.5 * noise(head.mean / 22, 6, c)).clamp(0.2, 2)
        return cover, mm, {"bald": bald, "fringe": fringe, "length": length, "volume": volume}


def hair_colour(c):
    any_colour = c.uniform(0.05, 0.9, 3)
    brightness = c.uniform(0.04, 0.75, 1) ** 1.5
    warmth = c.uniform(0, 0.55, 1)
    usual = torch.cat([brightness, brightness * (1 - 0.5 * warmth), brightness * (1 - warmth)], 1)
    return torch.where(c.chance(0.1, 1) > 0, any_colour, usual)


def mix(colours, to, weight):
    return colours + weight[:, :, None] * (to - colours)


def blob(dx, dy, radius):
    return torch.exp(-(dx * dx + dy * dy) / (radius * radius))
