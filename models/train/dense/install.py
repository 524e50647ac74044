"""Puts an exported network into models/ and its digest into models/manifest.json: python install.py FILE.onnx"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

MODELS = Path(__file__).resolve().parent.parent.parent
NAME = "dense-face.onnx"


def main():
    shutil.copyfile(sys.argv[1], MODELS / NAME)
    raw = (MODELS / NAME).read_bytes()
    entry = {
        "file": NAME,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "bytes": len(raw),
        "name": "Dense face network, 256 x 256 to 128 x 128: normals, surface points, classes and their deviations",
        "source": [
            {"package": "hrn-face", "version": "trained", "file": "portraits drawn by models/train/dense"},
            {
                "package": "npm:@mediapipe/face_mesh",
                "version": "0.4.1633559619",
                "file": "face_mesh_solution_packed_assets.data#face_landmark_with_attention.tflite, first layers",
            },
        ],
        "licence": "Apache-2.0 AND MIT",
        "builtBy": "models/train/dense",
    }
    path = MODELS / "manifest.json"
    manifest = [e for e in json.loads(path.read_text()) if e["file"] != NAME]
    manifest.append(entry)
    path.write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
