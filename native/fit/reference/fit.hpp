// The reference's fitting loop as a whole: Adam on everything at once.
#pragma once
#include "core/cancel.hpp"
#include "core/progress.hpp"
#include "core/thread_pool.hpp"
#include "fit/reference/model.hpp"
#include "fit/reference/problem.hpp"

namespace hrn::fit::reference {

/// Throws Error(invalid_argument) where the problem does not fit the model.
void check_problem(const Model& model, const Problem& problem);

/// On the CPU. Throws Error(invalid_argument) where the problem does not fit the model, Error(cancelled).
Result fit(const Model& model, const Problem& problem, ThreadPool& pool, const Cancel& cancel,
           const Progress& progress);

}  // namespace hrn::fit::reference
