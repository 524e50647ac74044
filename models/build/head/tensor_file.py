"""The safetensors format: u64 header length, JSON header padded with spaces to 8 bytes, raw little-endian data."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np

MODELS = Path(__file__).resolve().parents[2]
DTYPES = {np.dtype("float16"): "F16", np.dtype("float32"): "F32", np.dtype("uint8"): "U8", np.dtype("uint16"): "U16"}


def write_safetensors(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": DTYPES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(a.tobytes() for a in tensors.values()))


def save_model(path, tensors, metadata):
    """Writes a model, and what it is into the manifest where it is an embedded one."""
    write_safetensors(path, tensors, metadata)
    data = path.read_bytes()
    if path.parent == MODELS:
        manifest = MODELS / "manifest.json"
        entries = json.loads(manifest.read_text())
        for entry in entries:
            if entry["file"] == path.name:
                entry.update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        manifest.write_text(json.dumps(entries, indent=2) + "\n")
    print(path.name, len(data), "bytes")


def read_safetensors(path):
    """(tensors by name, metadata)"""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    types = {name: dtype for dtype, name in DTYPES.items()}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"]).copy()
    return tensors, metadata


def aligned(tensors):
    """Widest types first, so that every tensor starts at a multiple of its element size."""
    return dict(sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize))
