// Notifier: makes notifications of what the queue decided to tell (delivery/notices.h) and puts them in the store, each
// a message of its own with a null reverse-path. They are durable before the message they are about is settled: a crash
// in between tells a sender twice, and never not at all.
// Thread rule: the queue's loop. Reading and signing are done on the pool.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/notices.h"
#include "io/loop.h"
#include "spool/store.h"

namespace postern::delivery {

struct QueueOptions;

// What the queue uses of other modules, where there is one. Called on the loop of the queue.
struct QueueServices {
  // Gives what makes the fields that sign a message of ours, to stand on its top ("" where there is no key). That is
  // asked for on the loop, and run on the pool. May give none.
  std::function<std::function<std::string(std::string_view message)>()> signer;
  // Of the reverse-paths of mail that is passed on. May give null.
  std::function<std::shared_ptr<const srs::Rewriter>()> rewriter;
  // A server of others has taken mail for the recipient. May be empty.
  std::function<void(const spool::Envelope& envelope, const spool::Recipient& recipient)> taken_elsewhere;
};

class Notifier {
 public:
  Notifier(io::Loop& loop, io::BlockingPool& pool, spool::Store& store, const QueueOptions& options,
           const QueueServices& services)
      : loop_(loop), pool_(pool), store_(store), options_(options), services_(services) {}

  enum class Outcome : std::uint8_t {
    told,
    nobody,  // the reverse-path leads nowhere: nobody can be told
    later,   // the store did not take it
  };
  // What has been told leaves `told`. It and `envelope` outlive the task.
  [[nodiscard]] Task<Outcome> tell(const spool::Envelope& envelope, std::vector<Told>& told,
                                   std::shared_ptr<const directory::Directory> directory);

 private:
  struct Made {
    std::string text;
    std::string fields_on_top;
  };
  [[nodiscard]] Task<Result<void>> send(const spool::Envelope& about, message::DsnReport report,
                                        std::vector<spool::Recipient> recipients);
  io::Loop& loop_;
  io::BlockingPool& pool_;
  spool::Store& store_;
  const QueueOptions& options_;
  const QueueServices& services_;
};

}  // namespace postern::delivery
