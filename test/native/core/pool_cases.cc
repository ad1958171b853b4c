// The pool of helper threads: each piece once, whoever calls, however many call.
// Knows nothing of weights.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cpu/thread_pool.h"

namespace cases {
namespace {

// Runs `count` pieces; true when each ran once, and all before Run returned.
bool RunsEachOnce(ema::ThreadPool* pool, int64_t count, int threads) {
  std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
  pool->Run(count, threads, [&](int64_t i) { runs[static_cast<size_t>(i)].fetch_add(1); });
  return std::all_of(runs.begin(), runs.end(), [](const auto& n) { return n.load() == 1; });
}

void OneCaller() {
  check::Group("pool: each piece once, before Run returns");
  ema::ThreadPool pool;
  for (const int64_t count : {0, 1, 2, 3, 7, 8, 9, 64, 1000}) {
    for (const int threads : {0, 1, 2, 3, 4, 8, 64}) {
      for (int round = 0; round < 5; ++round) {
        check::That(RunsEachOnce(&pool, count, threads),
                    std::to_string(count) + " pieces, " + std::to_string(threads) + " threads");
      }
    }
  }
}

void MoreThreadsThanPieces() {
  check::Group("pool: no more threads than pieces, none of its own with one thread");
  ema::ThreadPool pool;
  for (const int threads : {0, 1}) {
    const auto caller = std::this_thread::get_id();
    bool alone = true;
    pool.Run(100, threads, [&](int64_t) { alone = alone && std::this_thread::get_id() == caller; });
    check::That(alone, "the caller does the work alone");
  }
}

// Helpers do take pieces: a piece that waits for another one would wait for ever otherwise.
void HelpersHelp() {
  check::Group("pool: helpers run pieces while the caller runs its own");
  ema::ThreadPool pool;
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> arrived{0};
    pool.Run(2, 2, [&](int64_t) {
      arrived.fetch_add(1);
      while (arrived.load() < 2) std::this_thread::yield();
    });
    check::Equal(arrived.load(), 2, "pieces at work together");
  }
}

void ManyCallers() {
  check::Group("pool: eight callers at once");
  ema::ThreadPool pool;
  std::vector<int> good(8, 0);
  std::vector<std::thread> callers;
  for (size_t c = 0; c < good.size(); ++c) {
    callers.emplace_back([&pool, &good, c] {
      for (int round = 0; round < 200; ++round) {
        good[c] += RunsEachOnce(&pool, 1 + static_cast<int64_t>(c) * 3, 4) ? 1 : 0;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const int rounds : good) check::Equal(rounds, 200, "rounds with each piece once");
}

// While a helper is inside the first caller's piece, a second caller works alone and returns.
void SecondCaller() {
  check::Group("pool: a second caller does not wait for the first one's helpers");
  ema::ThreadPool pool;
  std::atomic<bool> helper_at_work{false};
  std::atomic<bool> second_returned{false};
  std::atomic<bool> in_time{false};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  const auto late = [deadline] { return std::chrono::steady_clock::now() > deadline; };
  std::thread first([&] {
    const auto caller = std::this_thread::get_id();
    pool.Run(2, 2, [&](int64_t) {
      if (std::this_thread::get_id() == caller) {
        while (!helper_at_work && !late()) std::this_thread::yield();
      } else {
        helper_at_work = true;
        while (!second_returned && !late()) std::this_thread::yield();
        in_time = second_returned.load();
      }
    });
  });
  while (!helper_at_work && !late()) std::this_thread::yield();
  check::That(RunsEachOnce(&pool, 5, 4), "the second caller's pieces");
  second_returned = true;
  first.join();
  check::That(in_time, "the second caller returned before the first one's helper");
}

void Ending() {
  check::Group("pool: ends with its helpers asleep, used or not");
  for (int round = 0; round < 50; ++round) {
    ema::ThreadPool pool;
    check::That(round % 2 == 0 || RunsEachOnce(&pool, 16, 4), "a pool that ends");
  }
}

}  // namespace

void Pool() {
  OneCaller();
  MoreThreadsThanPieces();
  HelpersHelp();
  ManyCallers();
  SecondCaller();
  Ending();
}

}  // namespace cases
