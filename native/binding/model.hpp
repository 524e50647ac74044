// A MorphableModel in native memory, checked and repacked once and shared by the fits; and the step from a cage to the
// mesh that a MorphableModel is of.
#pragma once
#include <napi.h>

#include <memory>

#include "fit/head/model.hpp"

namespace hrn::binding {

// The model behind what buildModel() made; throws invalid_argument for anything else.
std::shared_ptr<const fit::Model> model_of(const Napi::Value& value);

void register_model(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
