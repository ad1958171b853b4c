// Random models against the addon's own CPU kernels, to the bit: updates of some or all weights in
// any order, in small and large tiles, readings ahead and combinations. Everything follows from the
// seed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cpu/ema_cpu.h"
#include "cuda/ema_cuda.h"
#include "device.h"
#include "model.h"

namespace cases {
namespace {

using model::Model;
using Random = std::mt19937;

int Below(Random* random, unsigned end) { return static_cast<int>((*random)() % end); }

// What the numbers of a model are made of.
enum class Values { kMixed, kAnyBits, kTiny, kHuge };

void Refill(std::vector<float>* values, Values kind, Random* random) {
  if (kind == Values::kMixed) return;  // as model.cc fills them
  for (float& value : *values) {
    uint32_t bits = static_cast<uint32_t>((*random)());
    if (kind == Values::kTiny) bits &= 0x80FFFFFF;  // subnormals and the first normals
    if (kind == Values::kHuge) bits = (bits & 0x80FFFFFF) | 0x7E000000;
    std::memcpy(&value, &bits, sizeof(value));
  }
}

float RandomAlpha(Random* random) {
  const float special[] = {0.0f,
                           1.0f,
                           1e-7f,
                           1e-40f,
                           std::numeric_limits<float>::denorm_min(),
                           std::nextafter(1.0f, 0.0f)};
  const auto pick = static_cast<size_t>(Below(random, 2 * std::size(special)));
  if (pick < std::size(special)) return special[pick];
  return std::uniform_real_distribution<float>(0, 1)(*random);
}

model::Options RandomOptions(unsigned seed, Random* random) {
  const bool many = Below(random, 6) == 0;
  const int tensors = 1 + Below(random, many ? 700 : 30);
  const int64_t longest = many ? 60 : (Below(random, 4) == 0 ? 20000 : 900);
  const int averages = 1 + Below(random, Below(random, 4) == 0 ? 20 : 8);
  const auto alignment =
      Below(random, 2) == 0 ? model::Alignment::kVector : model::Alignment::kRandom;
  return {model::MixedSizes(tensors, longest, seed), averages, Below(random, 2) == 0, alignment,
          seed};
}

// The model with other numbers in it.
void Fill(Model* model, Random* random) {
  const auto weights = static_cast<Values>(Below(random, 4));
  const auto shadows = static_cast<Values>(Below(random, 4));
  for (std::vector<float>& weight : model->weights) Refill(&weight, weights, random);
  Refill(&model->initial, shadows, random);
  for (float& alpha : model->alphas) alpha = RandomAlpha(random);
  model->WriteAll();
}

// The same model in the host's memory, its arena on the boundary that the CPU kernels want.
class Host {
 public:
  explicit Host(const Model& model)
      : lines_(model.initial.size() / ema::kAlignment), size_(model.initial.size()) {
    std::copy(model.initial.begin(), model.initial.end(), arena());
  }
  float* arena() { return lines_.data()->floats; }
  std::vector<float> values() { return {arena(), arena() + size_}; }

 private:
  struct alignas(64) Line {
    float floats[ema::kAlignment];
  };
  std::vector<Line> lines_;
  const size_t size_;
};

// The weights that an update takes, in its order: all, or some, or shuffled.
std::vector<size_t> RandomOrder(size_t count, Random* random) {
  std::vector<size_t> order;
  const int kind = Below(random, 4);
  for (size_t i = 0; i < count; ++i) {
    if (kind != 1 || Below(random, 2) == 0) order.push_back(i);
  }
  if (kind == 2) std::shuffle(order.begin(), order.end(), *random);
  return order;
}

int64_t CheckUpdates(const Model& model, Host* host, const std::string& what, Random* random) {
  std::vector<ema::Segment> device_list;
  std::vector<ema::Segment> host_list;
  for (const size_t i : RandomOrder(model.segments.size(), random)) {
    const ema::Segment& segment = model.segments[i];
    device_list.push_back(segment);
    host_list.push_back({model.weights[i].data(), segment.offset, segment.size});
  }
  ema::Update on_device = model.update();
  on_device.segments = device_list.data();
  on_device.segment_count = static_cast<int>(device_list.size());
  ema::Update on_host = on_device;
  on_host.arena = host->arena();
  on_host.segments = host_list.data();
  const int64_t busy_tiles[] = {1, 512, int64_t{1} << 40};
  const device::Stream stream;
  for (int step = 0; step < 2; ++step) {
    const int64_t busy = busy_tiles[Below(random, 3)];
    const ema::Status status = ema::CudaUpdateTuned(on_device, stream.get(), busy);
    check::That(status.ok(), what + ": " + status.message());
    ema::CpuUpdate(on_host);
  }
  stream.Synchronise();
  check::Equal(model::Different(model.arena().ReadAll(), host->values()), int64_t{0},
               what + ": floats that differ from the CPU kernel's");
  return model.arena().size();
}

int64_t CheckReading(const Model& model, Host* host, const std::string& what, Random* random) {
  const ema::Update update = model.update();
  std::vector<int64_t> places;
  int64_t end = 0;
  for (const ema::Segment& segment : model.segments) {
    places.push_back(end += Below(random, 6));
    end += segment.size;
  }
  device::Floats memory(end + 1);
  std::vector<float> expected(static_cast<size_t>(end + 1), -1.0f);
  memory.Write(expected);
  const int64_t row = Below(random, static_cast<unsigned>(update.averages)) * update.row_stride;
  std::vector<ema::Reading> device_list;
  std::vector<ema::Reading> host_list;
  for (size_t i = 0; i < places.size(); ++i) {
    const ema::Segment& segment = model.segments[i];
    const int64_t from = row + segment.offset;
    const float alpha = RandomAlpha(random);
    device_list.push_back(
        {update.arena + from, segment.weight, memory.get() + places[i], segment.size, alpha});
    host_list.push_back({host->arena() + from, model.weights[i].data(), expected.data() + places[i],
                         segment.size, alpha});
  }
  const int64_t low_parts = update.compensated ? update.averages * update.row_stride : 0;
  const auto count = static_cast<int>(places.size());
  const device::Stream stream;
  const ema::Status status = ema::CudaRead({device_list.data(), count, low_parts}, stream.get());
  check::That(status.ok(), what + ": " + status.message());
  ema::CpuRead({host_list.data(), count, low_parts});
  stream.Synchronise();
  check::Equal(model::Different(memory.ReadAll(), expected), int64_t{0},
               what + ": floats read that differ from the CPU kernel's");
  return memory.size();
}

// Some averages with coefficients of both signs.
std::vector<ema::Term> RandomTerms(const ema::Update& update, Random* random) {
  std::vector<ema::Term> terms;
  for (int k = 0; k < update.averages; ++k) {
    if (!terms.empty() && Below(random, 3) == 0) continue;
    const float alpha = RandomAlpha(random);
    const double high = (Below(random, 2000) - 1000.5) / 300;
    const bool can_move = update.compensated && alpha != 1.0f;
    const double low = can_move && Below(random, 4) > 0 ? high / 3 : 0;
    const bool has_low = can_move && (alpha != 0.0f || low != 0);
    terms.push_back({k * update.row_stride, high, low, alpha, has_low});
  }
  return terms;
}

int64_t CheckCombination(const Model& model, Host* host, const std::string& what, Random* random) {
  const ema::Update update = model.update();
  const std::vector<ema::Term> terms = RandomTerms(update, random);
  std::vector<int64_t> places;
  int64_t end = 0;
  const bool is_aligned = Below(random, 2) == 0;
  for (const ema::Segment& segment : model.segments) {
    places.push_back(end = is_aligned ? ema::AlignedSize(end) : end + Below(random, 6));
    end += segment.size;
  }
  device::Floats memory(end + 1);
  std::vector<float> expected(static_cast<size_t>(end + 1), -1.0f);
  memory.Write(expected);
  std::vector<ema::Place> device_list;
  std::vector<ema::Place> host_list;
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& [weight, offset, size] = model.segments[i];
    device_list.push_back({update.arena + offset, weight, memory.get() + places[i], size});
    host_list.push_back(
        {host->arena() + offset, model.weights[i].data(), expected.data() + places[i], size});
  }
  const int64_t low_parts = update.compensated ? update.averages * update.row_stride : 0;
  const auto count = static_cast<int>(places.size());
  const auto term_count = static_cast<int>(terms.size());
  const device::Stream stream;
  const ema::Status status = ema::CudaCombine(
      {terms.data(), term_count, device_list.data(), count, low_parts}, stream.get());
  check::That(status.ok(), what + ": " + status.message());
  ema::CpuCombine({terms.data(), term_count, host_list.data(), count, low_parts});
  stream.Synchronise();
  check::Equal(model::Different(memory.ReadAll(), expected), int64_t{0},
               what + ": combined floats that differ from the CPU kernel's");
  return memory.size();
}

int64_t CheckModel(unsigned seed) {
  const std::string what = "seed " + std::to_string(seed);
  Random random(seed);
  Model model(RandomOptions(seed, &random));
  Fill(&model, &random);
  Host host(model);
  const int64_t updated = CheckUpdates(model, &host, what, &random);
  const int64_t read = CheckReading(model, &host, what, &random);
  return updated + read + CheckCombination(model, &host, what, &random);
}

}  // namespace

void RandomModels(int count) {
  check::Group("random models, bit-equal with the CPU kernels");
  int64_t floats = 0;
  for (int seed = 1; seed <= count; ++seed) floats += CheckModel(static_cast<unsigned>(seed));
  std::printf("%d random models, %lld floats compared\n", count, static_cast<long long>(floats));
  if (device::IsFake()) {
    check::That(device::Fake().violations() == 0, device::Fake().first_violation());
    device::Fake().reset();
  }
}

}  // namespace cases
