// What a process asks of its GPU and what that works on, for bench/gpu/gpu-time.ts: CUDA loads this library by
// CUDA_INJECTION64_PATH, and at the end it writes to the file that HRN_GPU_TRACE names a line for each call of the
// runtime and each kernel, copy and clearing on the device:
//
//   api NAME START END THREAD
//   gpu KIND START END NAME      KIND: kernel, copy or clear
//
// Times are nanoseconds of CLOCK_MONOTONIC, as node's process.hrtime().
#include <cupti.h>
#include <cxxabi.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <initializer_list>

namespace {

constexpr std::size_t kBufferBytes = std::size_t{8} << 20;
std::FILE* trace = nullptr;

std::uint64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::uint64_t{1000000000} * static_cast<std::uint64_t>(time.tv_sec) + static_cast<std::uint64_t>(time.tv_nsec);
}

void CUPTIAPI give_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* most_records) {
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(64, kBufferBytes));
  *size = *buffer != nullptr ? kBufferBytes : 0;
  *most_records = 0;
}

void write_device(const char* kind, std::uint64_t start, std::uint64_t end, const char* name) {
  int status = -1;
  char* readable = name != nullptr ? abi::__cxa_demangle(name, nullptr, nullptr, &status) : nullptr;
  std::fprintf(trace, "gpu %s %llu %llu %s\n", kind, static_cast<unsigned long long>(start),
               static_cast<unsigned long long>(end),
               status == 0       ? readable
               : name != nullptr ? name
                                 : "");
  std::free(readable);
}

void CUPTIAPI take_buffer(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t, std::size_t valid) {
  CUpti_Activity* record = nullptr;
  while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS) {
    if (record->kind == CUPTI_ACTIVITY_KIND_RUNTIME) {
      const auto* call = reinterpret_cast<const CUpti_ActivityAPI*>(record);
      const char* name = nullptr;
      (void)cuptiGetCallbackName(CUPTI_CB_DOMAIN_RUNTIME_API, call->cbid, &name);
      std::fprintf(trace, "api %s %llu %llu %u\n", name != nullptr ? name : "?",
                   static_cast<unsigned long long>(call->start), static_cast<unsigned long long>(call->end),
                   call->threadId);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
      const auto* kernel = reinterpret_cast<const CUpti_ActivityKernel10*>(record);
      write_device("kernel", kernel->start, kernel->end, kernel->name);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMCPY) {
      const auto* copy = reinterpret_cast<const CUpti_ActivityMemcpy6*>(record);
      write_device("copy", copy->start, copy->end, copy->copyKind == CUPTI_ACTIVITY_MEMCPY_KIND_HTOD ? "up" : "down");
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMSET) {
      const auto* clear = reinterpret_cast<const CUpti_ActivityMemset4*>(record);
      write_device("clear", clear->start, clear->end, nullptr);
    }
  }
  std::free(buffer);
}

void finish() {
  (void)cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
  std::fclose(trace);
}

}  // namespace

extern "C" int InitializeInjection() {
  const char* file = std::getenv("HRN_GPU_TRACE");
  if (file == nullptr || trace != nullptr) return 1;
  trace = std::fopen(file, "w");
  if (trace == nullptr) return 0;
  (void)cuptiActivityRegisterTimestampCallback(now);
  if (const CUptiResult failed = cuptiActivityRegisterCallbacks(give_buffer, take_buffer); failed != CUPTI_SUCCESS) {
    std::fprintf(stderr, "gpu_trace: CUPTI refuses (%d)\n", static_cast<int>(failed));
    return 0;
  }
  for (const CUpti_ActivityKind kind : {CUPTI_ACTIVITY_KIND_RUNTIME, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
                                        CUPTI_ACTIVITY_KIND_MEMCPY, CUPTI_ACTIVITY_KIND_MEMSET})
    if (const CUptiResult failed = cuptiActivityEnable(kind); failed != CUPTI_SUCCESS)
      std::fprintf(stderr, "gpu_trace: no records of kind %d (%d)\n", static_cast<int>(kind), static_cast<int>(failed));
  std::atexit(finish);
  return 1;
}
