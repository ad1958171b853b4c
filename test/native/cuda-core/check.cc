// The counters behind check.h.
// Prints at most a few details a group.
#include "check.h"

#include <cstdio>
#include <cstdlib>

namespace check {
namespace {

constexpr int kDetails = 5;

std::string group;
int group_passed = 0;
int group_failed = 0;
int passed = 0;
int failed = 0;
bool stops = false;

void Close() {
  if (group.empty()) return;
  std::printf("%s %s: %d passed, %d failed\n", group_failed == 0 ? "ok  " : "FAIL", group.c_str(),
              group_passed, group_failed);
  std::fflush(stdout);
  passed += group_passed;
  failed += group_failed;
}

}  // namespace

void Group(const std::string& name) {
  Close();
  group = name;
  group_passed = group_failed = 0;
}

void StopAtFailure() { stops = true; }

bool That(bool good, const std::string& what) {
  ++(good ? group_passed : group_failed);
  if (!good && group_failed <= kDetails) std::printf("     %s\n", what.c_str());
  if (!good && stops) {
    Close();
    std::_Exit(1);  // other threads may still be at work
  }
  return good;
}

bool Contains(const std::string& text, const std::string& part, const std::string& what) {
  return That(text.find(part) != std::string::npos,
              what + ": expected \"" + part + "\" in \"" + text + "\"");
}

int Summary() {
  Close();
  group.clear();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace check
