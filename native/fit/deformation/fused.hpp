// The iteration of loop.hpp in fewer and larger kernels, for a device on which starting one takes longer than most of
// them run: an element does in one go what it needs of its own, face normals and their gradients are computed anew for
// every corner in place of passes of their own, and both maps take their steps together. What an element computes is
// the source of ops/, losses/ and map_descent.hpp. A map takes its step when its next direction is made; whoever reads
// it before that takes the step into account.
#pragma once
#include "fit/deformation/dense_map_covariance.hpp"
#include "fit/deformation/energy_log.hpp"
#include "fit/deformation/loop.hpp"
#include "fit/deformation/map_descent.hpp"

namespace hrn::fit {

struct FusedMap {
  DescentArgs step;
  DenseCovarianceArgs prior;
};

/// Everything an iteration reads and writes.
struct FusedArgs {
  DeformationArgs loop;
  FusedMap shape, colour;
  EnergyLogArgs log;
  double* sums = nullptr;                  // [kDataSums]
  double* largest = nullptr;               // [2], of the last directions of shape and colour, zero at first
  Descent::Schedule* schedules = nullptr;  // [2]
  float* pending = nullptr;                // [2], factors of the steps that Direction still takes

  HRN_HD const FusedMap& map(long which) const { return which == 0 ? shape : colour; }
};

struct Fused {
  /// Of the step that the last Direction has decided.
  HRN_HD static float factor(const FusedArgs& args, long which) {
    const double second = Descent::remember(args.map(which).step.state->second, args.largest[which]);
    return Descent::factor(args.schedules[which], second);
  }
  /// A map's entry after a step.
  HRN_HD static float stepped(const DescentArgs& a, float factor, long entry) {
    return a.map[entry] - factor * a.momentum[entry];
  }
  /// A sample of the map after its step, which is not taken yet: nobody may write what others read.
  HRN_HD static void sample_stepped(const ops::UvSampleArgs<float>& a, const DescentArgs& step, float factor, long v) {
    constexpr int kRow = 2 * 3;
    ops::UvTap<float> tap = a.taps[v];
    float block[2 * kRow] = {};
    if (tap.first >= 0) {
      for (int i = 0; i < 2 * kRow; ++i)
        block[i] = stepped(step, factor, 3 * (tap.first + i / kRow * a.size) + i % kRow);
      tap.first = 0;
    }
    ops::UvSample<3>::sample(block, 2, tap, a.values + 3 * v);
  }
  /// Per vertex: where it is, in the head and in the picture, and its albedo.
  struct Place {
    HRN_HD static void run(const FusedArgs& args, long v) {
      const DeformationArgs& a = args.loop;
      sample_stepped(a.sample_shape, args.shape.step, factor(args, 0), v);
      Displace::Forward::run(a.displace_shape, v);
      ops::PoseProject::forward(a.project, v);
      sample_stepped(a.sample_colour, args.colour.step, factor(args, 1), v);
      Displace::Forward::run(a.displace_colour, v);
    }
  };
  /// Per vertex: its normal and colour.
  struct Light {
    HRN_HD static void run(const FusedArgs& args, long v) {
      ops::Normals::forward_vertex(args.loop.normals, v);
      ops::Shade::forward(args.loop.shade, v);
    }
  };
  /// Per pixel, then per landmark: colour, penalties (reduced to kDataSums) and their gradients.
  struct Penalise {
    HRN_HD static void run(const FusedArgs& args, long i, double* sum) {
      const DeformationArgs& a = args.loop;
      if (i < a.pixels) {
        ops::Interpolate<3>::forward(a.interpolate, i);
        losses::Photometric::forward(a.photo, i, sum);
        losses::Photometric::backward(a.photo, i);
      } else {
        losses::Landmark::forward(a.landmark, i - a.pixels, sum + losses::Photometric::kReduced);
        losses::Landmark::backward(a.landmark, i - a.pixels);
      }
    }
  };
  /// Per triangle: gradients of its corners. The first two write down what the step before has left: its factor, its
  /// largest entry in the running mean, and how long the one to come shall be.
  struct ToCorners {
    HRN_HD static void run(const FusedArgs& args, long t) {
      ops::Interpolate<3>::backward_both(args.loop.interpolate, t);
      if (t < 2) {
        const DescentArgs& step = args.map(t).step;
        DescentState& s = *step.state;
        args.pending[t] = s.steps > 0 ? factor(args, t) : 0.f;
        if (s.steps > 0) s.second = Descent::remember(s.second, args.largest[t]);
        args.schedules[t] = Descent::schedule(step, s.steps);
        s.steps += 1;
      }
      if (t == 0) EnergyLog::run(args.log, 0);
    }
  };
  /// Per vertex: gradients of its colour, its place in the picture, its albedo and its unnormalised normal.
  struct ToVertices {
    HRN_HD static void run(const FusedArgs& args, long v) {
      const DeformationArgs& a = args.loop;
      ops::CornerGather<3>::forward(a.gather_colours, v);
      ops::CornerGather<3>::forward(a.gather_screen, v);
      ops::CornerGather<3>::Add::run(a.gather_landmarks, v);
      ops::Shade::backward_albedo(a.shade, v);
      ops::Shade::backward_normals(a.shade, v);
      ops::Normals::backward_vertex(a.normals, v);
    }
  };
  /// Per vertex: gradients of what both maps moved it by.
  struct ToOffsets {
    HRN_HD static void run(const FusedArgs& args, long v) {
      const DeformationArgs& a = args.loop;
      store3(a.grad_positions, v, ops::Normals::position_gradient(a.normals, v));
      ops::PoseProject::backward(a.project, v);
      Displace::Backward::run(a.displace_shape, v);
      Displace::Backward::run(a.displace_colour, v);
    }
  };
  /// Per texel of one map, then of the other.
  struct ToMaps {
    HRN_HD static void run(const FusedArgs& args, long i) {
      const DeformationArgs& a = args.loop;
      ops::UvSample<3>::backward(i < a.texels ? a.sample_shape : a.sample_colour, i % a.texels);
    }
  };
  /// Per entry of one map at every scale, then of the other.
  struct Columns {
    HRN_HD static void run(const FusedArgs& args, long i) {
      const long first = 3 * args.loop.texels * args.shape.prior.scales;
      const bool colour = i >= first;
      DenseCovariance::Columns::run(args.map(colour).prior, colour ? i - first : i);
    }
  };
  /// Per entry of one map, then of the other.
  struct Rows {
    HRN_HD static void run(const FusedArgs& args, long i) {
      const long entries = 3 * args.loop.texels;
      DenseCovariance::Rows::run(args.map(i / entries).prior, i % entries);
    }
  };
  /// The same; takes the step before, and reduces to the largest entries of both new directions.
  struct Direction {
    HRN_HD static void run(const FusedArgs& args, long i, double* largest) {
      const long entries = 3 * args.loop.texels, which = i / entries, entry = i % entries;
      const DescentArgs& step = args.map(which).step;
      step.map[entry] = stepped(step, args.pending[which], entry);
      DenseCovariance::Mirror::run(args.map(which).prior, entry);
      Descent::Direction::run(step, entry, largest + which);
    }
    HRN_HD static double combine(double x, double y) { return Descent::Direction::combine(x, y); }
  };
  /// The same: takes the last step.
  struct Move {
    HRN_HD static void run(const FusedArgs& args, long i) {
      const long entries = 3 * args.loop.texels, which = i / entries, entry = i % entries;
      const DescentArgs& step = args.map(which).step;
      step.map[entry] = stepped(step, factor(args, which), entry);
    }
  };
};

/// For a backend with DenseMapCovariance.
template <class B>
class FusedIteration {
  template <class T>
  using Array = typename B::template Array<T>;

 public:
  using Prior = DenseMapCovariance<B>;
  using Maps = MapDescent<B, Prior>;

  FusedIteration(DeformationLoop<B>& loop, Maps& shape, Maps& colour, EnergyLogArgs log, B& backend)
      : loop_(loop),
        backend_(backend),
        offset_(backend.template alloc<float>(loop.positions().size())),
        sums_(backend.template alloc<double>(kDataSums)),
        largest_(backend.template alloc<double>(2)),
        schedules_(backend.template alloc<Descent::Schedule>(2)),
        pending_(backend.template alloc<float>(2)) {
    args_.loop = loop.arguments(shape.map().data(), colour.map().data(), shape.gradient().data(),
                                colour.gradient().data(), offset_.data());
    args_.loop.normals.crosses = nullptr;
    args_.shape = {shape.arguments(), shape.covariance().arguments(shape.gradient().data())};
    args_.colour = {colour.arguments(), colour.covariance().arguments(colour.gradient().data())};
    args_.log = log;
    args_.log.sums = args_.sums = sums_.data();
    args_.largest = largest_.data();
    args_.schedules = schedules_.data();
    args_.pending = pending_.data();
  }

  /// See PlainIteration.
  void forward() {
    backend_.template for_each<Fused::Place>(args_.loop.vertices, args_);
    backend_.template for_each<Fused::Light>(args_.loop.vertices, args_);
    loop_.rasterize();
  }
  void show() { loop_.interpolate(); }
  void iterate() {
    const DeformationArgs& a = args_.loop;
    const long entries = 3 * a.texels;
    backend_.template reduce_to<Fused::Penalise, kDataSums>(a.pixels + a.landmarks, args_, sums_.data());
    backend_.template for_each<Fused::ToCorners>(a.triangles, args_);
    backend_.template for_each<Fused::ToVertices>(a.vertices, args_);
    backend_.template for_each<Fused::ToOffsets>(a.vertices, args_);
    backend_.template for_each<Fused::ToMaps>(2 * a.texels, args_);
    backend_.template for_each<Fused::Columns>(entries * (args_.shape.prior.scales + args_.colour.prior.scales), args_);
    backend_.template for_each<Fused::Rows>(2 * entries, args_);
    backend_.template reduce_to<Fused::Direction, 2>(2 * entries, args_, largest_.data());
    forward();
  }
  void finish() { backend_.template for_each<Fused::Move>(6 * args_.loop.texels, args_); }

 private:
  DeformationLoop<B>& loop_;
  B& backend_;
  Array<float> offset_;
  Array<double> sums_, largest_;
  Array<Descent::Schedule> schedules_;
  Array<float> pending_;
  FusedArgs args_;
};

}  // namespace hrn::fit
