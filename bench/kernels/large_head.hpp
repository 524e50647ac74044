// A synthetic head of the embedded head's size: 21,440 vertices, 42,294 triangles, 478 landmarks.
#pragma once
#include <memory>

#include "fit/head/model.hpp"
#include "synthetic_head.hpp"

namespace hrn::bench {

inline const fit::Model& large_head() {
  static const std::shared_ptr<const fit::Model> model = [] {
    test::SyntheticHeadSize size;
    size.columns = 160;
    size.rows = 134;
    size.identity = 120;
    size.expression = 52;
    size.albedo = 12;
    size.landmarks = 478;
    return fit::build_model(test::synthetic_head(size)->source);
  }();
  return *model;
}

}  // namespace hrn::bench
