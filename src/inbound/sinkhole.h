// Sinkhole: the bodies that listeners of the role "sinkhole" keep: DIRECTORY/YYYYMMDD/ID.eml (days in UTC), the octets
// exactly as they came, folders 0700 and files 0600. They are evidence, no mail: nothing reads them for delivery, and
// nothing is promised for them, so that there is no fsync.
//
// Bounded by octets on disk (each file counts whole blocks of 4 KiB, which bounds their number too) and by age; the
// oldest go first. A body is written while it comes in, through the pool, in pieces of kPieceSize, and becomes an .eml
// when it is whole; what a crash left half written goes at the next start. Where the disk fails, the body is given up
// and the session goes on: the error says so once for each body.
// Thread rule: the store from any thread; a body from the loop of its session alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "io/loop.h"

namespace postern::inbound {

struct SinkholeBounds {
  std::uint64_t bytes = 1ULL << 30;
  std::uint32_t days = 30;
};

// One message being received. Destroyed before finish() it leaves nothing behind.
class SinkholeBody {
 public:
  static constexpr std::size_t kPieceSize = 64 * 1024;  // octets in RAM before they go to the file

  virtual ~SinkholeBody() = default;
  // The octets are copied before the first suspension. After an error all further calls give the same error.
  [[nodiscard]] virtual Task<Result<void>> append(std::string_view octets) = 0;
  // The path of the file, which is whole now.
  [[nodiscard]] virtual Task<Result<std::string>> finish() = 0;
};

class SinkholeStore {
 public:
  // `pool` outlives the store and its bodies. Nothing is touched on disk before the first body or sweep.
  SinkholeStore(std::string directory, io::BlockingPool& pool, SinkholeBounds bounds);
  ~SinkholeStore();
  SinkholeStore(const SinkholeStore&) = delete;
  SinkholeStore& operator=(const SinkholeStore&) = delete;

  // `id` is that of the message; one that is there already is replaced.
  [[nodiscard]] std::unique_ptr<SinkholeBody> begin(const Id& id, WallMs now);
  // Takes away what is too old or too much. begin() sees to it once an hour; whoever has a clock may do it oftener.
  [[nodiscard]] Task<void> sweep(WallMs now);
  void set_bounds(SinkholeBounds bounds);     // a reload; holds from the next body on
  [[nodiscard]] std::uint64_t bytes() const;  // octets on disk, as counted; 0 before the first body

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;  // bodies that end later hold it too
};

}  // namespace postern::inbound
