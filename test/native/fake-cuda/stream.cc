// One thread per stream that has ever had work to wait for.
// Without a delay, work runs on the thread that enqueues it.
#include "stream.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "fake_cuda.h"

namespace fake {
namespace {

std::atomic<int>& Delay() {
  static std::atomic<int> delay([] {
    const char* const text = std::getenv("FAKE_CUDA_DELAY_US");
    return text == nullptr ? 0 : std::atoi(text);
  }());
  return delay;
}

}  // namespace

void SetDelay(int microseconds) { Delay() = microseconds; }

void Mark::Reach() {
  const std::lock_guard<std::mutex> lock(mutex_);
  reached_ = true;
  changed_.notify_all();
}

bool Mark::reached() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return reached_;
}

void Mark::Wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return reached_; });
}

Stream::~Stream() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Stream::Enqueue(std::function<void()> work) {
  std::unique_lock<std::mutex> lock(mutex_);
  const bool inside_work = thread_.get_id() == std::this_thread::get_id();
  if (Delay() == 0 && waiting_.empty() && !running_ && !inside_work) {
    running_ = true;  // others that enqueue meanwhile wait their turn
    lock.unlock();
    work();
    lock.lock();
    running_ = false;
    changed_.notify_all();
    return;
  }
  waiting_.push_back(std::move(work));
  if (!thread_.joinable()) thread_ = std::thread(&Stream::Run, this);
  changed_.notify_all();
}

void Stream::Drain() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && !running_; });
}

void Stream::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] {
      return (!waiting_.empty() && !running_) || (stopping_ && waiting_.empty());
    });
    if (waiting_.empty()) return;
    const std::function<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    running_ = true;
    lock.unlock();
    if (const int delay = Delay(); delay > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(delay));
    }
    work();
    lock.lock();
    running_ = false;
    changed_.notify_all();
  }
}

}  // namespace fake

extern "C" void fake_cuda_set_delay_us(int microseconds) { fake::SetDelay(microseconds); }
