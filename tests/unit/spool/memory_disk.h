// A disk in memory that remembers every operation, so that the power can be cut after any of them, and that fails where
// a test says so. The rules are harsher than any file system's: nothing is there after a power cut but what was synced;
// of the rest each sector of 512 octets is there or not, by chance, and so is each change of a folder.
#pragma once

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "spool/disk.h"

namespace postern::spool::test {

class MemoryDisk final : public Disk {
 public:
  enum class Kind : std::uint8_t {
    make_directory,
    create,
    write,
    allocate,
    sync,
    failed_sync,
    rename,
    unlink,
    sync_directory
  };
  struct Op {
    Kind kind;
    std::size_t inode = 0;
    std::uint64_t offset = 0;  // of a write; the size, of an allocate
    std::string data;          // of a write
    std::string path, to;
  };

  // --- what the journal sees
  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (how == Open::create) {
      if (found != names_.end()) return error("opening " + path, EEXIST);
      if (!directories_.contains(parent(path))) return error("opening " + path, ENOENT);
      if (const int code = fault(true)) return error("opening " + path, code);
      names_[path] = inodes_.size();
      inodes_.emplace_back();
      note({Kind::create, inodes_.size() - 1, 0, {}, path, {}});
      return std::make_unique<Handle>(*this, inodes_.size() - 1);
    }
    if (found == names_.end()) return error("opening " + path, ENOENT);
    return std::make_unique<Handle>(*this, found->second);
  }
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& directory) override {
    const std::lock_guard lock(mutex_);
    if (!directories_.contains(directory)) return error("listing " + directory, ENOENT);
    std::vector<std::string> out;
    for (const auto& [path, inode] : names_) {
      if (parent(path) == directory) out.push_back(path.substr(directory.size() + 1));
    }
    for (const std::string& path : directories_) {
      if (path != directory && parent(path) == directory) out.push_back(path.substr(directory.size() + 1));
    }
    std::ranges::sort(out);
    return out;
  }
  [[nodiscard]] Result<void> make_directory(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (directories_.contains(path)) return {};
    if (const int code = fault()) return error("making " + path, code);
    directories_.insert(path);
    note({Kind::make_directory, 0, 0, {}, path, {}});
    return {};
  }
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    if (const int code = fault()) return error("renaming " + from, code);
    const auto found = names_.find(from);
    if (found == names_.end()) return error("renaming " + from, ENOENT);
    names_[to] = found->second;
    names_.erase(from);
    note({Kind::rename, 0, 0, {}, from, to});
    return {};
  }
  [[nodiscard]] Result<void> unlink(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (const int code = fault()) return error("removing " + path, code);
    if (names_.erase(path) == 0) return error("removing " + path, ENOENT);
    note({Kind::unlink, 0, 0, {}, path, {}});
    return {};
  }
  [[nodiscard]] Result<void> sync_directory(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (const int code = fault()) return error("syncing " + path, code);
    note({Kind::sync_directory, 0, 0, {}, path, {}});
    return {};
  }
  [[nodiscard]] Result<Space> space(const std::string&) override {
    const std::lock_guard lock(mutex_);
    return space_;
  }
  [[nodiscard]] Result<std::unique_ptr<File>> lock(const std::string& path) override {
    const std::lock_guard guard(mutex_);
    if (locked_) return error("locking " + path, EWOULDBLOCK);
    locked_ = true;
    return std::make_unique<Handle>(*this, kLock);
  }

  // --- what the test does
  void set_space(Space space) {
    const std::lock_guard lock(mutex_);
    space_ = space;
  }
  // The n-th operation that can fail, counted from now (1 is the next), fails once; 0: none.
  void fail_once(std::size_t n, int code) {
    const std::lock_guard lock(mutex_);
    fail_in_ = n;
    fail_code_ = code;
    fail_always_ = false;
    fault_hit_ = false;
  }
  // Everything that can fail does, or all that needs new blocks, until fail_once(0, 0).
  void fail_always(int code, bool only_new_blocks = false) {
    const std::lock_guard lock(mutex_);
    fail_always_ = true;
    only_new_blocks_ = only_new_blocks;
    fail_code_ = code;
  }
  [[nodiscard]] bool fault_hit() const {
    const std::lock_guard lock(mutex_);
    return fault_hit_;
  }
  [[nodiscard]] std::size_t operations() const {
    const std::lock_guard lock(mutex_);
    return ops_.size();
  }
  [[nodiscard]] std::vector<Op> log() const {
    const std::lock_guard lock(mutex_);
    return ops_;
  }
  [[nodiscard]] std::vector<std::string> files() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [path, inode] : names_) out.push_back(path);
    return out;
  }
  [[nodiscard]] std::string content(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    return inodes_.at(names_.at(path));
  }
  void set_content(const std::string& path, std::string octets) {
    const std::lock_guard lock(mutex_);
    if (!names_.contains(path)) {
      names_[path] = inodes_.size();
      inodes_.emplace_back();
    }
    inodes_[names_[path]] = std::move(octets);
  }
  void add_directory(const std::string& path) {
    const std::lock_guard lock(mutex_);
    directories_.insert(path);
  }
  // Waits until `condition`, asked again after each operation, is true. False after `patience`: a failed test, not a
  // pause.
  [[nodiscard]] bool wait_until(const std::function<bool(const std::vector<std::string>& files)>& condition,
                                std::chrono::seconds patience = std::chrono::seconds(30)) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] {
      std::vector<std::string> names;
      for (const auto& [path, inode] : names_) names.push_back(path);
      return condition(names);
    });
  }

  // The disk as it is found after the power was cut behind the first `count` operations.
  [[nodiscard]] std::unique_ptr<MemoryDisk> after_power_cut(const std::vector<Op>& ops, std::size_t count,
                                                            unsigned seed) const;

 private:
  static constexpr std::size_t kLock = static_cast<std::size_t>(-1);
  static constexpr std::size_t kSector = 512;

  class Handle final : public File {
   public:
    Handle(MemoryDisk& disk, std::size_t inode) : disk_(disk), inode_(inode) {}
    ~Handle() override {
      const std::lock_guard lock(disk_.mutex_);
      if (inode_ == kLock) disk_.locked_ = false;
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    [[nodiscard]] Result<void> write(std::span<iovec> pieces, std::uint64_t offset) override {
      std::string data;
      for (const iovec& piece : pieces) data.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
      const std::lock_guard lock(disk_.mutex_);
      const int code = disk_.fault();
      if (code != 0) data.resize(data.size() / 2);  // a part of it was done
      put(disk_.inodes_[inode_], offset, data);
      disk_.note({Kind::write, inode_, offset, std::move(data), {}, {}});
      if (code != 0) return error("writing", code);
      return {};
    }
    [[nodiscard]] Result<void> sync() override {
      const std::lock_guard lock(disk_.mutex_);
      const int code = disk_.fault();
      disk_.note({code == 0 ? Kind::sync : Kind::failed_sync, inode_, 0, {}, {}, {}});
      if (code != 0) return error("syncing", code);
      return {};
    }
    [[nodiscard]] Result<void> allocate(std::uint64_t size) override {
      const std::lock_guard lock(disk_.mutex_);
      if (const int code = disk_.fault(true)) return error("allocating", code);
      disk_.inodes_[inode_].resize(size);
      disk_.note({Kind::allocate, inode_, size, {}, {}, {}});
      return {};
    }
    [[nodiscard]] Result<std::size_t> read(std::span<char> out, std::uint64_t offset) const override {
      const std::lock_guard lock(disk_.mutex_);
      const std::string& data = disk_.inodes_[inode_];
      if (offset >= data.size()) return std::size_t{0};
      const std::string_view part = std::string_view(data).substr(offset, out.size());
      std::ranges::copy(part, out.begin());
      return part.size();
    }
    [[nodiscard]] Result<std::uint64_t> size() const override {
      const std::lock_guard lock(disk_.mutex_);
      return disk_.inodes_[inode_].size();
    }

   private:
    MemoryDisk& disk_;
    std::size_t inode_;
  };

  static void put(std::string& data, std::uint64_t offset, std::string_view octets) {
    if (data.size() < offset + octets.size()) data.resize(offset + octets.size());
    data.replace(offset, octets.size(), octets);
  }
  static std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }
  static std::unexpected<Error> error(const std::string& doing, int code) {
    return fail_errno(ErrorKind::storage, doing, code);
  }
  int fault(bool new_blocks = false) {
    if (fail_always_ && only_new_blocks_ && !new_blocks) return 0;
    if (fail_always_) {
      fault_hit_ = true;
      return fail_code_;
    }
    if (fail_in_ == 0) return 0;
    --fail_in_;
    if (fail_in_ > 0) return 0;
    fault_hit_ = true;
    return fail_code_;
  }
  void note(Op op) {
    ops_.push_back(std::move(op));
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::string, std::size_t> names_;
  std::set<std::string> directories_;
  std::vector<std::string> inodes_;
  std::vector<Op> ops_;
  Space space_{std::uint64_t{1} << 40, std::uint64_t{1} << 39};
  bool locked_ = false;
  std::size_t fail_in_ = 0;
  int fail_code_ = 0;
  bool fail_always_ = false;
  bool only_new_blocks_ = false;
  bool fault_hit_ = false;
};

inline std::unique_ptr<MemoryDisk> MemoryDisk::after_power_cut(const std::vector<Op>& ops, std::size_t count,
                                                               unsigned seed) const {
  auto disk = std::make_unique<MemoryDisk>();
  std::mt19937 random(seed);
  // Which writes are safe: those with a successful sync of the file behind them, and no failed one in between.
  std::vector<bool> safe(count, false);
  std::vector<bool> doubtful(count, false);
  std::map<std::size_t, std::vector<std::size_t>> unsynced;         // by inode
  std::map<std::string, std::vector<std::size_t>> unsynced_folder;  // by folder
  for (std::size_t i = 0; i < count; ++i) {
    const Op& op = ops[i];
    switch (op.kind) {
      case Kind::write:
      case Kind::allocate:
        unsynced[op.inode].push_back(i);
        break;
      case Kind::sync:
        for (const std::size_t done : unsynced[op.inode]) safe[done] = true;
        unsynced[op.inode].clear();
        break;
      case Kind::failed_sync:  // the pages are marked clean and may be lost: no later sync brings them to the disk
        for (const std::size_t lost : unsynced[op.inode]) doubtful[lost] = true;
        unsynced[op.inode].clear();
        break;
      case Kind::make_directory:
      case Kind::create:
      case Kind::rename:
      case Kind::unlink:
        unsynced_folder[parent(op.path)].push_back(i);
        break;
      case Kind::sync_directory:
        for (const std::size_t done : unsynced_folder[op.path]) safe[done] = true;
        unsynced_folder[op.path].clear();
        break;
    }
  }
  // One cut in three loses all that it can, one keeps changes of folders in order, one is pure chance.
  const unsigned mode = random() % 3;
  const auto lucky = [&] { return mode != 0 && random() % 2 == 0; };
  std::map<std::string, bool> folder_stopped;
  for (std::size_t i = 0; i < count; ++i) {
    const Op& op = ops[i];
    switch (op.kind) {
      case Kind::write: {
        if (disk->inodes_.size() <= op.inode) disk->inodes_.resize(op.inode + 1);
        std::string& data = disk->inodes_[op.inode];
        if (safe[i]) {
          put(data, op.offset, op.data);
          break;
        }
        for (std::size_t at = 0; at < op.data.size();) {
          const std::size_t end =
              std::min<std::size_t>(op.data.size(), (op.offset + at) / kSector * kSector + kSector - op.offset);
          if (lucky()) put(data, op.offset + at, std::string_view(op.data).substr(at, end - at));
          at = end;
        }
        break;
      }
      case Kind::allocate:
        if (disk->inodes_.size() <= op.inode) disk->inodes_.resize(op.inode + 1);
        if (safe[i] || lucky()) disk->inodes_[op.inode].resize(op.offset);
        break;
      case Kind::make_directory:
      case Kind::create:
      case Kind::rename:
      case Kind::unlink: {
        bool happens = safe[i];
        if (!happens) {
          bool& stopped = folder_stopped[parent(op.path)];
          happens = lucky() && !(mode == 1 && stopped);
          if (!happens) stopped = true;
        }
        if (!happens) break;
        if (op.kind == Kind::make_directory) disk->directories_.insert(op.path);
        if (op.kind == Kind::create) {
          if (disk->inodes_.size() <= op.inode) disk->inodes_.resize(op.inode + 1);
          disk->names_[op.path] = op.inode;
        }
        if (op.kind == Kind::unlink) disk->names_.erase(op.path);
        if (op.kind == Kind::rename) {
          if (const auto found = disk->names_.find(op.path); found != disk->names_.end()) {
            disk->names_[op.to] = found->second;
            disk->names_.erase(op.path);
          }
        }
        break;
      }
      case Kind::sync:
      case Kind::failed_sync:
      case Kind::sync_directory:
        break;
    }
  }
  // Names whose folder did not survive are gone with it.
  std::erase_if(disk->names_, [&](const auto& name) { return !disk->directories_.contains(parent(name.first)); });
  return disk;
}

}  // namespace postern::spool::test
