// Prober: questions of our own, one small UDP datagram to each server, apart from libunbound. They say two things that
// libunbound does not: whether a server answers at all, and with which code, where libunbound only says SERVFAIL.
// Nothing of an answer is used but its code. Internal to resolver. Thread rule: the resolver thread's.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/time.h"
#include "base/unique_fd.h"
#include "dns/answer.h"
#include "ip/address.h"

namespace postern::resolver {

class Prober {
 public:
  // The code of the first answer; nullopt: none came in time.
  using Done = std::function<void(std::optional<std::uint8_t>)>;

  explicit Prober(std::vector<ip::Endpoint> servers);

  // False: too many questions are open, or no datagram could be sent; `done` is not called then.
  bool ask(const dns::Name& name, dns::Type type, Clock::time_point deadline, Done done);
  void add_to(std::vector<pollfd>& descriptors) const;
  // Reads what came and ends what is overdue. `done` may ask again.
  void turn(Clock::time_point now);
  [[nodiscard]] Clock::time_point next() const;

  [[nodiscard]] std::size_t open() const { return questions_.size(); }

  static constexpr std::size_t kQuestionsMax = 32;
  static constexpr std::size_t kServersAsked = 4;  // of one question

 private:
  struct Question {
    std::uint16_t id = 0;
    Clock::time_point deadline;
    std::vector<UniqueFd> sockets;
    Done done;
  };
  static std::optional<std::uint8_t> read(const Question& question);

  std::vector<ip::Endpoint> servers_;
  std::vector<Question> questions_;
};

// Where a recursive resolver would begin: some of the root's servers.
[[nodiscard]] std::vector<ip::Endpoint> root_servers();

}  // namespace postern::resolver
