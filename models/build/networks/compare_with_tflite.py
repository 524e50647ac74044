"""Development cross-check: the converted networks against the TFLite originals in Google's runtime.

pip install ai-edge-litert==2.3.0 onnxruntime numpy pillow
node models/build/networks/build.mjs --check --originals=DIR
python3 models/build/networks/compare_with_tflite.py DIR examples/astronaut.png

The attention mesh has operators that this runtime does not know and is left out.
"""
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

MODELS = Path(__file__).resolve().parents[2]
NETWORKS = {"face-detection-short-range": -1, "face-detection-full-range": -1, "person-segmentation": 0}


def outputs_of_tflite(file, pixels):
    interpreter = Interpreter(str(file), num_threads=1)
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, pixels.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(index, pixels)
    interpreter.invoke()
    return {o["name"]: interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()}


def main(originals, photo):
    for name, low in NETWORKS.items():
        session = onnxruntime.InferenceSession(MODELS / f"{name}.onnx")
        entry = session.get_inputs()[0]
        side = entry.shape[1]
        scaled = np.asarray(Image.open(photo).convert("RGB").resize((side, side)), np.float32) / 255
        noise = np.random.default_rng(0).uniform(0, 1, scaled.shape).astype(np.float32)
        for kind, image in (("photo", scaled), ("noise", noise)):
            pixels = (image * (1 - low) + low)[None]
            expected = outputs_of_tflite(Path(originals) / f"{name}.tflite", pixels)
            for output, value in zip(session.get_outputs(), session.run(None, {entry.name: pixels})):
                difference = np.abs(value - expected[output.name]).max()
                print(f"{name} {kind} {output.name}: largest difference {difference:.2g} of {np.abs(value).max():.3g}")


if __name__ == "__main__":
    main(*sys.argv[1:])
