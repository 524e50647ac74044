// The same measurement on the GPU.
#include "reference_bench.cpp"
