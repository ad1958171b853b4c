// A CUDA device for the stand-alone programs, real or fake: memory, copies, streams and events,
// owned. The launcher under test is not used here. A failing call ends the program with its name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cuda/cuda_api.h"

namespace device {

// Opens the driver (a path or "libcuda.so.1") and initialises it; the fake's controls are found
// when it has them.
void Open(const std::string& driver);

// Makes a device's primary context current on this thread.
void MakeCurrent(int ordinal);
// Leaves this thread without a context.
void MakeNoneCurrent();

int Count();
std::string Name(int ordinal);
int DriverVersion();
size_t FreeBytes();

// Device memory of `count` floats.
class Floats {
 public:
  explicit Floats(int64_t count);
  ~Floats();
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;

  float* get() const { return reinterpret_cast<float*>(address_); }
  int64_t size() const { return size_; }

  // Synchronous, for preparing and checking.
  void Write(const std::vector<float>& values, int64_t at = 0);
  std::vector<float> Read(int64_t count, int64_t at = 0) const;
  std::vector<float> ReadAll() const { return Read(size_); }

 private:
  ema::CUdeviceptr address_ = 0;
  int64_t size_;
};

class Stream {
 public:
  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void* get() const { return stream_; }
  void Synchronise() const;
  // Enqueued, in order with the launches.
  void Write(float* to, const std::vector<float>& values) const;
  void Copy(float* to, const float* from, int64_t count) const;

 private:
  ema::CUstream stream_ = nullptr;
};

class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void Record(const Stream& stream);
  bool Reached() const;
  // After both have been reached.
  static float Milliseconds(const Event& begin, const Event& end);

 private:
  void* event_ = nullptr;
};

// The controls of test/native/fake-cuda/fake_cuda.h; all null with a real driver.
struct FakeControls {
  void (*fail)(const char* function, int nth, int code);
  void (*set_delay_us)(int);
  void (*only_blocks)(const unsigned*, int);
  int64_t (*calls)(const char* function);
  int64_t (*synchronisations)();
  int64_t (*violations)();
  const char* (*first_violation)();
  int64_t (*allocated_bytes)();
  void (*reset)();
  // Null where the kernels are compiled for the host.
  int64_t (*bytes_requested)();
  int64_t (*sectors_touched)();
};
const FakeControls& Fake();
bool IsFake();

}  // namespace device
