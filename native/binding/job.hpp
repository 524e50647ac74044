// Work off the event loop: start_job() runs a function on a thread of its own and returns { promise, cancel() }.
//
// Progress and result travel through one ThreadSafeFunction, so the promise never settles before the last progress
// call (two queues would have no order between them). Progress is coalesced: a slow callback sees fewer, later values.
#pragma once
#include <napi.h>

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "binding/errors.hpp"
#include "core/cancel.hpp"
#include "core/progress.hpp"

namespace hrn::binding {

// What becomes of memory that jobs have freed. glibc keeps it in the arenas of their threads, and a series of photos
// would grow to the sum of their peaks; giving it back costs the next job its page faults. So the last job of a fit
// does.
enum class FreedMemory { keep, give_back };
// Also before a stage that takes most of all.
void give_back_freed_memory();

class Job {
 public:
  virtual ~Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // Takes ownership and starts the thread. on_progress: (done, total) => void, or undefined; if it throws, the job is
  // cancelled and what it threw is dropped (lib/native/job.ts keeps it).
  static Napi::Value start(Napi::Env env, const Napi::Value& on_progress, std::unique_ptr<Job> job);

 protected:
  Job(Napi::Env env, FreedMemory freed) : deferred_(Napi::Promise::Deferred::New(env)), freed_(freed) {}
  // On the job's thread; may throw.
  virtual void run(const Cancel& cancel, const Progress& progress) = 0;
  // On the JavaScript thread, once, after run() returned.
  virtual Napi::Value result(Napi::Env env) = 0;

 private:
  static void on_wake(Napi::Env env, Napi::Function, Job* job, void*);
  static void on_finalize(Napi::Env, Job*, Job* job);
  static void on_env_cleanup(void* job);
  using Wake = Napi::TypedThreadSafeFunction<Job, void, on_wake>;

  void body();
  void post();
  void deliver(Napi::Env env);
  void call_on_progress(Napi::Env env, long done, long total);
  void settle(Napi::Env env);

  Napi::Promise::Deferred deferred_;
  FreedMemory freed_;
  Napi::FunctionReference on_progress_;
  std::shared_ptr<Cancel> cancel_ = std::make_shared<Cancel>();
  Wake wake_;
  std::thread thread_;

  std::mutex mutex_;  // guards what follows
  bool posted_ = false, reported_ = false, finished_ = false;
  long done_ = 0, total_ = 0;
  std::exception_ptr error_;
};

// work: Result(const Cancel&, const Progress&), on the job's thread: must own (or share) everything it reads, and must
// not touch JavaScript. convert: Napi::Value(Napi::Env, Result&&), on the JavaScript thread.
template <class Work, class Convert>
Napi::Value start_job(Napi::Env env, const Napi::Value& on_progress, Work work, Convert convert,
                      FreedMemory freed = FreedMemory::keep) {
  using Result = std::invoke_result_t<Work&, const Cancel&, const Progress&>;
  class WorkJob final : public Job {
   public:
    WorkJob(Napi::Env e, Work w, Convert c, FreedMemory f) : Job(e, f), work_(std::move(w)), convert_(std::move(c)) {}

   private:
    void run(const Cancel& cancel, const Progress& progress) override { result_.emplace(work_(cancel, progress)); }
    Napi::Value result(Napi::Env e) override { return convert_(e, std::move(*result_)); }
    Work work_;
    Convert convert_;
    std::optional<Result> result_;
  };
  return Job::start(env, on_progress, std::make_unique<WorkJob>(env, std::move(work), std::move(convert), freed));
}

}  // namespace hrn::binding
