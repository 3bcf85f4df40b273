// Clang's thread-safety annotations and a Mutex that carries them, so that -Wthread-safety checks every lock at compile
// time. Data that several threads touch is declared GUARDED_BY its mutex.
#pragma once

#include <mutex>

#if defined(__clang__)
#define POSTERN_TSA(x) __attribute__((x))
#else
#define POSTERN_TSA(x)
#endif
#define POSTERN_GUARDED_BY(x) POSTERN_TSA(guarded_by(x))
#define POSTERN_REQUIRES(...) POSTERN_TSA(requires_capability(__VA_ARGS__))
#define POSTERN_EXCLUDES(...) POSTERN_TSA(locks_excluded(__VA_ARGS__))

namespace postern {

class POSTERN_TSA(capability("mutex")) Mutex {
 public:
  void lock() POSTERN_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() POSTERN_TSA(release_capability()) { mutex_.unlock(); }
  bool try_lock() POSTERN_TSA(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

// Works with std::condition_variable_any (it is BasicLockable).
class POSTERN_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) POSTERN_TSA(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() POSTERN_TSA(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  void lock() POSTERN_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() POSTERN_TSA(release_capability()) { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

}  // namespace postern
