// Photos of a head laid out on its UV square.
#pragma once
#include <cstdint>
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/head/model.hpp"
#include "fit/views/plane.hpp"
#include "fit/views/registration.hpp"

namespace hrn::fit {

/// Skin that a fit moves, without ears and what hair or clothes hide.
bool takes_part(const Model& model, std::size_t vertex);

// Whose the texels are: corners of the triangle (-1: nobody's) and how much of each.
struct Layout {
  std::vector<std::int32_t> corners;  // [texels][3]
  std::vector<float> weights;         // [texels][3]

  bool has(std::size_t texel) const { return corners[3 * texel] >= 0; }
  template <class Value>
  float mix(std::size_t texel, const Value& value) const {
    float sum = 0;
    for (std::size_t k = 3 * texel; k < 3 * texel + 3; ++k)
      sum += weights[k] * value(static_cast<std::size_t>(corners[k]));
    return sum;
  }
};

Layout lay_out(const Model& model, ThreadPool& pool);

// A photo laid out on the UV square.
struct Sheet {
  Plane x, y;    // photo pixels where the head's surface lies
  Plane grey;    // 0..1
  Plane weight;  // how far it is seen, 0..1
  Plane u, v;    // where the common texture lies in it, texels away
  Plane relief;  // grey without its mean, of unit contrast
};

/// `view`: a checked one.
Sheet lay_out_photo(const Model& model, const RegisteredView& view, const Layout& layout, ThreadPool& pool);

}  // namespace hrn::fit
