// The JavaScript class Model: a MorphableModel in, checked and repacked once, shared by the fits.
#pragma once
#include <napi.h>

#include <memory>

#include "fit/model.hpp"

namespace hrn::binding {

// The model behind a JavaScript Model; throws invalid_argument for anything else.
std::shared_ptr<const fit::Model> model_of(const Napi::Value& value);

void register_model(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
