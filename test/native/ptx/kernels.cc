// kernels.h of the fake driver, with the text itself in the place of kernels compiled for the host.
// Anything that a program must not do is a violation, as an access outside memory is.
#include "kernels.h"

#include <atomic>
#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>

#include "calls.h"
#include "fake_cuda.h"
#include "machine.h"
#include "program.h"

namespace fake {
namespace {

std::atomic<int64_t> bytes_requested{0};
std::atomic<int64_t> sectors_touched{0};

Kernel MakeKernel(ptx::Program program) {
  const size_t parameter_bytes = program.parameter_bytes;
  const unsigned max_threads = program.max_threads;
  const auto kept = std::make_shared<const ptx::Program>(std::move(program));
  return {parameter_bytes, max_threads,
          [kept](const Grid& grid, const std::vector<unsigned>& blocks, const void* parameter) {
            try {
              const ptx::Traffic traffic = ptx::Run(*kept, grid, blocks, parameter);
              bytes_requested += traffic.bytes;
              sectors_touched += traffic.sectors;
            } catch (const std::exception& error) {
              Violate(error.what());
            }
          }};
}

}  // namespace

std::map<std::string, Kernel> LoadKernels(const std::string& text) {
  std::map<std::string, Kernel> kernels;
  for (auto& [name, program] : ptx::Parse(text)) kernels[name] = MakeKernel(std::move(program));
  if (kernels.empty()) throw std::runtime_error("no entry points");
  return kernels;
}

}  // namespace fake

extern "C" {
int64_t fake_cuda_bytes_requested() { return fake::bytes_requested; }
int64_t fake_cuda_sectors_touched() { return fake::sectors_touched; }
}
