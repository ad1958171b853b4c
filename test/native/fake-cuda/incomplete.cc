// A libcuda.so.1 that lacks almost everything, as a driver too old would: the addon must name what
// is missing. Holds one function.

extern "C" int cuInit(unsigned) { return 0; }
