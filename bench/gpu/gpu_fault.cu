// A GPU that fails in mid-fit, for bench/gpu/lost-device.ts: preloaded into a process, waits until the file that
// HRN_GPU_FAULT names is there, then runs an instruction that stops the device for the whole process, as a fault of the
// driver or of the memory would.
#include <cuda_runtime.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace {

__global__ void fault() { asm volatile("trap;"); }

void watch(const char* file) {
  while (access(file, F_OK) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  fault<<<1, 1>>>();
  cudaDeviceSynchronize();
}

__attribute__((constructor)) void start() {
  if (const char* file = std::getenv("HRN_GPU_FAULT")) std::thread(watch, file).detach();
}

}  // namespace
