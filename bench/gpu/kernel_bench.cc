// Times the update kernel on a GPU, without TensorFlow, beside a copy of as many bytes.
// Prints one JSON object a line; compare.py drives it and puts torch beside it.
//
//   kernel_bench DRIVER LIST [ROUNDS [AVERAGES]]
// LIST: a line per network, "NAME SIZE SIZE ..." (floats of each weight). DRIVER: "libcuda.so.1".
// AVERAGES: numbers of averages, as "1,2,5" (default 1,5); one is measured with compensation too.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "cuda/ema_cuda.h"
#include "device.h"

namespace {

using Clock = std::chrono::steady_clock;

// Several copies of a model in turn, so that none is still in a cache of up to 128 MB when its turn
// comes again.
constexpr int64_t kRotatedFloats = int64_t{512} << 18;
constexpr int kMostSets = 64;
// Work that keeps the device busy while the host enqueues what is timed: device time, not the
// host's.
constexpr int64_t kBlockerFloats = int64_t{1} << 26;
constexpr int kMostBlockers = 256;
constexpr int64_t kAllTiles = 0;
constexpr int64_t kNoTiles = int64_t{1} << 40;  // times the vectors of a tile it must fit 63 bits

struct Network {
  std::string name;
  std::vector<int64_t> sizes;
};

struct Task {
  int averages;
  bool compensated;
};

void Check(const ema::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

float Median(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// One copy of a model: each weight on a boundary of 256 bytes, as TensorFlow's allocator places it.
class Set {
 public:
  Set(const Network& network, const Task& task) : task_(task), alphas_(Alphas(task.averages)) {
    constexpr int64_t kBoundary = 64;
    int64_t end = 0;
    for (const int64_t size : network.sizes) {
      segments_.push_back({nullptr, row_stride_, size});
      places_.push_back(end);
      end += (size + kBoundary - 1) / kBoundary * kBoundary;
      row_stride_ += ema::AlignedSize(size);
    }
    row_stride_ = ema::RowStride(row_stride_);
    weights_ = std::make_unique<device::Floats>(end);
    arena_ = std::make_unique<device::Floats>(rows() * row_stride_);
    target_ = std::make_unique<device::Floats>(end);
    for (size_t i = 0; i < segments_.size(); ++i) {
      ema::Segment& segment = segments_[i];
      segment.weight = weights_->get() + places_[i];
      shadows_.push_back({arena_->get() + segment.offset, segment.weight,
                          target_->get() + places_[i], segment.size});
      readings_.push_back(
          {shadows_[i].shadow, segment.weight, shadows_[i].target, segment.size, 0.0f});
    }
    for (int k = 0; k < task.averages; ++k)
      terms_.push_back({k * row_stride_, k - 1.5, 0.0, 0.0f, 0});
    Fill(weights_.get());
    Fill(arena_.get());
  }

  int64_t rows() const { return task_.averages * (task_.compensated ? 2 : 1); }
  int64_t floats() const { return weights_->size() + arena_->size() + target_->size(); }
  device::Floats& arena() { return *arena_; }

  ema::Update update() const { return Rows(0, task_.averages); }
  // One of the averages alone.
  ema::Update single(int average) const { return Rows(average, 1); }
  // A linear combination of all averages.
  ema::Combination combination() const {
    return {terms_.data(), static_cast<int>(terms_.size()), shadows_.data(),
            static_cast<int>(shadows_.size()), 0};
  }
  // The first average alone.
  ema::Readings readings() const {
    return {readings_.data(), static_cast<int>(readings_.size()), 0};
  }

 private:
  static std::vector<float> Alphas(int count) {
    std::vector<float> alphas;
    for (int k = 0; k < count; ++k) alphas.push_back(0.001f * static_cast<float>(k + 1));
    return alphas;
  }

  // Random numbers: zeros can be faster than data.
  static void Fill(device::Floats* memory) {
    constexpr int64_t kPiece = int64_t{1} << 20;
    static const std::vector<float> values = [] {
      std::vector<float> numbers(kPiece);
      unsigned state = 1;
      for (float& number : numbers) {
        state = state * 1664525u + 1013904223u;
        number = static_cast<float>(state >> 8) / 16777216.0f - 0.5f;
      }
      return numbers;
    }();
    for (int64_t at = 0; at < memory->size(); at += kPiece) {
      const int64_t count = std::min(kPiece, memory->size() - at);
      memory->Write({values.begin(), values.begin() + count}, at);
    }
  }

  ema::Update Rows(int first, int count) const {
    return {arena_->get() + first * row_stride_,
            row_stride_,
            count,
            alphas_.data() + first,
            task_.compensated,
            segments_.data(),
            static_cast<int>(segments_.size())};
  }

  const Task task_;
  const std::vector<float> alphas_;
  std::vector<ema::Segment> segments_;
  std::vector<int64_t> places_;
  std::vector<ema::Place> shadows_;
  std::vector<ema::Reading> readings_;
  std::vector<ema::Term> terms_;
  int64_t row_stride_ = 0;
  std::unique_ptr<device::Floats> weights_;
  std::unique_ptr<device::Floats> target_;
  std::unique_ptr<device::Floats> arena_;
};

// Device microseconds of one call, out of `calls` enqueued behind a blocker.
class Timer {
 public:
  Timer() : from_(kBlockerFloats), to_(kBlockerFloats) {}

  float Microseconds(int calls, const std::function<void(int)>& call) {
    stream_.Synchronise();
    for (int i = 0; i < blockers_; ++i) stream_.Copy(to_.get(), from_.get(), kBlockerFloats);
    begin_.Record(stream_);
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) call(i);
    end_.Record(stream_);
    const std::chrono::duration<float, std::micro> host = Clock::now() - start;
    // The host must have been done before the device began; else the next measurement gets more
    // time.
    const bool late = begin_.Reached();
    stream_.Synchronise();
    if (late && blockers_ < kMostBlockers) {
      blockers_ *= 2;
      return Microseconds(calls, call);
    }
    host_microseconds_ = host.count() / static_cast<float>(calls);
    return device::Event::Milliseconds(begin_, end_) * 1000.0f / static_cast<float>(calls);
  }

  float host_microseconds() const { return host_microseconds_; }
  void* stream() const { return stream_.get(); }
  const device::Stream& device_stream() const { return stream_; }

 private:
  device::Stream stream_;
  device::Event begin_;
  device::Event end_;
  device::Floats from_;
  device::Floats to_;
  int blockers_ = 1;
  float host_microseconds_ = 0;
};

// Contenders in turn, round after round, so that a slow spell meets all of them.
struct Contender {
  const char* name;
  std::function<void(Set&, int)> call;  // the set, and the number of the call
  std::vector<float> microseconds;
  float host = 0;
};

void Print(const Network& network, const Task& task, const std::vector<Contender>& contenders,
           double megabytes) {
  std::printf("{\"shape\": \"%s\", \"k\": %d, \"compensated\": %s, \"tensors\": %zu, \"MB\": %.3f",
              network.name.c_str(), task.averages, task.compensated ? "true" : "false",
              network.sizes.size(), megabytes);
  for (const Contender& contender : contenders) {
    std::printf(", \"%sUs\": %.3f", contender.name, Median(contender.microseconds));
  }
  const float fused = Median(contenders[0].microseconds);
  const float copy = Median(contenders[1].microseconds);
  std::printf(
      ", \"minUs\": %.3f, \"hostUs\": %.3f, \"gbPerS\": %.1f, \"copyGbPerS\": %.1f",
      *std::min_element(contenders[0].microseconds.begin(), contenders[0].microseconds.end()),
      contenders[0].host, megabytes * 1000 / fused, megabytes * 1000 / copy);
  std::printf(", \"shareOfCopy\": %.3f}\n", copy / fused);
  std::fflush(stdout);
}

void Measure(const Network& network, const Task& task, int rounds, Timer* timer) {
  std::vector<std::unique_ptr<Set>> sets;
  do {
    sets.push_back(std::make_unique<Set>(network, task));
  } while (static_cast<int>(sets.size()) < kMostSets &&
           static_cast<int64_t>(sets.size()) * sets[0]->floats() < kRotatedFloats);
  int64_t parameters = 0;
  for (const int64_t size : network.sizes) parameters += size;
  // Each weight read once, each shadow read and written once.
  const int64_t moved = parameters * (1 + 2 * sets[0]->rows());
  // The copy walks through memory as the updates walk through the sets.
  const int64_t half = moved / 2 + 1;
  const int64_t room = std::max(half, kRotatedFloats / 2);
  const device::Floats scratch(room);
  device::Floats copied(room);
  const auto stream = timer->stream();
  std::vector<Contender> contenders = {
      {"", [=](Set& set, int) { Check(ema::CudaUpdate(set.update(), stream)); }, {}},
      {"copy",
       [&](Set&, int i) {
         const int64_t at = i % (room / half) * half;
         timer->device_stream().Copy(copied.get() + at, scratch.get() + at, half);
       },
       {}},
      {"largeTiles",
       [=](Set& set, int) { Check(ema::CudaUpdateTuned(set.update(), stream, kAllTiles)); },
       {}},
      {"smallTiles",
       [=](Set& set, int) { Check(ema::CudaUpdateTuned(set.update(), stream, kNoTiles)); },
       {}},
  };
  if (task.averages > 1 && !task.compensated) {
    contenders.push_back({"separate",
                          [&task, stream](Set& set, int) {
                            for (int k = 0; k < task.averages; ++k) {
                              Check(ema::CudaUpdate(set.single(k), stream));
                            }
                          },
                          {}});
  }
  if (!task.compensated) {
    // Both write a model of their own: a combination moves K + 1 floats a weight, a reading 2.
    contenders.push_back(
        {"combination",
         [=](Set& set, int) { Check(ema::CudaCombine(set.combination(), stream)); },
         {}});
    contenders.push_back(
        {"reading", [=](Set& set, int) { Check(ema::CudaRead(set.readings(), stream)); }, {}});
  }
  // Few enough launches to fit into the driver's queue behind the blocker, enough work to time.
  const auto launches = static_cast<int>(network.sizes.size() / 300 + 1) * task.averages;
  const int calls = std::max(2, std::min(200, 400 / launches));
  for (int round = -1; round < rounds; ++round) {
    for (Contender& contender : contenders) {
      const float time = timer->Microseconds(
          calls, [&](int i) { contender.call(*sets[static_cast<size_t>(i) % sets.size()], i); });
      if (round < 0) continue;  // warm-up
      contender.microseconds.push_back(time);
      contender.host = timer->host_microseconds();
    }
  }
  Print(network, task, contenders, static_cast<double>(moved) * sizeof(float) / 1e6);
}

std::vector<Network> ReadList(const char* path) {
  std::vector<Network> networks;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Network network;
    words >> network.name;
    for (int64_t size = 0; words >> size;) network.sizes.push_back(size);
    if (!network.sizes.empty()) networks.push_back(network);
  }
  return networks;
}

std::vector<Task> ReadTasks(const char* averages) {
  std::vector<Task> tasks;
  std::istringstream words(averages);
  for (std::string word; std::getline(words, word, ',');) {
    tasks.push_back({std::atoi(word.c_str()), false});
  }
  tasks.push_back({1, true});
  return tasks;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: kernel_bench DRIVER LIST [ROUNDS [AVERAGES]]\n");
    return 2;
  }
  device::Open(argv[1]);
  device::MakeCurrent(0);
  Check(ema::CudaFindDriver());
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 15;
  const std::vector<Task> tasks = ReadTasks(argc > 4 ? argv[4] : "1,5");
  const auto networks = ReadList(argv[2]);
  if (networks.empty()) {
    std::fprintf(stderr, "%s holds no networks\n", argv[2]);
    return 2;
  }
  std::printf("{\"gpu\": \"%s\", \"driverApi\": %d}\n", device::Name(0).c_str(),
              device::DriverVersion());
  Timer timer;
  for (const Network& network : networks) {
    for (const Task& task : tasks) {
      Measure(network, task, rounds, &timer);
    }
  }
  return 0;
}
