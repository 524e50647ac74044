/**
 * Reads the point numbers of the face mesh out of the pinned package: which rows of the refinement outputs are which
 * points (options of the attention mesh's operators), and which point is whose mirror image (canonical face model in
 * geometry_pipeline_metadata_landmarks.binarypb).
 *
 * node models/build/networks/mesh-constants.mjs   prints JSON { lips, imageLeftEye, imageRightEye, mirror }; the lists
 * stand in lib/stages/mesh-points.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as flexbuffers from 'flatbuffers/mjs/flexbuffers.js';
import protobuf from 'protobufjs';
import { fetchPackage, readSource } from './fetch-source.mjs';
import { networks } from './sources.mjs';
import { readTflite } from './tflite-reader.mjs';

const VERTEX_FLOATS = 5;

/** Of mediapipe/modules/face_geometry/protos: only what is read. */
const GeometryMetadata = protobuf
  .parse(`
  syntax = "proto2";
  message Mesh { repeated float vertex_buffer = 3; }
  message GeometryMetadata { optional Mesh canonical_mesh = 1; }
`)
  .root.lookupType('GeometryMetadata');

/** Point numbers in the three rectangles, in the order of the operators. */
function subsets(tflite) {
  return readTflite(tflite)
    .operators.filter(({ type }) => type === 'Landmarks2TransformMatrix')
    .map(({ customOptions }) => Array.from(flexbuffers.toObject(customOptions.slice().buffer).subset_idxs));
}

function mirrorPoints(binary) {
  const { vertexBuffer } = GeometryMetadata.decode(binary).canonicalMesh;
  const points = Array.from({ length: vertexBuffer.length / VERTEX_FLOATS }, (_, i) =>
    vertexBuffer.slice(VERTEX_FLOATS * i, VERTEX_FLOATS * i + 3),
  );
  return points.map(([x, y, z]) => {
    const distances = points.map((other) => Math.hypot(other[0] + x, other[1] - y, other[2] - z));
    return distances.indexOf(Math.min(...distances));
  });
}

const network = networks.find(({ file }) => file === 'face-landmarks.onnx');
const folder = await mkdtemp(path.join(tmpdir(), 'hrn-networks-'));
try {
  const unpacked = await fetchPackage(network.package, folder);
  const geometry = { ...network.source, asset: 'geometry_pipeline_metadata_landmarks.binarypb' };
  const [lips, imageLeftEye, imageRightEye] = subsets(await readSource(network.source, unpacked));
  console.log(
    JSON.stringify({ lips, imageLeftEye, imageRightEye, mirror: mirrorPoints(await readSource(geometry, unpacked)) }),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
