// The numbers of the detail fit, chosen between settings that bench/detail was run with; these themselves were not.
#pragma once

namespace hrn::fit::detail {

/// Texels of a map of 1024 on the cheeks and the forehead are about this wide, mm.
constexpr double kTexelMm = 0.3;
/// What is smooth over this many millimetres is not the map's, unless a step of about a bin's log light parts it.
constexpr double kSmoothMm = 5;
constexpr long kBins = 13;
constexpr float kBinWidth = 0.22f;
/// Prior of heights, per square millimetre and in units of one pixel's squared log light: of their gradient, Laplacian
/// (mm^2) and value (mm^-2).
constexpr float kTilt = 0.1f, kBend = 0.05f, kLift = 0.03f;
/// See RowArgs.
constexpr float kChromaLimit = 6, kLimit = 0.2f, kLimitAtFirst = 0.3f;
/// Hair and stubble: over how much their grain is averaged, mm; see RowArgs.
constexpr double kGrainMm = 2.5;
constexpr float kGrainLimit = 0.004f;
/// Conjugate gradients: steps of a level and of the finest one, and where they may end.
constexpr int kIterations = 60, kLastIterations = 30;
constexpr double kTolerance = 0.03;
/// What is wider counts as a fold, mm.
constexpr double kFoldMm = 1.5;

}  // namespace hrn::fit::detail
