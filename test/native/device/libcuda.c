// What looks like an NVIDIA driver, but has no device: test/device.test.ts puts it in the place of libcuda.so.1.
// FAKE_CUDA_VERSION: the newest CUDA version that it serves, 13000 for 13.0. FAKE_CUDA_INIT: what cuInit returns.
#include <stdlib.h>
#include <string.h>

static int from_environment(const char* name) {
  const char* value = getenv(name);
  return value == NULL ? 0 : atoi(value);
}

int cuDriverGetVersion(int* version) {
  *version = from_environment("FAKE_CUDA_VERSION");
  return 0;
}

int cuInit(unsigned flags) {
  (void)flags;
  return from_environment("FAKE_CUDA_INIT");
}

int cuGetProcAddress_v2(const char* symbol, void** function, int version, unsigned long long flags, int* status) {
  (void)version, (void)flags;
  *function = NULL;
  if (strcmp(symbol, "cuInit") == 0) *function = (void*)cuInit;
  if (strcmp(symbol, "cuDriverGetVersion") == 0) *function = (void*)cuDriverGetVersion;
  if (strcmp(symbol, "cuGetProcAddress") == 0) *function = (void*)cuGetProcAddress_v2;
  if (status != NULL) *status = *function == NULL;
  return *function == NULL ? 500 : 0;
}

int cuGetProcAddress(const char* symbol, void** function, int version, unsigned long long flags) {
  return cuGetProcAddress_v2(symbol, function, version, flags, NULL);
}
