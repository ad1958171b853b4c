// What the parts of the fake driver share: contexts, checked handles, the queue of a stream.
// Functions of the driver API are declared where they are defined.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "stream.h"

namespace fake {

// The primary context of a device.
struct Context {
  explicit Context(int device) : device(device), default_stream(this, true) {}

  const int device;
  Stream default_stream;
  std::mutex mutex;
  std::set<Stream*> streams;  // created by the caller
};

// Null when there is no such device.
Context* PrimaryContext(int device);

// The calling thread's context; null when it has none.
Context* CurrentContext();

// A caller's handle as one of the current or any context; null when it is none.
Stream* StreamOf(void* handle);

// Every live handle of a kind; a stranger's pointer is refused rather than followed.
template <typename T>
class Handles {
 public:
  T* Add(std::unique_ptr<T> object) {
    const std::lock_guard<std::mutex> lock(mutex_);
    T* const handle = object.get();
    objects_.insert(std::move(object));
    return handle;
  }
  bool Has(const void* handle) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return Find(handle) != objects_.end();
  }
  // Takes the object out; null when there is none.
  std::unique_ptr<T> Remove(const void* handle) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = Find(handle);
    if (found == objects_.end()) return nullptr;
    return std::move(objects_.extract(found).value());
  }

 private:
  using Set = std::set<std::unique_ptr<T>>;
  typename Set::iterator Find(const void* handle) {
    for (auto it = objects_.begin(); it != objects_.end(); ++it) {
      if (it->get() == handle) return it;
    }
    return objects_.end();
  }

  std::mutex mutex_;
  Set objects_;
};

// Appends work to a stream (null is the current context's default stream); returns a Result.
int Enqueue(void* stream, std::function<void()> work);

}  // namespace fake
