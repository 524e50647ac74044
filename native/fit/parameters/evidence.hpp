// How far a fit's shape rests on what was seen: of every vertex the share of the uncertainty before that landmarks,
// colours, outline and normals have taken away.
#pragma once
#include <span>
#include <vector>

#include "core/thread_pool.hpp"
#include "fit/head/model.hpp"

namespace hrn::fit {

/**
 * `1 - deviation left / deviation believed before`, both of a vertex along its normal.
 *
 * @param prior_sigma [shape], deviations of the coefficients believed before the photo was looked at
 * @param covariance [shape][shape], of the first `identity_count` identity and all expression coefficients after the
 * fit
 * @param positions [V][3], mm, of the fitted head
 * @return [V], 0 (the prior's guess) to 1 (known)
 */
std::vector<float> shape_evidence(const Model& model, long identity_count, std::span<const double> prior_sigma,
                                  std::span<const double> covariance, const std::vector<float>& positions,
                                  ThreadPool& pool);

}  // namespace hrn::fit
