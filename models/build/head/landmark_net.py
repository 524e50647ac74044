"""The attention-mesh landmark network of models/face-landmarks.onnx, for calibration on renders."""

from pathlib import Path

import numpy as np
import onnxruntime

MODEL = Path(__file__).resolve().parents[2] / "face-landmarks.onnx"
SIDE = 192
LIPS = [
    61,
    146,
    91,
    181,
    84,
    17,
    314,
    405,
    321,
    375,
    291,
    185,
    40,
    39,
    37,
    0,
    267,
    269,
    270,
    409,
    78,
    95,
    88,
    178,
    87,
    14,
    317,
    402,
    318,
    324,
    308,
    191,
    80,
    81,
    82,
    13,
    312,
    311,
    310,
    415,
    76,
    77,
    90,
    180,
    85,
    16,
    315,
    404,
    320,
    307,
    306,
    184,
    74,
    73,
    72,
    11,
    302,
    303,
    304,
    408,
    62,
    96,
    89,
    179,
    86,
    15,
    316,
    403,
    319,
    325,
    292,
    183,
    42,
    41,
    38,
    12,
    268,
    271,
    272,
    407,
]
RIGHT_EYE = [
    33,
    7,
    163,
    144,
    145,
    153,
    154,
    155,
    133,
    246,
    161,
    160,
    159,
    158,
    157,
    173,
    130,
    25,
    110,
    24,
    23,
    22,
    26,
    112,
    243,
    247,
    30,
    29,
    27,
    28,
    56,
    190,
    226,
    31,
    228,
    229,
    230,
    231,
    232,
    233,
    244,
    113,
    225,
    224,
    223,
    222,
    221,
    189,
    35,
    124,
    46,
    53,
    52,
    65,
    143,
    111,
    117,
    118,
    119,
    120,
    121,
    128,
    245,
    156,
    70,
    63,
    105,
    66,
    107,
    55,
    193,
]
LEFT_EYE = [
    263,
    249,
    390,
    373,
    374,
    380,
    381,
    382,
    362,
    466,
    388,
    387,
    386,
    385,
    384,
    398,
    359,
    255,
    339,
    254,
    253,
    252,
    256,
    341,
    463,
    467,
    260,
    259,
    257,
    258,
    286,
    414,
    446,
    261,
    448,
    449,
    450,
    451,
    452,
    453,
    464,
    342,
    445,
    444,
    443,
    442,
    441,
    413,
    265,
    353,
    276,
    283,
    282,
    295,
    372,
    340,
    346,
    347,
    348,
    349,
    350,
    357,
    465,
    383,
    300,
    293,
    334,
    296,
    336,
    285,
    417,
]


class LandmarkNet:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])
        self.names = [o.name for o in self.session.get_outputs()]

    def _run(self, image, centre, size, angle):
        step = size / SIDE
        samples = max(1, round(step))
        grid = (np.arange(SIDE * samples) + 0.5) / samples - SIDE / 2
        du, dv = np.meshgrid(grid, grid)
        cos, sin = np.cos(angle) * step, np.sin(angle) * step
        x, y = centre[0] + cos * du - sin * dv - 0.5, centre[1] + sin * du + cos * dv - 0.5
        h, w = image.shape[:2]
        x, y = np.clip(x, 0, w - 1.001), np.clip(y, 0, h - 1.001)
        x0, y0 = x.astype(int), y.astype(int)
        fx, fy = (x - x0)[..., None], (y - y0)[..., None]
        value = (image[y0, x0] * (1 - fx) + image[y0, x0 + 1] * fx) * (1 - fy) + (
            image[y0 + 1, x0] * (1 - fx) + image[y0 + 1, x0 + 1] * fx
        ) * fy
        tile = value.reshape(SIDE, samples, SIDE, samples, 3).mean((1, 3)).astype(np.float32)
        out = dict(zip(self.names, (o.ravel() for o in self.session.run(None, {"input_1": tile[None]}))))
        points = np.zeros((478, 2))
        points[:468] = out["output_mesh_identity"].reshape(468, 3)[:, :2]
        points[LIPS] = out["output_lips"].reshape(-1, 2)
        points[RIGHT_EYE] = out["output_left_eye"].reshape(-1, 2)
        points[LEFT_EYE] = out["output_right_eye"].reshape(-1, 2)
        points[468:473] = out["output_left_iris"].reshape(-1, 2)
        points[473:478] = out["output_right_iris"].reshape(-1, 2)
        d = (points - SIDE / 2) @ np.array([[cos, sin], [-sin, cos]])
        return d + centre, 1 / (1 + np.exp(-out["conv_faceflag"][0]))

    def __call__(self, image, centre, size):
        """Pixels [478,2] and presence for a float RGB image and a first guess of the face square; run three times."""
        angle = 0.0
        for _ in range(3):
            points, presence = self._run(image, np.asarray(centre, float), size, angle)
            eyes = points[263] - points[33]
            angle = np.arctan2(eyes[1], eyes[0])
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            local = points[:468] @ turn
            low, high = local.min(0), local.max(0)
            centre, size = turn @ ((low + high) / 2), 1.5 * (high - low).max()
        return points, presence
