// The same measurements on the GPU.
#include "fit_bench.cpp"
