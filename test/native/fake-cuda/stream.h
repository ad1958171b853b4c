// Streams and events of the fake driver: work in order on one stream, at the mercy of threads
// across streams. Knows neither kernels nor memory.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace fake {

struct Context;

// A point in a stream's work.
class Mark {
 public:
  void Reach();
  bool reached();
  void Wait();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false;
};

class Stream {
 public:
  Stream(Context* context, bool blocking) : context(context), blocking(blocking) {}
  ~Stream();

  // Appends work. Runs it at once when there is no delay and nothing is waiting.
  void Enqueue(std::function<void()> work);
  // Waits for everything that has been appended.
  void Drain();

  Context* const context;
  const bool blocking;  // in order with the default stream, both ways

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool running_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

struct Event {
  std::mutex mutex;
  std::shared_ptr<Mark> mark;  // null until recorded
};

void SetDelay(int microseconds);

}  // namespace fake
