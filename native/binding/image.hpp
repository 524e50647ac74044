// The JavaScript class Image and the function cropImage: see image.cpp.
#pragma once
#include <napi.h>

#include <memory>

#include "imaging/image.hpp"

namespace hrn::binding {

// The pixels behind a JavaScript Image; throws invalid_argument for anything else, disposed after dispose().
std::shared_ptr<const imaging::Image> image_of(const Napi::Value& value);

void register_image(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
