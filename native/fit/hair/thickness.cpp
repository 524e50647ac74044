#include "fit/hair/thickness.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace hrn::fit {
namespace {

constexpr long kRows = HairShell::kRows, kColumns = HairShell::kColumns, kRing = kColumns - 1;
constexpr auto kNodes = static_cast<std::size_t>(kRows * kColumns);

// Where there is no hair the shell lies so far under the skin, and a seam of its triangles with it; hair that is seen
// lies at least so far above it, and hair that must be there on a scalp, mm.
constexpr double kUnder = -5, kSeen = 6, kGrown = 9;
// Hair stands out by so much at most, above the ears and below, mm; a gap of this much in it does not end it.
constexpr double kMost = 45, kMostBelow = 60, kGap = 6, kStep = 1.5;
// Hair is long where it is seen on both sides of the neck, on so much of it; the neck begins so many rows below the
// ears.
constexpr double kLongShare = 0.45;
constexpr long kBelowEars = 5;
constexpr int kSmoothings = 12;
// Cosine of the angle between the surface and the line of sight: what is seen, and what is the outline.
constexpr double kFacing = 0.25, kRim = 0.3;
// How firmly what is seen holds against smoothness, and the outline, and what is expected of a scalp.
constexpr double kSeenWeight = 2, kRimWeight = 1.2, kGrownWeight = 0.05;
// Of a neck behind short hair.
constexpr double kBareWeight = 0.5;
constexpr int kSweeps = 240;
// The share of hair in the scalp that is seen and the share of its outline that is raised by so many mm must come to so
// much, else the head is bald, or shaven: its colour is all there is to it. Of so few nodes of scalp the share is not
// known.
constexpr double kLeastHair = 0.7, kRaised = 5, kFewNodes = 20, kUnknown = 0.5;
// The lowest rows bend inwards to a closed end.
constexpr long kClosing = 7;
// Ears are rough: where they are bare the shell lies deeper under them.
constexpr double kUnderEars = -10;

// How far the hair stands out at each node, mm; negative where there is none.
class Thickness {
 public:
  Thickness(const HairShell& shell, const HairSight& sight) : shell_(shell), sight_(sight) {
    wanted_.assign(kNodes, 0);
    weight_.assign(kNodes, 0);
  }

  // Empty where the head is bald.
  std::vector<double> solve() {
    look();
    const double on_scalp = seen_scalp_ < kFewNodes ? kUnknown : seen_hair_ / seen_scalp_;
    if (outline_ < 1 || on_scalp + raised_ / outline_ < kLeastHair) return {};
    expect();
    std::vector<double> out(kNodes, kGrown);
    for (std::size_t i = 0; i < kNodes; ++i)
      if (weight_[i] > 0) out[i] = wanted_[i];
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (long row = 0; row < kRows; ++row) {
        for (long column = 0; column < kRing; ++column) {
          const std::size_t i = HairShell::at(row, column);
          double sum = weight_[i] * wanted_[i], total = weight_[i];
          for (const auto& [r, c] :
               {std::pair{row - 1, column}, {row + 1, column}, {row, column - 1}, {row, column + 1}}) {
            if (r >= kRows) continue;
            // Across the crown.
            const std::size_t j =
                r < 0 ? HairShell::at(0, HairShell::wrapped(c + kRing / 2)) : HairShell::at(r, HairShell::wrapped(c));
            sum += out[j];
            ++total;
          }
          out[i] = sum / total;
        }
      }
    }
    smooth(out);
    for (long row = 0; row < 3; ++row) {
      double around = 0;
      for (long column = 0; column < kRing; ++column) around += out[HairShell::at(3, column)];
      for (long column = 0; column < kRing; ++column)
        out[HairShell::at(row, column)] = around / static_cast<double>(kRing);
    }
    for (std::size_t i = 0; i < kNodes; ++i)
      if (out[i] < 0 && shell_.region(static_cast<long>(i) / kColumns, static_cast<long>(i) % kColumns) == Region::ears)
        out[i] = kUnderEars;
    for (long row = 0; row < kRows; ++row) {
      const double left = static_cast<double>(kRows - 1 - row) / static_cast<double>(kClosing);
      for (long column = 0; column < kRing; ++column) {
        double& t = out[HairShell::at(row, column)];
        if (left < 1 && t > kUnder) t = kUnder + (t - kUnder) * std::sqrt(left * (2 - left));
      }
      out[HairShell::at(row, kRing)] = out[HairShell::at(row, 0)];
    }
    return out;
  }

 private:
  void set(long row, long column, double wanted, double weight) {
    const std::size_t i = HairShell::at(row, column);
    wanted_[i] = wanted;
    weight_[i] = weight;
  }

  // Rounds off what the coarse classes leave of steps, but keeps where hair begins.
  static void smooth(std::vector<double>& values) {
    for (int round = 0; round < kSmoothings; ++round) {
      const std::vector<double> old = values;
      for (long row = 1; row + 1 < kRows; ++row)
        for (long column = 0; column < kRing; ++column) {
          double sum = 4 * old[HairShell::at(row, column)];
          for (const auto& [r, c] :
               {std::pair{row - 1, column}, {row + 1, column}, {row, column - 1}, {row, column + 1}})
            sum += old[HairShell::at(r, HairShell::wrapped(c))];
          values[HairShell::at(row, column)] = sum / 8;
        }
    }
  }

  void look() {
    for (long row = 0; row < kRows; ++row) {
      for (long column = 0; column < kRing; ++column) {
        const Vec3<double> base = shell_.point(row, column, 1);
        const double facing = sight_.facing(base, shell_.outwards(row, column));
        if (facing < -kRim) continue;
        const imaging::Point p = sight_.pixel(base);
        const bool shown = sight_.shows(p);
        const double hair = shown ? sight_.hair(p) : 0;
        if (facing > kFacing && shown) {
          const double skin = sight_.skin(p);
          if (row < HairShell::kDome && shell_.region(row, column) == Region::scalp) {
            seen_scalp_ += 1;
            seen_hair_ += hair > 0.5 ? 1 : 0;
          }
          // What is neither covers the head, and tells nothing.
          const double sure = std::max(hair, skin);
          if (sure > 0.4)
            set(row, column, kUnder + (kSeen - kUnder) * smoothstep(0.25, 0.75, hair / (hair + skin)),
                kSeenWeight * sure);
        }
        if (std::abs(facing) <= kRim && shown) rim(row, column, hair);
      }
    }
  }

  // Outwards along the node's ray, as far as the photo shows hair.
  void rim(long row, long column, double at_skin) {
    const double most = row > HairShell::kDome ? kMostBelow : kMost;
    double last = -1;
    bool cut = false;
    for (double t = 0; t <= most; t += kStep) {
      if (t > kGap && last < t - kGap) break;
      const imaging::Point p = sight_.pixel(shell_.point(row, column, t));
      if (!sight_.shows(p)) {
        cut = true;
        break;
      }
      if (sight_.hair(p) > 0.5) last = t;
    }
    if (row < HairShell::kDome) {
      outline_ += 1;
      raised_ += last >= kRaised || (cut && last > 0) ? 1 : 0;
    }
    // Beyond the photo there may be more.
    if (cut && last > 0) return;
    const Region region = shell_.region(row, column);
    const bool is_face =
        region != Region::scalp && region != Region::neck && region != Region::ears && region != Region::other;
    if (is_face && at_skin < 0.5) return;
    if (last < 0 && at_skin > 0.3) return;
    if (row > HairShell::kDome + kBelowEars) {
      const bool left = 2 * column > kRing;
      beside_[left] += 1;
      hanging_[left] += last > 4 ? 1 : 0;
      below_.push_back(HairShell::at(row, column));
    }
    set(row, column, last < 0 ? kUnder : std::max(last, 2.0), kRimWeight);
  }

  // Of what is not seen.
  void expect() {
    double share = 1;
    for (std::size_t side = 0; side < 2; ++side) share = std::min(share, hanging_[side] / std::max(beside_[side], 1.0));
    const bool is_long = share > kLongShare;
    // What hangs there where hair is short is cloth or another's.
    if (!is_long)
      for (const std::size_t i : below_) {
        wanted_[i] = kUnder;
        weight_[i] = kRimWeight;
      }
    for (long row = 0; row < kRows; ++row)
      for (long column = 0; column < kRing; ++column) {
        const std::size_t i = HairShell::at(row, column);
        if (weight_[i] > 0) continue;
        const Region region = shell_.region(row, column);
        if (region == Region::scalp)
          set(row, column, kGrown, kGrownWeight);
        else if (!is_long && (region == Region::neck || row > HairShell::kDome + kBelowEars))
          set(row, column, kUnder, kBareWeight);
        // Faces that are not seen are bare.
        else if (region != Region::neck && region != Region::other && region != Region::ears)
          set(row, column, kUnder, kSeenWeight);
      }
  }

  const HairShell& shell_;
  const HairSight& sight_;
  std::vector<double> wanted_, weight_;
  double seen_scalp_ = 0, seen_hair_ = 0, outline_ = 0, raised_ = 0;
  std::array<double, 2> beside_{}, hanging_{};  // of the neck's outline, on either side
  std::vector<std::size_t> below_;
};

}  // namespace

std::vector<double> hair_thickness(const HairShell& shell, const HairSight& sight) {
  return Thickness(shell, sight).solve();
}

}  // namespace hrn::fit
