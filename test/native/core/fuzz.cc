// libFuzzer's entry: any bytes are a table of weights, an arena and alphas.
// Ends the process where the update is not what the oracle says; ASan and UBSan watch the rest.
#include <cstdio>
#include <cstdlib>

#include "random_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string wrong = random_table::Check(data, size);
  if (wrong.empty()) return 0;
  std::fprintf(stderr, "core_fuzz: %s\n", wrong.c_str());
  std::abort();
}
