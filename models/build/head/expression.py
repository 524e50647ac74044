"""The 52 ARKit expressions on the cage, from the face units pack plus rotating eyeballs. Writes expression.npz."""

import numpy as np

import sources
from geometry import load_cage

NAMES = (
    "browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft "
    "cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight "
    "eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft "
    "eyeWideRight jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft "
    "mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight "
    "mouthPucker mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft "
    "mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft "
    "noseSneerRight tongueOut"
).split()

# Full gaze at coefficient 1, degrees: (pitch about x, yaw about y).
GAZE_DEG = {"Up": (-22, 0), "Down": (22, 0), "In": (0, 26), "Out": (0, 26)}

# Prior of each coefficient over everyday portraits: (mean, sigma) by name prefix.
PRIORS = (
    ("mouthSmile", 0.12, 0.30),
    ("eyeBlink", 0.03, 0.16),
    ("jawOpen", 0.05, 0.22),
    ("tongueOut", 0.0, 0.05),
    ("cheekPuff", 0.0, 0.15),
    ("mouthClose", 0.02, 0.15),
    ("eyeLook", 0.05, 0.25),
    ("jaw", 0.0, 0.15),
    ("", 0.03, 0.22),
)


def rotation(pitch_deg, yaw_deg):
    a, b = np.radians([pitch_deg, yaw_deg])
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    return y @ x


def gaze_offsets(cage, name):
    """Eyeball offsets of one eyeLook expression about the eyeball's own centre."""
    direction, side = name[len("eyeLook") :].replace("Left", " Left").replace("Right", " Right").split()
    part = side.lower() + "Eye"
    first, count, centre, _ = cage.eye(part)
    pitch, yaw = GAZE_DEG[direction]
    towards_plus_x = (side == "Left") == (direction == "Out")
    turn = rotation(pitch, yaw if towards_plus_x else -yaw)
    out = np.zeros_like(cage.rest)
    around = cage.rest[first : first + count] - centre
    out[first : first + count] = around @ turn.T - around
    return out


def prior(name):
    return next((mean, sigma) for prefix, mean, sigma in PRIORS if name.startswith(prefix))


def main():
    cage = load_cage()
    units = sources.read_face_units(cage.binding.shape[1])
    shapes = np.zeros((len(NAMES), *cage.rest.shape))
    for k, name in enumerate(NAMES):
        shapes[k] = cage.carry(units[name])
        if name.startswith("eyeLook"):
            for part in ("leftEye", "rightEye"):
                first, count, _, _ = cage.eye(part)
                shapes[k, first : first + count] = 0
            shapes[k] += gaze_offsets(cage, name)
    shapes[np.linalg.norm(shapes, axis=2) < 0.02] = 0
    statistics = np.array([prior(name) for name in NAMES])
    np.savez(sources.WORK / "expression.npz", shapes=shapes, mean=statistics[:, 0], sigma=statistics[:, 1])
    print("expressions", len(NAMES), "largest offset mm", np.linalg.norm(shapes, axis=2).max(1).round(1).tolist())


if __name__ == "__main__":
    main()
