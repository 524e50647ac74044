// Two things that g++'s own C++ library takes from glibc 2.30 and 2.32, for addons that must load on 2.28. Only linked
// into those (cmake/AddonLinking.cmake), and seen by nobody else.
#include <pthread.h>
#include <time.h>

namespace {

constexpr long kNanoseconds = 1'000'000'000;

}  // namespace

extern "C" {

// That the process has one thread, so that counters need not be atomic: never claimed.
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;

// Waits until a time of the given clock; before 2.30 only the wall clock's could be named.
__attribute__((visibility("hidden"))) int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                                                 clockid_t clock, const timespec* end) {
  timespec wall = *end;
  if (clock != CLOCK_REALTIME) {
    timespec now, wall_now;
    clock_gettime(clock, &now);
    clock_gettime(CLOCK_REALTIME, &wall_now);
    wall.tv_sec += wall_now.tv_sec - now.tv_sec;
    wall.tv_nsec += wall_now.tv_nsec - now.tv_nsec;
    for (; wall.tv_nsec < 0; wall.tv_nsec += kNanoseconds) --wall.tv_sec;
    for (; wall.tv_nsec >= kNanoseconds; wall.tv_nsec -= kNanoseconds) ++wall.tv_sec;
  }
  return pthread_cond_timedwait(condition, mutex, &wall);
}
}
