// How many updates the kernels of each device have carried out since this image was loaded: the
// proof of where they run, which registration cannot give. Counts only; neither TensorFlow nor
// CUDA.
#pragma once

#include <atomic>
#include <cstdint>

namespace ema {

// Any thread may add and read; a reader that waits for its own updates sees at least those. On a
// GPU an update counts once its launch is accepted.
struct UpdateCount {
  std::atomic<int64_t> cpu{0};
  std::atomic<int64_t> gpu{0};
};

inline UpdateCount update_count;

}  // namespace ema
