// A volume of hair around a fitted head: a shell over scalp and neck, as thick as the photo's outline of the hair says.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/head/camera_pose.hpp"
#include "fit/head/model.hpp"
#include "imaging/dense_classes.hpp"
#include "imaging/face_view.hpp"
#include "imaging/image.hpp"

namespace hrn::fit {

struct HairVolume {
  // All empty where the photo shows no hair.
  std::vector<float> positions;        // [vertices][3], mm, head frame
  std::vector<float> normals;          // [vertices][3], unit
  std::vector<float> uvs;              // [vertices][2], 0..1, origin top left
  std::vector<std::uint32_t> indices;  // [triangles][3], counter-clockwise from outside
  std::vector<std::uint8_t> rgb;       // [kHairTextureHeight][kHairTextureWidth][3], sRGB
};

inline constexpr long kHairTextureWidth = 1024, kHairTextureHeight = 512;

/// `positions`: [V][3], mm, head frame. `classes` of the face's square are believed where it reaches, `wide` of a
/// larger one beyond it. Throws Error(invalid_argument), Error(cancelled). The same for any number of threads.
HairVolume hair_volume(const Model& model, const imaging::Image& photo, std::span<const float> positions,
                       const CameraPose& camera, const imaging::FaceView& view, const imaging::DenseClasses& classes,
                       const imaging::DenseClasses& wide, ThreadPool& pool);

}  // namespace hrn::fit
