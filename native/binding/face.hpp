// What the photo shows of one face: see face.cpp.
#pragma once
#include <napi.h>

#include <memory>

#include "binding/convert.hpp"
#include "imaging/dense_classes.hpp"
#include "imaging/face_view.hpp"

namespace hrn::binding {

// A face view whose arrays lie in JavaScript's memory. Its numbers are not checked yet (imaging::check_numbers).
class FaceView {
 public:
  // Throws invalid_argument for arrays of other lengths and points that are no landmarks.
  explicit FaceView(const Napi::Value& value);
  const imaging::FaceView& view() const { return view_; }

 private:
  FaceView(const Napi::Object& object, long size);

  Borrowed<float> person_, rgb_;
  std::vector<float> landmarks_;
  imaging::FaceView view_;
};

// Throws invalid_argument unless it is an array of six finite numbers.
imaging::Affine affine_of(const Napi::Value& matrix);

// What the dense network says of pixels; the array lies in JavaScript's memory.
class DenseClasses {
 public:
  explicit DenseClasses(const Napi::Value& value);
  const imaging::DenseClasses& classes() const { return classes_; }
  // Throws invalid_argument unless every probability is 0 to 1.
  void check_numbers() const;

 private:
  DenseClasses(const Napi::Object& object, long size);

  Borrowed<float> probabilities_;
  imaging::DenseClasses classes_;
};

// What photo and networks show of one face.
struct FaceLooks {
  FaceView face;
  DenseClasses classes;
};
// Fields `face` and `dense`; nothing where there is no face. Throws invalid_argument as they do.
std::unique_ptr<const FaceLooks> face_looks_of(const Napi::Object& problem);

void register_face(Napi::Env env, Napi::Object exports);

}  // namespace hrn::binding
