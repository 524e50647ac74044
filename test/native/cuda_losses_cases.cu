// The same cases on the GPU.
#include "losses_cases.cpp"
