// What TensorFlow's built-in CUDA device asks of CUDA's runtime and of NVML before there is a
// GPU:0. Its own kernels come through the runtime and are not here; ours come through the driver.

extern "C" {

int cuDeviceGetCount(int* count);
int cuDriverGetVersion(int* version);

int cudaGetDeviceCount(int* count) { return cuDeviceGetCount(count); }
int cudaRuntimeGetVersion(int* version) { return cuDriverGetVersion(version); }
int cudaSetDevice(int) { return 0; }
int cudaGetDevice(int* device) {
  *device = 0;
  return 0;
}
int cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = 0;
  return 0;
}

int nvmlInit_v2() { return 0; }

}  // extern "C"
