#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "backends/cuda/cuda_backend.cuh"
#include "backends/cuda/device.hpp"
#include "fit/cuda_fits.hpp"
#include "fit/deformation/fit.hpp"
#include "fit/deformation/fused.hpp"
#include "fit/detail/fit.hpp"
#include "fit/head/resident_model.hpp"
#include "fit/parameters/cuda_term.cuh"
#include "fit/parameters/least_squares.hpp"
#include "fit/reference/run.hpp"
#include "fit/texture/fit.hpp"

namespace hrn::fit {

struct CudaFits::State {
  explicit State(int index) : device(index) {}

  /// What is on the device of one model, for as long as the model lives.
  template <class M, class... Parts>
  struct Resident {
    std::weak_ptr<const M> model;
    std::tuple<std::shared_ptr<const Parts>...> parts;
  };
  using Head = Resident<Model, ResidentModel<CudaBackend>, CudaPhotometricMesh>;
  using ReferenceFace = Resident<reference::Model, reference::ResidentModel<CudaBackend>>;

  const int device;
  std::mutex mutex;
  std::unique_ptr<CudaBackend> home;  // owns what is resident
  std::vector<Head> heads;
  std::vector<ReferenceFace> reference_faces;
  std::vector<std::unique_ptr<CudaBackend>> idle;  // what one job has to itself: streams, scratch memory

  /// Runs a job on the model. What fails on the device is noted, and it is not chosen again.
  template <class M, class... Parts, class Job>
  auto run(std::vector<Resident<M, Parts...>>& all, const std::shared_ptr<const M>& model, Job&& job) {
    try {
      const auto parts = resident(all, model);
      return in_lane([&](CudaBackend& backend) {
        return std::apply([&](const auto&... part) { return job(backend, *part...); }, parts);
      });
    } catch (const Error& error) {
      if (error.code() == ErrorCode::device_failed) note_cuda_failure(device, error.what());
      throw;
    }
  }

  /// The model on the device, put there by the first who asks.
  template <class M, class... Parts>
  auto resident(std::vector<Resident<M, Parts...>>& all, const std::shared_ptr<const M>& model) {
    const std::lock_guard lock(mutex);
    std::erase_if(all, [](const auto& e) { return e.model.expired(); });
    for (const auto& e : all)
      if (e.model.lock() == model) return e.parts;
    cuda::check(cudaSetDevice(device), "choosing the GPU");
    if (!home) home = std::make_unique<CudaBackend>(device);
    all.push_back({model, {std::make_shared<Parts>(*model, *home)...}});
    home->wait();
    return all.back().parts;
  }

  /// A lane goes back only from a job that succeeded: after a failure its stream is not trusted.
  template <class Job>
  auto in_lane(Job&& job) {
    std::unique_ptr<CudaBackend> lane;
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        lane = std::move(idle.back());
        idle.pop_back();
      }
    }
    cuda::check(cudaSetDevice(device), "choosing the GPU");
    if (!lane) lane = std::make_unique<CudaBackend>(device);
    auto result = job(*lane);
    lane->wait();
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(lane));
    return result;
  }
};

CudaFits::CudaFits(int device) : state_(std::make_unique<State>(device)) {}
CudaFits::~CudaFits() = default;

DeformationResult CudaFits::deformation(const std::shared_ptr<const Model>& model, const DeformationProblem& problem,
                                        const Cancel& cancel, const Progress& progress) {
  check_deformation_problem(*model, problem);
  return state_->run(state_->heads, model, [&](CudaBackend& backend, const auto& resident, const auto&) {
    return run_deformation<FusedIteration<CudaBackend>>(*model, resident.arrays(), problem, backend, cancel, progress);
  });
}

std::vector<float> CudaFits::texture(const std::shared_ptr<const Model>& model, const imaging::Image& photo,
                                     const TextureProblem& problem, std::span<std::uint8_t> rgb, const Cancel& cancel) {
  check_texture_problem(*model, problem, rgb);
  return state_->run(state_->heads, model, [&](CudaBackend& backend, const auto& resident, const auto&) {
    return run_texture(*model, resident.arrays(), photo, problem, rgb.data(), backend, cancel);
  });
}

DetailResult CudaFits::detail(const std::shared_ptr<const Model>& model, const imaging::Image& photo,
                              const DetailProblem& problem, ThreadPool& pool, const Cancel& cancel,
                              const Progress& progress) {
  const detail::Resolved resolved = detail::resolve(*model, photo, problem, pool);
  return state_->run(state_->heads, model, [&](CudaBackend& backend, const auto& resident, const auto&) {
    return run_detail(*model, resident.arrays(), problem, resolved, backend, cancel, progress);
  });
}

PhotometricResult CudaFits::photometric(const std::shared_ptr<const Model>& model, const PhotometricProblem& problem,
                                        ThreadPool& pool, const Cancel& cancel, const Progress& progress) {
  check_photometric_problem(*model, problem);
  return state_->run(state_->heads, model, [&](CudaBackend& backend, const auto& resident, const auto& mesh) {
    const ModelArrays arrays = resident.arrays();
    CudaPhotometricTerm term(*model, arrays, mesh, problem.landmarks.identity_count, backend);
    HeadSurface<CudaBackend> surface(*model, arrays, backend);
    return run_photometric(*model, problem, term, surface, backend, pool, cancel, progress);
  });
}

reference::Result CudaFits::reference(const std::shared_ptr<const reference::Model>& model,
                                      const reference::Problem& problem, const Cancel& cancel,
                                      const Progress& progress) {
  reference::check_problem(*model, problem);
  return state_->run(state_->reference_faces, model, [&](CudaBackend& backend, const auto& resident) {
    return reference::run(backend, *model, resident.arrays(), problem, cancel, progress);
  });
}

}  // namespace hrn::fit
