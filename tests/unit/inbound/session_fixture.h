// A session over a PipeStream with the RAM store: what a client says is given as text, what the server answered and
// what the store holds is looked at afterwards.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "inbound/session.h"
#include "io/testing/pipe_stream.h"
#include "spool/ram_store.h"

namespace postern::inbound {

class SessionFixture : public ::testing::Test {
 protected:
  SessionFixture() : store(spool::make_ram_store(&faults)) { configure({}); }

  // Rebuilds the runtime with changes to the settings.
  void configure(const std::function<void(Settings&)>& change) {
    directory::DomainOptions domain;
    domain.name = "example.org";
    domain.deliver = directory::Transport{};
    domain.mailboxes = {"alice", "bob"};
    domain.aliases = {{"postmaster", {"alice"}}, {"abuse", {"alice"}}, {"team", {"alice", "bob"}}};
    auto built = directory::Directory::build({domain});
    ASSERT_TRUE(built.has_value()) << built.error().what;
    Settings settings;
    settings.hostname = "mx.example.org";
    settings.directory = *built;
    settings.listeners.push_back(ListenerOptions{});
    if (change) change(settings);
    runtime = make_runtime(std::move(settings));
  }

  // One conversation: `prepare` pushes what the client says; returns everything the server sent.
  struct Outcome {
    std::string sent;
    bool closed = false;
  };
  Outcome converse(const std::function<void(io::testing::PipeStream&, Session&)>& prepare,
                   std::string_view client = "[2001:db8::1]:4711") {
    SessionContext context{.loop = loop,
                           .store = *store,
                           .gate = gate,
                           .records = records,
                           .current = &runtime,
                           .authentication = {.resolver = resolver.get(), .keys = &keys, .pool = pool.get()},
                           .defence = defence,
                           .logins = logins.get(),
                           .expect = expect,
                           .give_up = give_up};
    auto owned = std::make_unique<io::testing::PipeStream>(loop);
    io::testing::PipeStream& stream = *owned;
    Outcome outcome;
    io::Scope scope(loop);
    auto session = std::make_unique<Session>(context, 0, std::move(owned), *ip::Endpoint::parse(client),
                                             *ip::Endpoint::parse("[2001:db8::25]:25"));
    prepare(stream, *session);
    // On the loop's thread from its first step on, where it asks the pool
    if (logins)
      loop.post([&] { scope.spawn(run(*session, stream, outcome)); });
    else
      scope.spawn(run(*session, stream, outcome));
    if (logins) loop.run();
    while (scope.size() > 0) loop.run();  // a session that ended at once has left a stop() behind
    EXPECT_EQ(scope.size(), 0U);
    return outcome;
  }
  // The client says it all, in pieces of `piece` octets, and goes.
  std::string say(const std::string& text, std::size_t piece = 65536) {
    return converse([&](io::testing::PipeStream& stream, Session&) {
             stream.push_split(text, piece);
             stream.end();
           })
        .sent;
  }

  static std::vector<int> codes(std::string_view sent) {
    std::vector<int> list;
    while (!sent.empty()) {
      const auto end = sent.find("\r\n");
      EXPECT_NE(end, std::string_view::npos) << "an unfinished reply: " << sent;
      if (end == std::string_view::npos) break;
      if (sent.substr(3, 1) == " ") list.push_back(std::stoi(std::string(sent.substr(0, 3))));
      sent.remove_prefix(end + 2);
    }
    return list;
  }
  std::vector<std::string> stored() {  // bodies, oldest first
    std::vector<std::string> list;
    for (const auto& row : store->list(std::nullopt, 1000)) {
      auto body = store->open_body(row.id);
      EXPECT_TRUE(body.has_value());
      std::string text;
      while (text.size() < (*body)->size()) {
        auto part = (*body)->read(text.size(), 65536);
        EXPECT_TRUE(part.has_value() && !part->empty());
        text += *part;
      }
      list.push_back(text);
    }
    return list;
  }
  spool::Envelope envelope(std::size_t index) {
    const auto rows = store->list(std::nullopt, 1000);
    EXPECT_LT(index, rows.size());
    auto loaded = store->load(rows.at(index).id);
    EXPECT_TRUE(loaded.has_value());
    return *loaded;
  }

  ExpectFirstAttempt expect;  // empty: no 250 waits for a next hop
  GiveUpFirstAttempt give_up;
  spool::RamStoreFaults faults;
  io::Loop loop;
  std::unique_ptr<spool::Store> store;
  Gate gate;
  record::Writer* records = nullptr;
  std::unique_ptr<dns::Resolver> resolver;  // null: nothing is authenticated
  dkim::KeyCache keys;
  Defence* defence = nullptr;  // null: nobody is judged
  std::unique_ptr<io::BlockingPool> pool;
  std::unique_ptr<Logins> logins;  // null: nobody can log in
  std::shared_ptr<const Runtime> runtime;

 private:
  Task<void> run(Session& session, io::testing::PipeStream& stream, Outcome& outcome) {
    co_await session.run();
    outcome.sent = stream.sent();
    outcome.closed = stream.closed();
    loop.stop();
  }
};

}  // namespace postern::inbound
