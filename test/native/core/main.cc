// Test of the CPU core without Node and TensorFlow: runs every group of cases.h.
// Holds no checks of its own.
//
//   core_test          everything
//   core_test --small  a tenth of the random tables: for builds that run many times slower
#include <cstdio>
#include <string>

#include "cases.h"
#include "check.h"
#include "cpu/ema_cpu.h"
#include "random_table.h"

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == std::string("--small")) random_table::SetCount(random_table::kFew);
  std::printf("kernel: %s, threads: %d\n", ema::CpuKernelName(), ema::CpuThreads());
  cases::Interface();
  cases::Pool();
  cases::Modes();
  cases::StatisticsFigures();
  cases::SpecialValues();
  cases::Alphas();
  cases::Ahead();
  cases::Combinations();
  cases::Offsets();
  cases::Tables();
  cases::Sizes();
  cases::RandomTables();
  return check::Summary();
}
