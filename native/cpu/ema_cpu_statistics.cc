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

bool Moves(const Update& update, Compensated shadow, float weight, float alpha) {
  if (!update.compensated) return Lerp(shadow.high, weight, alpha) != shadow.high;
  const Compensated moved = LerpCompensated(shadow, weight, alpha);
  return moved.high != shadow.high || moved.low != shadow.low;
}

void Accumulate(const Update& update, const Segment& segment, int k, Sums* sums) {
  const float alpha = update.alphas[k];
  const float* const high = update.arena + k * update.row_stride + segment.offset;
  const float* const low =
      update.compensated ? high + update.averages * update.row_stride : nullptr;
  const float* const next = k + 1 < update.averages ? high + update.row_stride : nullptr;
  for (int64_t i = 0; i < segment.size; ++i) {
    const float weight = segment.weight[i];
    const Compensated shadow{high[i], low == nullptr ? 0.0f : low[i]};
    const double w = weight;
    const double s = shadow.high;
    sums->weight += w * w;
    sums->shadow += s * s;
    sums->product += w * s;
    sums->distance += (w - s) * (w - s);
    sums->max_distance = std::max(sums->max_distance, std::fabs(weight - shadow.high));
    if (!std::isfinite(weight)) ++sums->non_finite;
    if (weight != shadow.high && !Moves(update, shadow, weight, alpha)) ++sums->dead_zone;
    if (next != nullptr) sums->drift += (s - next[i]) * (s - next[i]);
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

void CpuStatistics(const Update& update, Statistics* out) {
  const GradualUnderflow mode;
  for (int i = 0; i < update.segment_count; ++i) {
    for (int k = 0; k < update.averages; ++k) {
      Sums sums;
      Accumulate(update, update.segments[i], k, &sums);
      out[static_cast<int64_t>(i) * update.averages + k] = Finish(sums);
    }
  }
}

}  // namespace ema
