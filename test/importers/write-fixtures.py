"""Writes the small models in fixtures/ with the libraries that their makers used: h5py, pickle, chumpy's and scipy's classes.

python3 write-fixtures.py, with numpy, scipy and h5py; the tests need none of them.
"""
import pathlib
import pickle
import sys
import types

import h5py
import numpy as np
import scipy.sparse

out = pathlib.Path(__file__).parent / "fixtures"
out.mkdir(exist_ok=True)

# BFM 2017 and 2019: five vertices, millimetres, cells one column a triangle.
with h5py.File(out / "model2017.h5", "w") as f:
    mean = np.arange(15, dtype=np.float32)
    for name, components in (("shape", 3), ("color", 2), ("expression", 2)):
        basis = np.arange(15 * components, dtype=np.float32).reshape(15, components) / 8
        f.create_dataset(f"{name}/model/pcaBasis", data=basis, compression="gzip")
        f[f"{name}/model/pcaVariance"] = np.array([4, 0.25, 1], dtype=np.float32)[:components]
        f[f"{name}/model/mean"] = {"shape": mean, "color": mean / 20, "expression": np.full(15, 0.5, np.float32)}[name]
    f["shape/representer/cells"] = np.array([[0, 1], [1, 2], [2, 4]], dtype=np.int32)


class Ch:
    def __init__(self, x):
        self.x = x


for name in ("chumpy", "chumpy.ch"):
    sys.modules[name] = types.ModuleType(name)
Ch.__module__ = "chumpy.ch"
sys.modules["chumpy.ch"].Ch = Ch

# FLAME: a skin of six vertices and two eyeballs of four, metres, 60 components of which the last 15 are expressions.
vertices = np.array(
    [[x, y, 0] for y in (0, 0.1) for x in (-0.1, 0, 0.1)]
    + [[side * 0.03 + dx, 0.05 + dy, dz] for side in (1, -1) for dx, dy, dz in ((0, 0, 0.01), (0.01, 0, 0), (0, 0.01, 0), (-0.01, -0.01, 0))]
)
tetrahedron = [[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]
faces = np.array(
    [[0, 1, 3], [1, 4, 3], [1, 2, 4], [2, 5, 4]] + [[6 + a for a in t] for t in tetrahedron] + [[10 + a for a in t] for t in tetrahedron],
    dtype=np.uint32,
)
shapes = np.zeros((14, 3, 60))
shapes[:, 0, 0] = 0.001  # the first identity component moves along x
shapes[:, 1, 45] = 0.002  # the first expression along y
weights = np.zeros((14, 5))
weights[:6, 1] = 1
weights[4, 1:3] = 0.5
weights[6:10, 3] = weights[10:, 4] = 1
regressor = np.zeros((5, 14))
regressor[3, 6:10] = regressor[4, 10:] = 0.25
with open(out / "generic_model.pkl", "wb") as f:
    model = {
        "v_template": Ch(vertices),
        "f": faces,
        "shapedirs": Ch(shapes),
        "posedirs": np.zeros((14, 3, 36)),
        "J_regressor": scipy.sparse.csc_matrix(regressor),
        "weights": Ch(weights),
        "bs_style": "lbs",
    }
    pickle.dump(model, f, 2)
with open(out / "FLAME_masks.pkl", "wb") as f:
    pickle.dump({"nose": np.array([1, 4]), "scalp": np.array([5]), "lips": np.zeros(0, int), "left_eyeball": np.arange(6, 10)}, f, 2)
