"""The head cage: which faces of the full-body mesh belong to it, its parts, its mirror map and how offsets of the
full-body mesh carry over to it. Writes cage.npz."""

import numpy as np
import scipy.sparse as sp

import eyeball
import sources
import teeth
from subdivision import catmull_clark, quad_triangles, subdivided_mirror

PARTS = ("skin", "leftEye", "rightEye", "upperTeeth", "lowerTeeth", "tongue")
EYE_GROUPS = {"leftEye": "helper-l-eye", "rightEye": "helper-r-eye"}
# The source's tongue fills the mouth up to the palate; in a mouth that opens it should lie behind the lower teeth.
TONGUE_SHIFT_MM = np.array([0.0, -7.0, -5.0])
TEETH_GROUPS = {"upperTeeth": "helper-upper-teeth", "lowerTeeth": "helper-lower-teeth"}


def head_faces(vertices, faces, groups):
    """Mask of the body's faces above a plane through the neck that drops towards the back, arms excluded."""
    height = vertices[faces, 1] - 600 + 0.35 * (vertices[faces, 2] - 30)
    return (groups == "body") & (height > 0).all(1) & (np.abs(vertices[faces, 0]) < 110).all(1)


def open_at_root(vertices, tongue_faces):
    """The tongue without the faces at its hidden root, so that it is a disc and unwraps without a seam."""
    depth = vertices[tongue_faces, 2].mean(1)
    return tongue_faces[depth > depth.min() + 5.0]


def build():
    vertices, faces, face_uvs, uvs, groups = sources.read_base_mesh()
    count = len(vertices)
    base_mirror = sources.read_mirror(count)
    blocks, cage_faces, cage_parts, mirror, base_index = [], [], [], [], []
    offset = 0

    def append(part, block, part_faces, part_mirror, origin):
        nonlocal offset
        shifted = np.where(part_faces == eyeball.NO_VERTEX, eyeball.NO_VERTEX, part_faces + offset)
        blocks.append(block)
        cage_faces.append(shifted)
        cage_parts.append(np.full(len(part_faces), PARTS.index(part)))
        mirror.append(part_mirror)
        base_index.append(origin)
        offset += block.shape[0]

    def selection(part, part_faces):
        indices = np.unique(part_faces)
        local = np.full(count, -1)
        local[indices] = np.arange(len(indices))
        block = sp.csr_matrix((np.ones(len(indices)), (np.arange(len(indices)), indices)), (len(indices), count))
        append(part, block, local[part_faces], offset + local[base_mirror[indices]], indices)

    in_head = head_faces(vertices, faces, groups)
    selection("skin", faces[in_head])
    eyes = {}
    for part, group in EYE_GROUPS.items():
        helper = np.unique(faces[groups == group])
        points = vertices[helper]
        centre, radius = eyeball.fit_sphere(points[points[:, 2] < points[:, 2].min() + 15])
        directions, eye_faces = eyeball.polar_cage(radius)
        eyes[part] = dict(
            first=offset, count=len(directions), centre=centre, radius=radius, helper=helper, directions=directions
        )
        other = offset + len(directions) * (1 if part == "leftEye" else -1)
        append(
            part,
            sp.csr_matrix((len(directions), count)),
            eye_faces,
            other + eyeball.mirror_indices(len(directions)),
            np.full(len(directions), -1),
        )
    for part, group in TEETH_GROUPS.items():
        built = teeth.build(vertices, faces[groups == group], upper=part == "upperTeeth")
        eyes[part] = dict(first=offset, rest=built["rest"], colour=built["colour"])
        append(part, built["binding"], built["faces"], offset + built["mirror"], np.full(len(built["mirror"]), -1))
    selection("tongue", open_at_root(vertices, faces[groups == "helper-tongue"]))
    binding = sp.vstack(blocks).tocsr()
    rest = binding @ vertices
    for part in TEETH_GROUPS:
        first = eyes[part]["first"]
        rest[first : first + len(eyes[part]["rest"])] = eyes[part]["rest"]
    rest[offset - blocks[-1].shape[0] :] += TONGUE_SHIFT_MM
    for part in EYE_GROUPS:
        eye = eyes[part]
        rest[eye["first"] : eye["first"] + eye["count"]] = eye["centre"] + eye["radius"] * eye["directions"]
    all_faces = np.concatenate(cage_faces)
    face_uv = np.full((len(all_faces), 4, 2), np.nan)
    face_uv[: in_head.sum()] = uvs[face_uvs[in_head]]
    mirror = np.concatenate(mirror)
    operator, quads, edges = catmull_clark(offset, all_faces)
    corner_counts = (all_faces != eyeball.NO_VERTEX).sum(1)
    quad_part = np.repeat(np.concatenate(cage_parts), corner_counts)
    mirror2 = subdivided_mirror(mirror, all_faces, edges)
    np.savez(
        sources.WORK / "cage.npz",
        rest=rest,
        faces=all_faces.astype(np.uint16),
        face_part=np.concatenate(cage_parts).astype(np.uint8),
        mirror=mirror,
        mirror2=mirror2,
        quads=quads,
        triangles=quad_triangles(quads),
        triangle_part=np.repeat(quad_part, 2).astype(np.uint8),
        edges=edges,
        face_uv=face_uv,
        base_index=np.concatenate(base_index),
        base_vertices=vertices,
        **{f"{part}_{key}": value for part, eye in eyes.items() for key, value in eye.items()},
    )
    sp.save_npz(sources.WORK / "binding.npz", binding)
    sp.save_npz(sources.WORK / "subdivision.npz", operator)
    print(
        "cage vertices",
        offset,
        "faces",
        len(all_faces),
        "subdivided",
        operator.shape[0],
        "triangles",
        2 * len(quads),
        "row sum error",
        abs(operator.sum(1) - 1).max(),
        "mirror error mm",
        np.abs(rest[mirror] * [-1, 1, 1] - rest).max(),
    )


if __name__ == "__main__":
    build()
