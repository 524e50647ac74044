"""One Catmull-Clark step as a sparse linear operator over cage vertices.

Faces are rows of four indices; a triangle has NO_VERTEX in its last column. The output vertices are ordered cage
vertices, then edge points (in order of first appearance), then face points; every face yields one quad per corner,
all quads of a face together, so that faces grouped by part stay grouped. native/core/catmull_clark.hpp mirrors this.
"""

import numpy as np
import scipy.sparse as sp

NO_VERTEX = 0xFFFF


def face_corners(face):
    return [int(v) for v in face if v != NO_VERTEX]


def catmull_clark(vertex_count, faces):
    """Returns (operator [V2,V] csr, quads [Q,4], edges [E,2])."""
    corners = [face_corners(f) for f in faces]
    edge_ids, edge_faces = {}, []
    face_edges = []
    for index, ring in enumerate(corners):
        ids = []
        for k, a in enumerate(ring):
            b = ring[(k + 1) % len(ring)]
            key = (min(a, b), max(a, b))
            if key not in edge_ids:
                edge_ids[key] = len(edge_ids)
                edge_faces.append([])
            edge_faces[edge_ids[key]].append(index)
            ids.append(edge_ids[key])
        face_edges.append(ids)
    edges = np.array(list(edge_ids))
    rows, cols, values = [], [], []

    def add(row, indices, weight):
        rows.extend([row] * len(indices))
        cols.extend(indices)
        values.extend([weight] * len(indices))

    vertex_faces = [[] for _ in range(vertex_count)]
    vertex_edges = [[] for _ in range(vertex_count)]
    boundary_neighbours = [[] for _ in range(vertex_count)]
    for index, ring in enumerate(corners):
        for v in ring:
            vertex_faces[v].append(index)
    for (a, b), adjacent in zip(edges, edge_faces):
        vertex_edges[a].append(int(b))
        vertex_edges[b].append(int(a))
        if len(adjacent) == 1:
            boundary_neighbours[a].append(int(b))
            boundary_neighbours[b].append(int(a))
    for v in range(vertex_count):
        if boundary_neighbours[v]:
            add(v, [v], 0.75)
            add(v, boundary_neighbours[v], 0.25 / len(boundary_neighbours[v]))
            continue
        n = len(vertex_faces[v])
        add(v, [v], 1 - 2 / n)
        add(v, vertex_edges[v], 1 / n / n)
        for f in vertex_faces[v]:
            add(v, corners[f], 1 / n / n / len(corners[f]))
    for index, ((a, b), adjacent) in enumerate(zip(edges, edge_faces)):
        row = vertex_count + index
        if len(adjacent) == 1:
            add(row, [int(a), int(b)], 0.5)
            continue
        add(row, [int(a), int(b)], 0.25)
        for f in adjacent:
            add(row, corners[f], 0.25 / len(corners[f]))
    first_face_point = vertex_count + len(edges)
    quads = []
    for index, (ring, ids) in enumerate(zip(corners, face_edges)):
        add(first_face_point + index, ring, 1 / len(ring))
        for k, v in enumerate(ring):
            quads.append((v, vertex_count + ids[k], first_face_point + index, vertex_count + ids[k - 1]))
    operator = sp.csr_matrix((values, (rows, cols)), shape=(first_face_point + len(faces), vertex_count))
    operator.sum_duplicates()
    return operator, np.array(quads), edges


def quad_triangles(quads):
    """Two triangles per quad, adjacent in the list."""
    return np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], 1).reshape(-1, 3)


def subdivided_mirror(mirror, faces, edges):
    """Mirror permutation of the subdivided vertices from that of the cage, by topology alone."""
    vertex_count = len(mirror)
    edge_ids = {(int(a), int(b)): i for i, (a, b) in enumerate(edges)}
    edge_mirror = [edge_ids[tuple(sorted((int(mirror[a]), int(mirror[b]))))] for a, b in edges]
    face_ids = {frozenset(face_corners(f)): i for i, f in enumerate(faces)}
    face_mirror = [face_ids[frozenset(int(mirror[v]) for v in face_corners(f))] for f in faces]
    return np.concatenate(
        [mirror, vertex_count + np.array(edge_mirror), vertex_count + len(edges) + np.array(face_mirror)]
    )
