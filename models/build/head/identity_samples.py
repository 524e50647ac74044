"""Random heads from the source's own shape targets, rigidly aligned on the face, and their principal components.

Writes identity.npz: mean [V,3], components [K,V,3] scaled to one standard deviation, face mask [V].
"""

import numpy as np

import sources
from geometry import load_cage, load_operators, rigid_align, visible_face_mask

SAMPLES = 3000
COMPONENTS = 100
SLIDER_SIGMA = 0.30
SIDE_CORRELATION = 0.97
FOLDER_GAIN = {"head": 0.5, "neck": 0.6, "forehead": 0.6, "chin": 0.9}
OPPOSITES = (
    ("in", "out"),
    ("down", "up"),
    ("backward", "forward"),
    ("decr", "incr"),
    ("concave", "convex"),
    ("compress", "uncompress"),
)


def sliders(names):
    """Groups targets into sliders: a pair of opposite targets, or a single one-sided target."""
    groups = []
    taken = set()
    for name in names:
        if name in taken or name.startswith(("macrodetails/", "asym/")):
            continue
        stem, _, ending = name.rpartition("-")
        partner = next(
            (
                f"{stem}-{b if ending == a else a}"
                for a, b in OPPOSITES
                if ending in (a, b) and f"{stem}-{b if ending == a else a}" in names
            ),
            None,
        )
        taken.update((name, partner))
        groups.append((stem if partner else name, name, partner))
    return groups


def thirds(x):
    return {"min": np.clip(1 - 2 * x, 0, 1), "max": np.clip(2 * x - 1, 0, 1), "average": 1 - np.abs(2 * x - 1)}


def macro_weights(weights, column, rng):
    """Ancestry, gender, age (adults), muscle and weight, as MakeHuman combines them."""
    n = len(weights)
    race = rng.dirichlet([0.35] * 3, n)
    gender = rng.beta(0.5, 0.5, n)
    age = np.where(rng.random(n) < 0.15, rng.uniform(0.42, 0.5, n), 0.5 + 0.45 * rng.beta(1, 1.6, n))
    ages = {"child": np.clip((0.5 - age) / 0.3125, 0, 1), "old": np.clip((age - 0.5) / 0.5, 0, 1)}
    ages["young"] = 1 - ages["child"] - ages["old"]
    muscle = thirds(np.clip(rng.normal(0.5, 0.2, n), 0, 1))
    weight = thirds(np.clip(rng.normal(0.5, 0.22, n), 0, 1))
    for age_name, age_weight in ages.items():
        for sex, sex_weight in (("male", gender), ("female", 1 - gender)):
            for k, ancestry in enumerate(("african", "asian", "caucasian")):
                weights[:, column[f"macrodetails/{ancestry}-{sex}-{age_name}"]] = age_weight * sex_weight * race[:, k]
            for m, muscle_weight in muscle.items():
                for w, fat_weight in weight.items():
                    name = f"macrodetails/universal-{sex}-{age_name}-{m}muscle-{w}weight"
                    weights[:, column[name]] = age_weight * sex_weight * muscle_weight * fat_weight


def detail_weights(weights, column, names, rng):
    n = len(weights)
    shared = {}
    for stem, first, second in sliders(names):
        folder, label = stem.split("/")
        sided = label[:2] in ("l-", "r-")
        key = folder + "/" + (label[2:] if sided else label)
        value = shared.setdefault(key, rng.normal(size=n))
        if sided:
            value = SIDE_CORRELATION * value + np.sqrt(1 - SIDE_CORRELATION**2) * rng.normal(size=n)
        value = np.clip(value * SLIDER_SIGMA * FOLDER_GAIN.get(folder, 1), -1, 1)
        if second is None:
            weights[:, column[first]] = np.abs(value) * 0.6
        else:
            weights[:, column[first]] = np.clip(-value, 0, 1)
            weights[:, column[second]] = np.clip(value, 0, 1)
    for name in names:
        if name.startswith("asym/"):
            weights[:, column[name]] = np.clip(np.abs(rng.normal(0, 0.12, n)), 0, 0.5) * (rng.random(n) < 0.3)


def main():
    cage = load_cage()
    binding, operator = load_operators()
    rng = np.random.default_rng(1)
    targets = sources.read_shape_targets(binding.shape[1])
    names = list(targets)
    column = {name: k for k, name in enumerate(names)}
    weights = np.zeros((SAMPLES, len(names)), np.float32)
    macro_weights(weights, column, rng)
    detail_weights(weights, column, names, rng)
    basis = np.stack([cage.carry(targets[name]) for name in names]).astype(np.float32)
    heads = (weights @ basis.reshape(len(names), -1)).reshape(SAMPLES, -1, 3) + cage.rest.astype(np.float32)
    mean = heads.mean(0, dtype=np.float64)
    for _ in range(3):
        face = visible_face_mask(mean, cage)
        heads = rigid_align(heads, mean, face)
        mean = heads.mean(0, dtype=np.float64)
    mean = cage.symmetrise(mean)
    offsets = (heads - mean.astype(np.float32)).reshape(SAMPLES, -1)
    values, vectors = np.linalg.eigh((offsets @ offsets.T).astype(np.float64))
    order = np.argsort(values)[::-1][:COMPONENTS]
    components = (vectors[:, order].T.astype(np.float32) @ offsets) / np.sqrt(SAMPLES)
    spread = np.sqrt((offsets.reshape(SAMPLES, -1, 3) ** 2).sum(2).mean(0))
    explained = np.cumsum(np.sort(values)[::-1]) / values.sum()
    print(
        "sliders",
        len(sliders(names)),
        "targets",
        len(names),
        "face vertices",
        face.sum(),
        "spread on the face mm %.2f" % spread[face].mean(),
        "components for 90/95/99 %%: %s" % [int((explained < q).sum() + 1) for q in (0.9, 0.95, 0.99)],
    )
    np.savez(sources.WORK / "identity.npz", mean=mean, components=components.reshape(COMPONENTS, -1, 3), face=face)


if __name__ == "__main__":
    main()
