"""Writes the small files in fixtures/ with the libraries whose formats hrn reads: numpy, scipy, h5py, torch, pickle.

python3 write-fixtures.py, with those libraries; the tests themselves need none of them.
"""
import pathlib
import pickle
import sys
import types

import h5py
import numpy as np
import scipy.io
import scipy.sparse
import torch
from safetensors.torch import save_file

out = pathlib.Path(__file__).parent / "fixtures"
out.mkdir(exist_ok=True)
grid = np.arange(6, dtype=np.float64).reshape(2, 3) / 4 - 0.5
cube = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

np.save(out / "cube_f4.npy", cube)
np.save(out / "grid_fortran_f8.npy", np.asfortranarray(grid))
np.save(out / "big_endian_i2.npy", np.array([1, -2, 300], dtype=">i2"))
np.save(out / "half.npy", np.array([0.5, -1.25], dtype=np.float16))
np.save(out / "names.npy", np.array(["jawOpen", "blink é"]))
np.save(out / "objects.npy", {"faces": np.array([3, 4]), "weights": grid}, allow_pickle=True)
np.save(out / "tensors.npy", {"faces": np.array([3, 4]), "dynamic": torch.arange(6).reshape(2, 3)}, allow_pickle=True)
np.savez(out / "plain.npz", cube=cube, names=np.array(["a", "bc"]))
np.savez_compressed(out / "deflated.npz", cube=cube, ids=np.array([1, 2, 2**40]))

scipy.io.savemat(out / "plain.mat", {"grid": grid, "tri": np.array([[1, 2, 3]], dtype=np.uint16), "cube": cube})
scipy.io.savemat(
    out / "compressed.mat",
    {"grid": grid, "name": "front", "cell": {"a": 1}, "whole": np.array([[300.0, -7.0]])},
    do_compression=True,
)

with h5py.File(out / "groups.h5", "w") as f:
    f["shape/model/mean"] = np.arange(6, dtype=np.float32)
    f.create_dataset("shape/model/pcaBasis", data=grid, compression="gzip", chunks=(1, 2))
    f["cells"] = np.array([[0, 1, 2]], dtype=np.int32)

for protocol in (2, 5):
    with open(out / f"arrays_{protocol}.pkl", "wb") as f:
        pickle.dump({"v": grid, "f": np.array([[0, 1, 2]], dtype=np.uint32), "n": np.float64(2.5), "names": ["a", None]}, f, protocol)


# chumpy itself does not install on a current Python; its arrays pickle as an object of this name with the numbers in x.
class Ch:
    def __init__(self, x):
        self.x = x


for name in ("chumpy", "chumpy.ch"):
    sys.modules[name] = types.ModuleType(name)
Ch.__module__ = "chumpy.ch"
Ch.__qualname__ = "Ch"
sys.modules["chumpy.ch"].Ch = Ch
with open(out / "chumpy_sparse.pkl", "wb") as f:
    sparse = scipy.sparse.csc_matrix(np.array([[0, 1.5, 0], [2.5, 0, 0]]))
    pickle.dump({"shapedirs": Ch(cube.astype(np.float64)), "J_regressor": sparse}, f, 2)
# As Python 2 wrote it: raw bytes in a text of protocol 2, and everything as text in protocol 0.
with open(out / "text.pkl", "wb") as f:
    pickle.dump({"a": [1, -2, 2.5, True, None, 2**70], "b": (1, 2)}, f, 0)


class Evil:
    def __reduce__(self):
        import os

        return (os.system, ("echo should never run",))


with open(out / "evil.pkl", "wb") as f:
    pickle.dump({"v": grid, "x": Evil()}, f, 2)

weights = {
    "net": {"conv.weight": torch.arange(12, dtype=torch.float32).reshape(2, 6).t(), "bn.num_batches_tracked": torch.tensor(7)},
    "half": torch.tensor([0.5, -1.5], dtype=torch.float16),
    "bf16": torch.tensor([0.5, -1.5], dtype=torch.bfloat16),
    "alpha": torch.nn.Parameter(torch.tensor([0.25])),
    "epoch": 10,
}
torch.save(weights, out / "zip.pth")
torch.save(weights, out / "old.pth", _use_new_zipfile_serialization=False)

flat = {f"net.{name}": tensor.contiguous() for name, tensor in weights["net"].items()}
save_file({**flat, **{name: weights[name].detach() for name in ("half", "bf16", "alpha")}}, out / "weights.safetensors")
