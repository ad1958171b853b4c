// Success, or a message for the user.
// Holds no error codes: the TypeScript side classifies, TensorFlow carries the text.
#pragma once

#include <string>
#include <utility>

namespace ema {

class [[nodiscard]] Status {
 public:
  Status() = default;
  static Status Failure(std::string message) { return Status(std::move(message)); }

  bool ok() const { return message_.empty(); }
  const std::string& message() const { return message_; }

 private:
  explicit Status(std::string message) : message_(std::move(message)) {}
  std::string message_;
};

}  // namespace ema
