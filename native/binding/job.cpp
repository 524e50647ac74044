#include "binding/job.hpp"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "binding/convert.hpp"

namespace hrn::binding {

void give_back_freed_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

Napi::Value Job::start(Napi::Env env, const Napi::Value& on_progress, std::unique_ptr<Job> owned) {
  if (!on_progress.IsUndefined()) {
    if (!on_progress.IsFunction()) reject("a function", "onProgress", on_progress);
    owned->on_progress_ = Napi::Persistent(on_progress.As<Napi::Function>());
  }
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", owned->deferred_.Promise());
  handle.Set("cancel",
             Napi::Function::New(env, [cancel = owned->cancel_](const Napi::CallbackInfo&) { cancel->request(); }));

  // From here the ThreadSafeFunction owns the job: its finalizer deletes it, after the thread has ended.
  Job* job = owned.release();
  job->wake_ = Wake::New(env, "hrn job", 0, 1, job, on_finalize, job);
  // Registered after the ThreadSafeFunction's own hook and therefore run before it: the thread has ended by then.
  napi_add_env_cleanup_hook(env, on_env_cleanup, job);
  try {
    job->thread_ = std::thread([job] { job->body(); });
  } catch (const std::exception&) {
    napi_remove_env_cleanup_hook(env, on_env_cleanup, job);
    job->wake_.Release();
    throw Error(ErrorCode::internal, "the system refused to start a thread");
  }
  return handle;
}

void Job::body() {
  std::exception_ptr error;
  try {
    run(*cancel_, Progress([this](long done, long total) {
      const std::lock_guard lock(mutex_);
      reported_ = true;
      done_ = done;
      total_ = total;
      post();
    }));
  } catch (...) {
    error = std::current_exception();
  }
  if (freed_ == FreedMemory::give_back) give_back_freed_memory();
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    error_ = std::move(error);
    post();
  }
  wake_.Release();
}

// mutex_ is held.
void Job::post() {
  if (posted_) return;
  posted_ = wake_.NonBlockingCall() == napi_ok;
}

void Job::on_wake(Napi::Env env, Napi::Function, Job* job, void*) {
  // A null environment means that it is gone, and the job with it.
  if (env == nullptr) return;
  try {
    job->deliver(env);
  } catch (const Napi::Error&) {
    // JavaScript can no longer run here (a worker is being terminated): there is nobody left to tell.
    job->cancel_->request();
  }
}

void Job::deliver(Napi::Env env) {
  bool reported, finished;
  long done, total;
  {
    const std::lock_guard lock(mutex_);
    posted_ = false;
    reported = std::exchange(reported_, false);
    finished = finished_;
    done = done_;
    total = total_;
  }
  const Napi::HandleScope scope(env);
  if (reported && !on_progress_.IsEmpty() && !cancel_->requested()) call_on_progress(env, done, total);
  if (finished) {
    thread_.join();
    napi_remove_env_cleanup_hook(env, on_env_cleanup, this);
    settle(env);
  }
}

// Plain Node-API: the C++ wrapper aborts when a terminated worker's call fails without an exception to show for it.
void Job::call_on_progress(Napi::Env env, long done, long total) {
  const napi_value arguments[] = {Napi::Number::New(env, static_cast<double>(done)),
                                  Napi::Number::New(env, static_cast<double>(total))};
  if (napi_call_function(env, env.Undefined(), on_progress_.Value(), 2, arguments, nullptr) == napi_ok) return;
  cancel_->request();
  napi_value ignored;
  napi_get_and_clear_last_exception(env, &ignored);
}

void Job::settle(Napi::Env env) {
  if (error_) return deferred_.Reject(js_error(env, std::exchange(error_, nullptr)).Value());
  // Also when the work was past its last check: JavaScript never sees a result after it called cancel().
  if (cancel_->requested())
    return deferred_.Reject(js_error(env, ErrorCode::cancelled, "the job was cancelled").Value());
  Napi::Value value;
  try {
    value = guarded(env, [&] { return result(env); });
  } catch (const Napi::Error& error) {
    return deferred_.Reject(error.Value());
  }
  deferred_.Resolve(value);
}

void Job::on_finalize(Napi::Env, Job*, Job* job) { delete job; }

void Job::on_env_cleanup(void* data) {
  Job* job = static_cast<Job*>(data);
  job->cancel_->request();
  if (job->thread_.joinable()) job->thread_.join();
}

}  // namespace hrn::binding
