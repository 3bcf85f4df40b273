#include "outbound/race_run.h"

#include <utility>

namespace postern::outbound {

namespace {

constexpr seconds kFarewell{5};

Task<void> let_go(std::unique_ptr<delivery::Conversation> conversation) {
  // FIN, and what arrives is read until theirs: unread octets would make it a reset (RFC 9293 3.10.4)
  co_await conversation->stream().close(Deadline::after(kFarewell));
}

milliseconds since(Clock::time_point begin) { return std::chrono::duration_cast<milliseconds>(Clock::now() - begin); }

class Run {
 public:
  Run(io::Loop& loop, io::Scope& farewells, std::vector<Contestant> contestants, const Timeouts& timeouts)
      : loop_(loop),
        farewells_(farewells),
        contestants_(std::move(contestants)),
        timeouts_(timeouts),
        runners_(contestants_.size()),
        race_(head_starts()),
        news_(loop),
        scope_(loop) {
    end_.contestants.resize(contestants_.size());
  }

  Task<RaceEnd> run(io::Breaker& breaker) {
    breaker.also([this] { break_off(); });
    while (!race_.over() && !broken_off_) {
      const Race::Step step = race_.step(Clock::now());
      if (step.start) {
        scope_.spawn(go(*step.start));
        continue;
      }
      co_await news_.wait(step.look_again == Clock::time_point::max() ? Deadline::never()
                                                                      : Deadline::at(step.look_again));
    }
    end_the_others();
    co_await scope_.join();
    breaker.also({});
    end_.winner = race_.winner();
    if (end_.winner) {
      end_.conversation = std::move(runners_[*end_.winner].conversation);
      end_.contestants[*end_.winner].what = ContestantEnd::What::won;
    }
    // Two may have greeted in the same turn
    for (Runner& runner : runners_) {
      if (runner.conversation) farewells_.spawn(let_go(std::move(runner.conversation)));
    }
    co_return std::move(end_);
  }

 private:
  struct Runner {
    io::Breaker breaker;
    std::unique_ptr<delivery::Conversation> conversation;
    Clock::time_point begun{};
  };

  std::vector<milliseconds> head_starts() const {
    std::vector<milliseconds> out;
    out.reserve(contestants_.size());
    for (const Contestant& contestant : contestants_) out.push_back(contestant.head_start);
    return out;
  }

  Task<void> go(std::size_t index) {
    Runner& runner = runners_[index];
    ContestantEnd& end = end_.contestants[index];
    const Contestant& contestant = contestants_[index];
    runner.begun = Clock::now();
    const Deadline deadline = Deadline::after(milliseconds(timeouts_.connect_ms));
    Result<std::unique_ptr<io::Stream>> stream = fail(ErrorKind::cancelled, "not connected");
    if (contestant.source) {
      stream = co_await io::connect_from(loop_, *contestant.source, contestant.endpoint, deadline, &runner.breaker);
    } else {
      stream = co_await io::connect(loop_, contestant.endpoint, deadline, &runner.breaker);
    }
    runner.breaker.watch(nullptr);
    if (!stream) {
      if (!ending_) lost(index, ContestantEnd::What::unreachable, stream.error());
      co_return;
    }
    end.connect = since(runner.begun);
    race_.connected(index, Clock::now());
    runner.conversation = std::make_unique<delivery::Conversation>(
        std::move(*stream), smtp::ClientMachine(smtp::ClientDialect::smtp, contestant.hello),
        client_timeouts(timeouts_));
    news_.notify();  // the next one's time has changed
    if (ending_) co_return;
    const auto greeted = co_await runner.conversation->hear_greeting();
    if (greeted) {
      race_.greeted(index);
      news_.notify();
      co_return;
    }
    if (ending_) co_return;
    const smtp::Reply& reply = runner.conversation->machine().last_reply();
    if (reply.code != 0) end.reply = reply;
    lost(index, ContestantEnd::What::refused, greeted.error());
  }

  void lost(std::size_t index, ContestantEnd::What what, Error error) {
    end_.contestants[index].what = what;
    end_.contestants[index].error = std::move(error);
    race_.failed(index);
    news_.notify();
  }

  void end_the_others() {
    ending_ = true;
    const auto winner = race_.winner();
    for (std::size_t i = 0; i < runners_.size(); ++i) {
      if (!race_.is_in_flight(i)) continue;
      Runner& runner = runners_[i];
      if (runner.conversation) {
        runner.conversation->stream().interrupt();
        continue;
      }
      // Slower to connect than another was to begin, connect and greet: that counts as a failure of its address
      if (winner && !broken_off_ && runner.begun < runners_[*winner].begun) {
        end_.contestants[i].what = ContestantEnd::What::outrun;
      }
      runner.breaker.cancel();
    }
  }

  void break_off() {
    broken_off_ = true;
    news_.notify();
  }

  io::Loop& loop_;
  io::Scope& farewells_;
  std::vector<Contestant> contestants_;
  Timeouts timeouts_;
  std::vector<Runner> runners_;
  Race race_;
  io::Signal news_;
  io::Scope scope_;
  RaceEnd end_;
  bool ending_ = false;
  bool broken_off_ = false;
};

}  // namespace

delivery::ClientTimeouts client_timeouts(const Timeouts& timeouts) {
  return {.greeting = milliseconds(timeouts.greeting_ms),
          .command = milliseconds(timeouts.command_ms),
          .block = milliseconds(timeouts.data_block_ms),
          .final_reply = milliseconds(timeouts.final_reply_ms)};
}

Task<RaceEnd> run_race(io::Loop& loop, io::Scope& farewells, std::vector<Contestant> contestants, Timeouts timeouts,
                       io::Breaker& breaker) {
  Run run(loop, farewells, std::move(contestants), timeouts);
  co_return co_await run.run(breaker);
}

}  // namespace postern::outbound
