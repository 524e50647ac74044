// Something costly that follows from an object that never changes: made by the first who asks, kept until another key
// is asked for, shared with whoever still uses it.
#pragma once
#include <memory>
#include <mutex>
#include <optional>

namespace hrn {

template <class Key, class T>
class Memo {
 public:
  /// What `build()` returned for this key. Others wait while one builds.
  template <class Build>
  std::shared_ptr<const T> get(const Key& key, Build&& build) const {
    const std::lock_guard lock(mutex_);
    if (!key_ || *key_ != key) {
      value_ = std::make_shared<const T>(build());
      key_ = key;
    }
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::optional<Key> key_;
  mutable std::shared_ptr<const T> value_;
};

}  // namespace hrn
