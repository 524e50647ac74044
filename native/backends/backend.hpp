// What a backend offers to the fit loops, which are templates over it. Everything else about a device stays behind
// these verbs. The kernels (K below) are the Forward/Backward structs of ops/ and losses/, the same for every backend.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/half.hpp"
#include "ops/morphable_model.hpp"
#include "ops/rasterize.hpp"

namespace hrn {

namespace detail {
struct ProbeArgs {};
struct ProbeKernel {
  static void run(const ProbeArgs&, long) {}
};
struct ProbeReduction {
  static void run(const ProbeArgs&, long, double*) {}
};
}  // namespace detail

template <class K>
HRN_HD double combine_partial(double a, double b) {
  if constexpr (requires { K::combine(a, b); })
    return K::combine(a, b);
  else
    return a + b;
}

/// - `B::Array<T>`: owned device memory with data() and size(); movable.
/// - `alloc<T>(n)`: zeroed, 64-byte aligned. Not inside an iteration.
/// - `upload(array, host, n)`, `download(host, array, n)`, `fill_zero(array)`.
/// - `borrow(host, n)`: something with data() that holds n values of the host for reading; the host's stay in place.
/// - `output(host, n)`: something with data() into which kernels write n values that are the host's after
/// `deliver(it)`.
/// - `for_each<K>(n, args)`: K::run(args, i) for i in [0, n), in any order; elements must not read what others write.
///   Where elements are few and long, `K::kGrain` says how many of them are worth a thread.
/// - `in_turn<K1, K2, ...>(backend, n, args1, args2, ...)`: for_each of one after the other, where an element of
///   a later kernel reads nothing that an earlier one wrote for other elements.
/// - `reduce<K, N>(n, args, out)`: K::run(args, i, acc) adds to double acc[N]; out[N] on the host is overwritten with
///   the sum, taken over fixed chunks of elements in order, so it is the same for any number of threads.
/// - `reduce_to<K, N>(n, args, out)`: the same into N doubles of the backend's memory.
/// - `concurrently(first, second)`: what both ask for, in no particular order; neither may read what the other writes.
/// - `record(work)`: what `work()` asks of the backend, as an object that asks for it again when called. `work` must
/// not
///   allocate, upload or wait, and has run once before.
/// - `basis_forward(args)`, `basis_backward(args, grad)`: see ops/morphable_model.hpp.
/// - `basis_backward_to(args, grad)`: the same into the backend's memory.
/// - `rasterize(args)`: see ops/rasterize.hpp.
/// A reduction's partial results are added, unless the kernel has a `combine(double, double)` for which 0 is neutral.
/// Verbs complete in call order; `reduce`, `basis_backward`, `download` and `deliver` wait for the
/// result.
template <class B>
concept Backend = requires(B backend, const detail::ProbeArgs& args, double* out, float* host,
                           typename B::template Array<float>& array, const ops::BasisArgs<float, Half>& basis,
                           const ops::RasterizeArgs<float>& raster) {
  {backend.template alloc<float>(std::size_t{1})};
  {backend.upload(array, host, std::size_t{1})};
  {backend.download(host, array, std::size_t{1})};
  {backend.fill_zero(array)};
  {backend.borrow(host, std::size_t{1}).data()};
  {backend.output(host, std::size_t{1}).data()};
  {backend.template for_each<detail::ProbeKernel>(1L, args)};
  {backend.template reduce<detail::ProbeReduction, 1>(1L, args, out)};
  {backend.template reduce_to<detail::ProbeReduction, 1>(1L, args, out)};
  {backend.basis_forward(basis)};
  {backend.basis_backward(basis, out)};
  {backend.rasterize(raster)};
};

template <class... K, Backend B, class... A>
void in_turn(B& backend, long n, const A&... args) {
  if constexpr (requires { backend.template in_turn<K...>(n, args...); })
    backend.template in_turn<K...>(n, args...);
  else
    (backend.template for_each<K>(n, args), ...);
}

}  // namespace hrn
