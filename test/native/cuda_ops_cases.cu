// The same cases on the GPU.
#include "ops_cases.cpp"
