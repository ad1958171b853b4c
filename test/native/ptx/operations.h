// What the arithmetic instructions do, by name. IEEE operations of the host are those of the GPU:
// round to nearest, gradual underflow; only the sign and payload of a NaN differ.
// Neither memory nor control flow.
#pragma once

#include <array>
#include <string>

#include "program.h"

namespace ptx {

// Bytes of a register; a predicate has kPredicate.
constexpr size_t kPredicate = 1;

struct Operation {
  Compute compute;
  size_t to_bytes;
  std::array<size_t, 3> from_bytes;
  int from_count;
};

// Null when there is none.
const Operation* FindOperation(const std::string& name);

}  // namespace ptx
