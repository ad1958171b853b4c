// The ledger behind calls.h, and the controls of fake_cuda.h that write to it.
// Failures to inject come from a test or from FAKE_CUDA_FAIL.
#include "calls.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <sstream>

#include "fake_cuda.h"
#include "kernels.h"
#include "stream.h"

namespace fake {
namespace {

struct Ledger {
  std::mutex mutex;
  std::map<std::string, int64_t> calls;
  std::map<std::string, std::map<int64_t, int>> failures;  // function, number of the call: code
  int64_t violations = 0;
  std::string first_violation;
  bool lost = false;  // an error that stays
};

// FAKE_CUDA_FAIL: function:nth:code,...
void ReadEnvironment(Ledger* ledger) {
  const char* const text = std::getenv("FAKE_CUDA_FAIL");
  std::istringstream list(text == nullptr ? "" : text);
  for (std::string item; std::getline(list, item, ',');) {
    std::istringstream parts(item);
    std::string function, nth, code;
    std::getline(parts, function, ':');
    std::getline(parts, nth, ':');
    std::getline(parts, code, ':');
    ledger->failures[function][std::stoll(nth)] = std::stoi(code);
  }
}

Ledger& TheLedger() {
  static Ledger ledger;
  static std::once_flag once;
  std::call_once(once, ReadEnvironment, &ledger);
  return ledger;
}

}  // namespace

int Enter(const char* function) {
  Ledger& ledger = TheLedger();
  const std::lock_guard<std::mutex> lock(ledger.mutex);
  const int64_t number = ++ledger.calls[function];
  if (ledger.lost) return kIllegalAddress;
  const auto& failures = ledger.failures[function];
  const auto failure = failures.find(number);
  if (failure == failures.end()) return kSuccess;
  ledger.lost = failure->second == kIllegalAddress;
  return failure->second;
}

void Violate(const std::string& what) {
  Ledger& ledger = TheLedger();
  const std::lock_guard<std::mutex> lock(ledger.mutex);
  if (ledger.violations++ == 0) ledger.first_violation = what;
  ledger.lost = true;
}

int64_t Calls(const std::string& function) {
  Ledger& ledger = TheLedger();
  const std::lock_guard<std::mutex> lock(ledger.mutex);
  const auto found = ledger.calls.find(function);
  return found == ledger.calls.end() ? 0 : found->second;
}

}  // namespace fake

extern "C" {

void fake_cuda_fail(const char* function, int nth, int code) {
  fake::Ledger& ledger = fake::TheLedger();
  const std::lock_guard<std::mutex> lock(ledger.mutex);
  ledger.failures[function][ledger.calls[function] + nth] = code;
}

int64_t fake_cuda_calls(const char* function) { return fake::Calls(function); }

int64_t fake_cuda_synchronisations() {
  return fake::Calls("cuCtxSynchronize") + fake::Calls("cuStreamSynchronize") +
         fake::Calls("cuEventSynchronize") + fake::Calls("cuMemcpyHtoD_v2") +
         fake::Calls("cuMemcpyDtoH_v2") + fake::Calls("cuMemcpyDtoD_v2");
}

int64_t fake_cuda_violations() {
  fake::Ledger& ledger = fake::TheLedger();
  const std::lock_guard<std::mutex> lock(ledger.mutex);
  return ledger.violations;
}

const char* fake_cuda_first_violation() {
  fake::Ledger& ledger = fake::TheLedger();
  const std::lock_guard<std::mutex> lock(ledger.mutex);
  return ledger.first_violation.c_str();
}

void fake_cuda_reset() {
  fake::SetDelay(0);
  fake::OnlyBlocks({});
  fake::Ledger& ledger = fake::TheLedger();
  const std::lock_guard<std::mutex> lock(ledger.mutex);
  ledger.calls.clear();
  ledger.failures.clear();
  ledger.violations = 0;
  ledger.first_violation.clear();
  ledger.lost = false;
}

}  // extern "C"
