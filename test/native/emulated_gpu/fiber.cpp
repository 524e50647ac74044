#include "fiber.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdint>
#include <new>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// Swaps the registers that a call preserves. glibc's swapcontext() asks the kernel for the signal mask every time, and
// a warp's sum of a few values switches a thousand times.
#ifdef __x86_64__
extern "C" void emulated_gpu_switch(void** left, void* entered);
asm(R"(
.text
.type emulated_gpu_switch, @function
emulated_gpu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulated_gpu_switch, .-emulated_gpu_switch
)");
#endif

namespace emulated_gpu {
namespace {

constexpr std::size_t kStackBytes = std::size_t{256} << 10;
thread_local Fiber* entered = nullptr;

}  // namespace

Fiber::Fiber() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) throw std::bad_alloc();
  pthread_attr_getstack(&attributes, &stack_, &size_);
  pthread_attr_destroy(&attributes);
#ifndef __x86_64__
  pointer_ = new ucontext_t;
#endif
}

Fiber::Fiber(void (*body)()) : size_(kStackBytes), body_(body) {
  stack_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack_ == MAP_FAILED) throw std::bad_alloc();
#ifdef __x86_64__
  // Six registers, then where to return to; the stack is then as a call would have left it.
  auto** top = reinterpret_cast<void**>(static_cast<char*>(stack_) + size_) - 8;
  top[6] = reinterpret_cast<void*>(&Fiber::enter);
  pointer_ = top;
#else
  auto* context = new ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = stack_;
  context->uc_stack.ss_size = size_;
  context->uc_link = nullptr;
  makecontext(context, &Fiber::enter, 0);
  pointer_ = context;
#endif
}

Fiber::~Fiber() {
#ifndef __x86_64__
  delete static_cast<ucontext_t*>(pointer_);
#endif
  if (body_ == nullptr) return;
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(stack_, size_);  // others will get these addresses
#endif
  munmap(stack_, size_);
}

// AddressSanitizer has to be told of both ends of a switch.
void Fiber::enter() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
  entered->body_();
  __builtin_trap();
}

void Fiber::switch_to(Fiber& to) {
  entered = &to;
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, to.stack_, to.size_);
#endif
#ifdef __x86_64__
  emulated_gpu_switch(&pointer_, to.pointer_);
#else
  swapcontext(static_cast<ucontext_t*>(pointer_), static_cast<ucontext_t*>(to.pointer_));
#endif
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

}  // namespace emulated_gpu
