// Helper threads that join a caller in claiming numbered pieces of work.
// Knows nothing of weights. One caller at a time; a second caller works alone instead of waiting.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ema {

class ThreadPool {
 public:
  ThreadPool() = default;
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Runs piece(0) ... piece(count - 1), each once, on the caller and up to `threads` - 1 helpers.
  // Returns when all have run. The caller claims pieces like everybody else and waits only for
  // helpers that have claimed one: a helper that the system has not woken yet costs nothing.
  // NOTE(claim): waiting for every helper costs 70-210 us when one is descheduled, this costs 9 us
  // (2-core machine).
  void Run(int64_t count, int threads, const std::function<void(int64_t)>& piece);

 private:
  struct Job {
    const std::function<void(int64_t)>* piece;
    int64_t count;
    std::atomic<int64_t> next{0};
  };

  void StartHelpers(int count);
  void HelperLoop();
  static void Claim(Job* job);

  std::mutex busy_;  // held by the caller that uses the helpers

  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::condition_variable idle_;
  Job* job_ = nullptr;  // owned by the caller's frame; helpers take it under the mutex only
  int joining_ = 0;     // helpers that may still join the job
  int active_ = 0;      // helpers at work on the job
  bool stopping_ = false;
  std::vector<std::thread> helpers_;
};

}  // namespace ema
