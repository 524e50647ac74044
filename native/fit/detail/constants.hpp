// The numbers of the detail fit, chosen on heads 100 to 103 of bench/detail (both sets) and by looking at photos.
#pragma once

namespace hrn::fit::detail {

/// Texels of a map of 1024 on the cheeks and the forehead are about this wide, mm.
constexpr double kTexelMm = 0.3;
/// What is smooth over this many millimetres is not the map's, unless a step of about a bin's log light parts it.
constexpr double kSmoothMm = 5;
constexpr long kBins = 13;
constexpr float kBinWidth = 0.22f;
/// Prior of heights, per square millimetre and in units of one pixel's squared log light: of their gradient, Laplacian
/// (mm^2) and value (mm^-2); the last is stronger where the photo tells nothing, so that the map ends there by itself.
constexpr float kTilt = 0.05f, kBend = 0.05f, kLift = 0.03f, kLiftUnseen = 0.3f;
/// Log light that a furrow loses per mm of depth: it sees less of what is around. As a part of what shading is, this
/// also finds folds that run along the light. The walls of what is finer than the level before are nearer.
constexpr float kSky = 0.15f, kFineSky = 0.5f;
/// Log light within kDoubtMm below which what is left is noise and misfit rather than wrinkles: half the weight there.
constexpr float kFaint = 0.01f;
/// Shading is told from what passes for it twice, for what is finer than its mean over so many mm and for that mean,
/// since smooth skin leaves little that is fine: log light that is left there (pigment, noise, misfit of the light),
/// and how far folds and borders of the smooth surface lie beside those that the photo shows, mm. Of shading that is
/// not stronger than what either leaves little is relief. Over how much strengths are averaged, mm.
constexpr double kBroadMm = 2.5, kStrengthMm = 4;
constexpr float kFineNoise = 0.02f, kFineMisplacedMm = 0.4f;
constexpr float kBroadNoise = 0.05f, kBroadMisplacedMm = 0.6f;
/// What a texel of a black-and-white photo counts, where nothing tells pigment from shading.
constexpr float kGreyTrust = 0.4f;
/// See RowArgs.
constexpr float kChromaLimit = 6, kLimit = 0.6f;
/// Over how much a texel's colours are doubted with its neighbours', mm: chroma is coarser than brightness in a JPEG.
constexpr double kDoubtMm = 0.6;
/// Hair and stubble: over how much their grain is averaged, mm; see RowArgs.
constexpr double kGrainMm = 2.5;
constexpr float kGrainLimit = 0.0015f;
/// Conjugate gradients: steps on a level of 1024 texels a side, on others inversely to their side; where they may end.
constexpr long kIterations = 40;
constexpr double kTolerance = 0.003;
/// What is wider counts as a fold, mm.
constexpr double kFoldMm = 1.5;
/// Over how much the map fades where what is trusted ends, mm.
constexpr double kFadeMm = 2.5;

}  // namespace hrn::fit::detail
