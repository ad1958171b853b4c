// Counting checks: one line per group, details of what failed.
// Knows nothing of CUDA.
#pragma once

#include <string>

namespace check {

// Opens a group; its line is printed when the next one begins or Summary is called.
void Group(const std::string& name);

// From now on the first check that fails ends the program.
void StopAtFailure();

// Counts one check; returns `passed`.
bool That(bool passed, const std::string& what);

// Equal in the message too: what was expected, what came.
template <typename A, typename B>
bool Equal(const A& actual, const B& expected, const std::string& what) {
  return That(actual == expected,
              what + ": expected " + std::to_string(expected) + ", got " + std::to_string(actual));
}

bool Contains(const std::string& text, const std::string& part, const std::string& what);

// Prints "N passed, N failed"; returns the program's exit status.
int Summary();

}  // namespace check
