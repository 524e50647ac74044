// Prior covariance of a map: a zero-mean Gaussian process over the UV square, smooth on given scales and correlated
// with its mirror image. Applied to a gradient it gives the natural direction of descent: with E the data term and K
// the covariance, the minimum of E(x) + x^T K^-1 x / 2 is approached along -(K dE/dx + x), and K^-1 is never needed.
#pragma once
#include <vector>

#include "core/array.hpp"
#include "fit/deformation/map_scale.hpp"
#include "optim/sobolev.hpp"

namespace hrn {
class CpuBackend;
}

namespace hrn::fit {

class MapCovariance {
 public:
  // `mirror`: correlation of a texel with its mirror image (u -> 1 - u), 0..1; `vectors`: the first of the three
  // channels changes sign in the mirror.
  MapCovariance(long size, const std::vector<MapScale>& scales, double mirror, bool vectors, const CpuBackend& backend);

  // map = K map, [size][size][3]. The same for any number of threads.
  void apply(HostArray<float>& map, const CpuBackend& backend);

 private:
  long size_;
  float mirror_;
  bool vectors_;
  std::vector<optim::SobolevSmoother<float>> smoothers_;
  std::vector<float> gains_;
  HostArray<float> sum_, scratch_;
};

}  // namespace hrn::fit
