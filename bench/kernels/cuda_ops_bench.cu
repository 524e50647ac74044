// The same measurements on the GPU.
#include "ops_bench.cpp"
