// Pickup: takes the messages that `postern sendmail` left in a folder (inbound/pickup_file.h) into the spool: at the
// start, and once a second where the folder changed. A file is removed once its message is on stable storage; a crash
// between the two takes it again, never loses it. What is no message is renamed to NAME.bad and said loudly; where
// storage is full or sick, files wait.
//
// The folder belongs to the server: mode 0700, or with `everybody` 3733, so that any user of the machine may put a file
// there and nobody but the server may list, read or remove them (the files' group is the folder's, docs/submission.md).
// Of a file nothing is believed but what is in it: it must be regular, with one name, and small enough. Who wrote it is
// its owner, and stands in the Received field. Thread rule: its loop's thread; files on the pool.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "inbound/options.h"
#include "inbound/pickup_options.h"
#include "inbound/signing.h"
#include "io/loop.h"
#include "spool/store.h"

namespace postern::inbound {

class Pickup {
 public:
  // `settings` tells those in force. All of them outlive it.
  Pickup(io::Loop& loop, io::BlockingPool& pool, spool::Store& store, PickupOptions options,
         std::function<std::shared_ptr<const Settings>()> settings);
  ~Pickup();
  Pickup(const Pickup&) = delete;
  Pickup& operator=(const Pickup&) = delete;

  // Makes the folder, and gives it its mode. Blocks.
  [[nodiscard]] Result<void> prepare() const;
  [[nodiscard]] Task<void> run();  // until stop()
  void stop();
  // One look, for tests: how many messages were taken.
  [[nodiscard]] Task<std::size_t> take_all();

 private:
  struct Opened;
  [[nodiscard]] Task<bool> take(std::string name, std::shared_ptr<const Settings> settings);
  [[nodiscard]] std::unique_ptr<MessageSigning> begin_signing(std::string_view head, const Settings& settings,
                                                              WallMs now);
  [[nodiscard]] Task<Result<void>> store(Opened& file, const Settings& settings);
  [[nodiscard]] Task<void> put_aside(std::string name, std::string why);

  io::Loop& loop_;
  io::BlockingPool& pool_;
  spool::Store& store_;
  PickupOptions options_;
  std::function<std::shared_ptr<const Settings>()> settings_;
  io::Signal stopping_;
  bool ending_ = false;
  std::set<std::string> kept_;  // taken, and still there: not to be taken again
};

}  // namespace postern::inbound
