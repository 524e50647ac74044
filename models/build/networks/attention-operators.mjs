/**
 * The three operators that MediaPipe added to TFLite for the attention mesh, rebuilt from ONNX operators.
 *
 * The base network predicts a coarse mesh; around eyes and lips a rotated rectangle is cut out of a feature map and a
 * small head refines the points in it. A 4x4 matrix (row-major, [1,4,4]) maps the rectangle's pixels to the crop's.
 */
import * as flexbuffers from 'flatbuffers/mjs/flexbuffers.js';

/**
 * Rotated bounding rectangle of some points as a transform.
 *
 * Options: the rectangle is level with the line through two points, encloses a subset of the points, is enlarged by
 * scale_x and scale_y, and becomes output_width x output_height pixels.
 *
 * @param points [1, n, 2 or 3], pixels of the crop
 * @param customOptions FlexBuffer map
 * @returns name of the [1,4,4] matrix
 */
export function landmarksToTransform(graph, points, customOptions) {
  const options = rotatedRectangleOptions(customOptions);
  const op = (type, ...inputs) => graph.node(type, inputs);
  const scalar = (value) => graph.floats([value]);
  const coordinate = (index, axis) => {
    const starts = graph.int64s([index, axis]);
    const ends = graph.int64s([index + 1, axis + 1]);
    return op('Reshape', op('Slice', points, starts, ends, graph.int64s([1, 2])), graph.int64s([1]));
  };

  const dx = op('Sub', coordinate(options.right_rotation_idx, 0), coordinate(options.left_rotation_idx, 0));
  const dy = op('Sub', coordinate(options.right_rotation_idx, 1), coordinate(options.left_rotation_idx, 1));
  const length = op('Sqrt', op('Add', op('Mul', dx, dx), op('Mul', dy, dy)));
  const cos = op('Div', dx, length);
  const sin = op('Div', dy, length);

  const subset = graph.node('Gather', [points, graph.int64s(options.subset_idxs)], { axis: 1 });
  const [x, y] = [0, 1].map((axis) =>
    op('Slice', subset, graph.int64s([axis]), graph.int64s([axis + 1]), graph.int64s([2])),
  );
  const across = extent(graph, op('Add', op('Mul', x, cos), op('Mul', y, sin)));
  const along = extent(graph, op('Sub', op('Mul', y, cos), op('Mul', x, sin)));

  // Centre of the rectangle, turned back into the crop's axes.
  const cx = op('Sub', op('Mul', across.centre, cos), op('Mul', along.centre, sin));
  const cy = op('Add', op('Mul', across.centre, sin), op('Mul', along.centre, cos));
  const sx = op('Mul', across.size, scalar(options.scale_x / options.output_width));
  const sy = op('Mul', along.size, scalar(options.scale_y / options.output_height));
  const m00 = op('Mul', cos, sx);
  const m01 = op('Neg', op('Mul', sin, sy));
  const m10 = op('Mul', sin, sx);
  const m11 = op('Mul', cos, sy);

  const halfWidth = scalar(options.output_width / 2);
  const halfHeight = scalar(options.output_height / 2);
  const m03 = op('Sub', cx, op('Add', op('Mul', m00, halfWidth), op('Mul', m01, halfHeight)));
  const m13 = op('Sub', cy, op('Add', op('Mul', m10, halfWidth), op('Mul', m11, halfHeight)));

  const zero = scalar(0);
  const one = scalar(1);
  const rows = [m00, m01, zero, m03, m10, m11, zero, m13, zero, zero, one, zero, zero, zero, zero, one];
  return op('Reshape', graph.node('Concat', rows, { axis: 0 }), graph.int64s([1, 4, 4]));
}

/** The options hold ints, floats and an int vector; the toolkit's own reader turns them into an object. */
function rotatedRectangleOptions(customOptions) {
  const bytes = customOptions.buffer.slice(customOptions.byteOffset, customOptions.byteOffset + customOptions.length);
  const options = flexbuffers.toObject(bytes);
  if (options.target_rotation_radians)
    throw new Error('a rectangle that is not level with its two points is not supported');
  return { ...options, subset_idxs: Array.from(options.subset_idxs) };
}

/** Size and centre of the range of a [1, n, 1] value. */
function extent(graph, value) {
  const reduce = (type) => {
    const reduced = graph.node(type, [value], { axes: [1, 2], keepdims: 0 });
    return graph.node('Reshape', [reduced, graph.int64s([1])]);
  };
  const low = reduce('ReduceMin');
  const high = reduce('ReduceMax');
  return {
    size: graph.node('Sub', [high, low]),
    centre: graph.node('Mul', [graph.node('Add', [low, high]), graph.floats([0.5])]),
  };
}

/**
 * Maps 2D points by the matrix.
 *
 * @param points [1, n, 2]
 * @param matrix [1, 4, 4]
 */
export function transformLandmarks(graph, points, matrix) {
  const block = (starts, ends) => {
    const inputs = [matrix, graph.int64s(starts), graph.int64s(ends), graph.int64s([1, 2])];
    return graph.node('Transpose', [graph.node('Slice', inputs)], { perm: [0, 2, 1] });
  };
  const linear = block([0, 0], [2, 2]);
  const translation = block([0, 3], [2, 4]);
  return graph.node('Add', [graph.node('MatMul', [points, linear]), translation]);
}

/**
 * Cuts the rectangle out of a feature map by bilinear sampling (version 2 of the operator): output pixel p takes the
 * input at matrix * (p + 0.5) - 0.5, and is 0 where that lies outside the outermost pixel centres.
 *
 * @param features [1, C, H, W]
 * @param from input shape, NHWC
 * @param to output shape, NHWC
 */
export function transformTensor(graph, features, matrix, from, to) {
  const [, height, width] = from;
  const [, rows, columns] = to;
  const centres = [];
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) centres.push(x + 0.5, y + 0.5);

  const position = transformLandmarks(graph, graph.floats(centres, [1, rows * columns, 2]), matrix);
  const scaled = graph.node('Mul', [position, graph.floats([2 / width, 2 / height])]);
  const normalised = graph.node('Sub', [scaled, graph.floats([1, 1])]);
  const grid = graph.node('Reshape', [normalised, graph.int64s([1, rows, columns, 2])]);
  const sampled = graph.node('GridSample', [features, grid], {
    align_corners: 0,
    mode: 'bilinear',
    padding_mode: 'zeros',
  });

  const aboveLow = graph.node('GreaterOrEqual', [position, graph.floats([0.5, 0.5])]);
  const belowHigh = graph.node('LessOrEqual', [position, graph.floats([width - 0.5, height - 0.5])]);
  const inside = graph.node('Cast', [graph.node('And', [aboveLow, belowHigh])], { to: 1 });
  const bothAxes = graph.node('ReduceMin', [inside], { axes: [2], keepdims: 0 });
  const mask = graph.node('Reshape', [bothAxes, graph.int64s([1, 1, rows, columns])]);
  return graph.node('Mul', [sampled, mask]);
}
