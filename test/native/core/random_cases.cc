// Random tables, the same on every machine.
// What one is, and what it must give, is in random_table.h; the fuzzer draws others.
#include <vector>

#include "cases.h"
#include "check.h"
#include "model.h"
#include "random_table.h"

namespace cases {

void RandomTables() {
  check::Group("random tables: to the bit, and 1.5 ulps of the larger number from float64");
  for (int seed = 0; seed < random_table::Count(); ++seed) {
    model::Random random(static_cast<uint64_t>(seed));
    std::vector<uint8_t> bytes(200 + random.Below(8000));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Bits());
    const std::string wrong = random_table::Check(bytes.data(), bytes.size());
    check::That(wrong.empty(), "seed " + std::to_string(seed) + ": " + wrong);
  }
}

}  // namespace cases
