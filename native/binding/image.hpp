// The JavaScript class Image, crops of it and the function cropImage: see image.cpp.
#pragma once
#include <napi.h>

#include <memory>

#include "imaging/image.hpp"

namespace hrn::binding {

// The pixels behind a JavaScript Image; throws invalid_argument for anything else, disposed after dispose().
std::shared_ptr<const imaging::Image> image_of(const Napi::Value& value);

// Throws invalid_argument for what is no { matrix, width, height, low, high, border }.
imaging::CropSpec crop_spec_of(const Napi::Value& value);

void register_image(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
