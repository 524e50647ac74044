// The texture stage: normals, fitted colours and visibility of the final head, then the bake.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/cancel.hpp"
#include "core/thread_pool.hpp"
#include "fit/head/camera_pose.hpp"
#include "fit/head/model.hpp"
#include "imaging/image.hpp"
#include "imaging/tone.hpp"

namespace hrn::fit {

// A soft mask of the photo: value at photo pixel p is mask[from_photo(p)].
struct PersonMask {
  std::vector<float> values;  // [height][width], 0..1; empty: everything belongs to the person
  std::vector<float> skin;    // [height][width], 0..1: how far the pixel shows skin; empty: everything does
  int width = 0, height = 0;
  std::array<float, 6> from_photo{};  // affine, row-major 2x3, photo pixels to mask pixels
  // [height][width], 0..1: whether the pixel lies between lids or lips; empty: eyes and teeth are seen wherever they
  // are in front
  std::vector<float> opening{};
  std::vector<float> hair{};  // [height][width], 0..1: how far the pixel shows hair; empty: nothing does
};

struct TextureProblem {
  std::vector<float> positions;  // [V][3], mm, head frame
  CameraPose camera;
  std::vector<double> albedo;         // [albedo_count]
  std::array<double, 27> lighting{};  // [3][9], view frame
  PersonMask person;
  // [V] or empty: how far a vertex goes down with its upper lid as an eye shuts, in shares of the lid's way
  std::vector<float> lids;
  // [expression_count] or empty: weights that are worn; lines that they draw on cheeks are no albedo
  std::vector<double> worn;
  std::vector<std::uint8_t> sights;  // [V] or empty: how the photo shows each vertex, a Sight
  // [V][4] or empty: colour, sRGB-encoded 0..1, of what the photo does not show at a vertex, and how far it is known;
  // what is not known is the model's colour corrected towards the photo
  std::vector<float> paint;
  // Room for the texture without light, [size][size][3], or empty: it is not wanted.
  std::span<std::uint8_t> albedo_rgb{};
  imaging::Tone tone;  // of a photo in black and white, or dyed: the texture has no other colours either
  int size = 2048;     // texels a side
};

/// Throws Error(invalid_argument).
void check_texture_problem(const Model& model, const TextureProblem& problem, std::span<const std::uint8_t> rgb);

/// Writes the texture to `rgb` ([size][size][3], sRGB, rows from v = 0) and returns the vertices' unit normals [V][3].
/// Throws Error(invalid_argument), Error(cancelled). Bit-identical for any thread count.
std::vector<float> recover_texture(const Model& model, const imaging::Image& photo, const TextureProblem& problem,
                                   std::span<std::uint8_t> rgb, ThreadPool& pool, const Cancel& cancel);

}  // namespace hrn::fit
