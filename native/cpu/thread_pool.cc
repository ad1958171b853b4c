// Helper threads: starting, joining a job, stopping.
// No floating point here: each piece sets the mode it needs.
#include "cpu/thread_pool.h"

#include <system_error>

namespace ema {

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadPool::Claim(Job* job) {
  for (;;) {
    const int64_t i = job->next.fetch_add(1, std::memory_order_relaxed);
    if (i >= job->count) return;
    (*job->piece)(i);
  }
}

void ThreadPool::StartHelpers(int count) {
  // Where the system gives no more threads the work is done by those there are, the caller among
  // them.
  try {
    while (static_cast<int>(helpers_.size()) < count) {
      helpers_.emplace_back([this] { HelperLoop(); });
    }
  } catch (const std::system_error&) {
    return;
  }
}

void ThreadPool::HelperLoop() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || (job_ != nullptr && joining_ > 0); });
    if (stopping_) return;
    Job* const job = job_;
    --joining_;
    ++active_;
    lock.unlock();
    Claim(job);
    lock.lock();
    if (--active_ == 0) idle_.notify_one();
  }
}

void ThreadPool::Run(int64_t count, int threads, const std::function<void(int64_t)>& piece) {
  Job job;
  job.piece = &piece;
  job.count = count;
  const std::unique_lock<std::mutex> busy(busy_, std::try_to_lock);
  const int helpers = static_cast<int>(count < threads ? count : threads) - 1;
  if (!busy.owns_lock() || helpers < 1) {
    Claim(&job);
    return;
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    StartHelpers(helpers);
    job_ = &job;
    joining_ = helpers;
  }
  wake_.notify_all();
  Claim(&job);
  std::unique_lock<std::mutex> lock(mutex_);
  job_ = nullptr;
  joining_ = 0;
  idle_.wait(lock, [this] { return active_ == 0; });
}

}  // namespace ema
