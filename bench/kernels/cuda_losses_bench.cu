// The same measurements on the GPU.
#include "losses_bench.cpp"
