// Times updates by several builds of the CPU kernel in one process, in interleaved rounds.
// Made and run by bench/update/chunk.ts; no part of the package.
//
//   chunk ROUNDS THREADS K WEIGHTS FLOATS LIBRARY...
//
// Prints one line: microseconds with one thread (the first library), then with THREADS threads for
// each library, the medians of ROUNDS rounds; then the medians of the rounds' ratios to the first.
#include "chunk.h"

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using RunUpdate = void (*)(const ema::Update*, int);

// Small updates repeat until a sample lasts about as long.
constexpr double kSampleUs = 500;

double NowUs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::micro>(now).count();
}

struct Contender {
  RunUpdate run;
  int threads;
  std::vector<double> times;
};

double TimeOnce(const Contender& contender, const ema::Update& update, int repeats) {
  contender.run(&update, contender.threads);  // caches as it leaves them itself
  const double start = NowUs();
  for (int i = 0; i < repeats; ++i) contender.run(&update, contender.threads);
  return (NowUs() - start) / repeats;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

bool LoadAll(char** paths, int count, int threads, std::vector<Contender>* contenders) {
  for (int i = 0; i < count; ++i) {
    void* const library = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
    void* const symbol = library == nullptr ? nullptr : dlsym(library, "RunUpdate");
    if (symbol == nullptr) {
      std::fprintf(stderr, "%s\n", dlerror());
      return false;
    }
    const auto run = reinterpret_cast<RunUpdate>(symbol);
    if (i == 0) contenders->push_back({run, 1, {}});
    contenders->push_back({run, threads, {}});
  }
  return true;
}

void Print(const std::vector<Contender>& contenders) {
  for (const Contender& contender : contenders) std::printf("%.2f ", Median(contender.times));
  for (const Contender& contender : contenders) {
    std::vector<double> ratios(contender.times);
    for (size_t i = 0; i < ratios.size(); ++i) ratios[i] /= contenders[0].times[i];
    std::printf("%.3f ", Median(ratios));
  }
  std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<Contender> contenders;
  if (count < 7 || !LoadAll(arguments + 6, count - 6, std::atoi(arguments[2]), &contenders)) {
    return 1;
  }
  const int rounds = std::atoi(arguments[1]);
  const int averages = std::atoi(arguments[3]);
  const int64_t weight_count = std::atoll(arguments[4]);
  const int64_t size = std::max<int64_t>(1, std::atoll(arguments[5]) / weight_count);
  const int64_t stride = weight_count * ema::AlignedSize(size);
  // kAlignment floats more, for a start at a cache line.
  std::vector<float> weights(static_cast<size_t>(stride + ema::kAlignment), 1.0f);
  std::vector<float> shadows(static_cast<size_t>(averages * stride + ema::kAlignment), 0.5f);
  const auto aligned = [](float* p) {
    return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(p) + 63) / 64 * 64);
  };
  std::vector<ema::Segment> segments;
  for (int64_t i = 0; i < weight_count; ++i) {
    const int64_t offset = i * ema::AlignedSize(size);
    segments.push_back({aligned(weights.data()) + offset, offset, size});
  }
  const std::vector<float> alphas(static_cast<size_t>(averages), 1e-3f);
  const ema::Update update = {
      aligned(shadows.data()),       stride, averages, alphas.data(), false, segments.data(),
      static_cast<int>(weight_count)};
  const double once = TimeOnce(contenders[0], update, 1);
  const int repeats = std::max(1, static_cast<int>(kSampleUs / once));
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < contenders.size(); ++i) {
      Contender& contender = contenders[(i + round) % contenders.size()];
      contender.times.push_back(TimeOnce(contender, update, repeats));
    }
  }
  Print(contenders);
  return 0;
}
