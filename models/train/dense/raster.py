"""Draws batches of triangle meshes, on the processor or on a GPU: raster.h compiled for where the tensors lie."""

import ctypes
import hashlib
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import torch

HERE = Path(__file__).parent


class Screen(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("vertices", "triangles", "width", "height", "channels")]


@cache
def library(kind):
    source = HERE / ("raster.cu" if kind == "cuda" else "raster.cpp")
    digest = hashlib.sha256(source.read_bytes() + (HERE / "raster.h").read_bytes()).hexdigest()[:16]
    built = Path(tempfile.gettempdir()) / f"dense_raster_{kind}_{digest}.so"
    if not built.exists():
        partial = built.with_suffix(".partial.so")
        if kind == "cuda":
            command = ["nvcc", "-O3", "-arch=native", "-std=c++17", "-shared", "-Xcompiler", "-fPIC"]
        else:
            command = ["g++", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-std=c++17", "-shared", "-fPIC"]
        subprocess.run([*command, str(source), "-o", str(partial)], check=True)
        partial.rename(built)
    return ctypes.CDLL(str(built))


def pointer(tensor):
    return ctypes.c_void_p(tensor.data_ptr())


def stream(tensor):
    return ctypes.c_void_p(torch.cuda.current_stream().cuda_stream if tensor.is_cuda else 0)


def draw(points, triangles, width, height, perspective=True):
    """
    points [n][v][3] float, pixels and depth (over 1; less is not drawn); triangles [t][3] int32.
    Returns keys [n][height * width] int64: depth in the upper half, triangle in the lower, all ones where empty.
    """
    n, v, _ = points.shape
    points = points.contiguous()
    keys = torch.full((n, height * width), -1, dtype=torch.int64, device=points.device)
    screen = Screen(v, len(triangles), width, height, 0)
    library(points.device.type).draw(
        n, screen, pointer(points), pointer(triangles), int(perspective), pointer(keys), stream(points)
    )
    return keys


def depth_of(keys):
    """Depth of what draw() saw, infinite where it is empty."""
    depth = (keys >> 32).int().view(torch.float32)
    return torch.where(keys == -1, torch.full_like(depth, float("inf")), depth)


def resolve(points, triangles, attributes, keys, width, height):
    """attributes [n][v][c]. Returns them at the pixels, [n][height][width][c], and the triangles, [n][height][width]."""
    n, v, c = attributes.shape
    points, attributes = points.contiguous(), attributes.contiguous()
    out = torch.empty(n, height, width, c, device=points.device)
    triangle = torch.empty(n, height, width, dtype=torch.int32, device=points.device)
    screen = Screen(v, len(triangles), width, height, c)
    library(points.device.type).resolve(
        n, screen, pointer(points), pointer(triangles), pointer(attributes), pointer(keys), pointer(out),
        pointer(triangle), stream(points),
    )
    return out, triangle
