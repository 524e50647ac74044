// The tone of a photo without colours of its own: black and white, sepia, or dyed in one hue.
#pragma once
#include "core/host_device.hpp"
#include "core/vec.hpp"

namespace hrn::imaging {

struct FaceView;

/// What red and blue are above the luma (Rec. 601, encoded 0..1) as functions of it.
struct Tone {
  bool is_known = false;             // else the photo has colours
  float darkest = 0, brightest = 1;  // luma beyond these has the tone of these
  float red[4] = {}, blue[4] = {};   // cubics, constant term first
};

HRN_HD float luma(const Vec3<float>& c) { return 0.299f * c.x + 0.587f * c.y + 0.114f * c.z; }

/// A colour of this luma in the photo's tone.
HRN_HD Vec3<float> toned(const Tone& tone, float luma) {
  const float y = luma < tone.darkest ? tone.darkest : luma > tone.brightest ? tone.brightest : luma;
  const float red = tone.red[0] + y * (tone.red[1] + y * (tone.red[2] + y * tone.red[3]));
  const float blue = tone.blue[0] + y * (tone.blue[1] + y * (tone.blue[2] + y * tone.blue[3]));
  return {luma + red, luma - (0.299f * red + 0.114f * blue) / 0.587f, luma + blue};
}

/// Known where the colours of the person follow from their luma but for what JPEG adds.
Tone tone_of(const FaceView& view);

}  // namespace hrn::imaging
