// The figures of struct Statistics on host memory; on demand, so written for exactness: sums in
// double, in order. Changes nothing.
#include <algorithm>
#include <cmath>

#include "cpu/ema_cpu.h"
#include "cpu/float_mode.h"
#include "lerp.h"

namespace ema {
namespace {

struct Sums {
  double weight = 0, shadow = 0, product = 0, distance = 0, drift = 0;
  float max_distance = 0;
  int64_t non_finite = 0, dead_zone = 0;
};

// One average of one weight; its low parts are null without compensation.
struct Shadow {
  const float* high;
  const float* low;
  float ahead;

  Shadow(const Look& look, const Segment& segment, int k)
      : high(look.next.arena + k * look.next.row_stride + segment.offset),
        low(look.next.compensated ? high + look.next.averages * look.next.row_stride : nullptr),
        ahead(look.ahead[k]) {}

  // As it would be after the update that is not made.
  Compensated At(int64_t i, float weight) const { return Moved({high[i], Low(i)}, weight, ahead); }

  Compensated Moved(Compensated shadow, float weight, float alpha) const {
    if (low != nullptr) return LerpCompensated(shadow, weight, alpha);
    return {Lerp(shadow.high, weight, alpha), 0.0f};
  }

 private:
  float Low(int64_t i) const { return low == nullptr ? 0.0f : low[i]; }
};

void Accumulate(const Look& look, const Segment& segment, int k, Sums* sums) {
  const float alpha = look.next.alphas[k];
  const Shadow average(look, segment, k);
  const Shadow from(look, segment, look.from);
  for (int64_t i = 0; i < segment.size; ++i) {
    const float weight = segment.weight[i];
    const Compensated shadow = average.At(i, weight);
    const double w = weight;
    const double s = shadow.high;
    sums->weight += w * w;
    sums->shadow += s * s;
    sums->product += w * s;
    sums->distance += (w - s) * (w - s);
    sums->max_distance = std::max(sums->max_distance, std::fabs(weight - shadow.high));
    if (!std::isfinite(weight)) ++sums->non_finite;
    const Compensated moved = average.Moved(shadow, weight, alpha);
    const bool stays = moved.high == shadow.high && moved.low == shadow.low;
    if (weight != shadow.high && stays) ++sums->dead_zone;
    if (k == look.from) continue;  // an infinite shadow minus itself would be NaN
    const double step = s - double{from.At(i, weight).high};
    sums->drift += step * step;
  }
}

Statistics Finish(const Sums& sums) {
  const double norms = std::sqrt(sums.weight) * std::sqrt(sums.shadow);
  Statistics out;
  out.weight_norm = static_cast<float>(std::sqrt(sums.weight));
  out.shadow_norm = static_cast<float>(std::sqrt(sums.shadow));
  out.distance = static_cast<float>(std::sqrt(sums.distance));
  out.cosine = norms > 0 ? static_cast<float>(sums.product / norms) : 0.0f;
  out.max_distance = sums.max_distance;
  out.non_finite = static_cast<float>(sums.non_finite);
  out.dead_zone = static_cast<float>(sums.dead_zone);
  out.drift = static_cast<float>(std::sqrt(sums.drift));
  return out;
}

}  // namespace

void CpuStatistics(const Look& look, Statistics* out) {
  const GradualUnderflow mode;
  const Update& update = look.next;
  for (int i = 0; i < update.segment_count; ++i) {
    for (int k = 0; k < update.averages; ++k) {
      Sums sums;
      Accumulate(look, update.segments[i], k, &sums);
      out[static_cast<int64_t>(i) * update.averages + k] = Finish(sums);
    }
  }
}

}  // namespace ema
