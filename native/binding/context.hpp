// The JavaScript class Context: { threads, cudaDevice? } in, one thread pool and the choice of a device inside.
#pragma once
#include <napi.h>

#include <memory>

#include "fit/context.hpp"

namespace hrn::binding {

// The context behind a JavaScript Context; throws invalid_argument for anything else, disposed after dispose().
std::shared_ptr<Context> context_of(const Napi::Value& value);

void register_context(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
