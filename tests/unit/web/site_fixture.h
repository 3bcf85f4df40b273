// A site over a folder with some recorded sessions, for the tests of its pages.
#pragma once

#include <gtest/gtest.h>

#include <list>

#include "base/text.h"
#include "control/control.h"
#include "io/testing/pipe_stream.h"
#include "unit/io/support.h"
#include "unit/temporary_folder.h"
#include "web/access.h"
#include "web/password.h"
#include "web/site_impl.h"

namespace postern::web {

using json::Value;

constexpr const char* kId = "M7YDGB6VQ0N6K727";
constexpr const char* kSubmitted = "M7YDGB6VQ0N6K728";
constexpr const char* kTaken = "M7YDGB6VQ0N6K729";

// A site over a folder with one refused session, and a server that keeps what it was asked.
class SiteTest : public ::testing::Test {
 protected:
  SiteTest() {
    options->hostname = "mx.example.org";
    options->postmaster = "postmaster@example.org";
    options->records = folder.at("records");
    options->listen = {*ip::Endpoint::parse("[::1]:8025")};
    folder.write(
        "records/current.jsonl",
        std::string(R"({"schema":"postern.session/1","id":")") + kId + R"(","time":")" +
            iso8601(Id::parse(kId)->time(wall_now())) +
            R"(","duration_ms":9,"listener":"mx","family":"ipv4","client":{"address":"192.0.2.9","port":33012},)" +
            R"("server":{"address":"192.0.2.1","port":25},"helo":"<b>sender</b>","policy":"f00",)" +
            R"("decisions":[{"stage":"rcpt","action":"reject","reason":"evidence_score","rule":"score","enforced":true,)" +
            R"("score":7.25,"score_low":5.5}],"decisions_total":1,)" +
            R"("transactions":[{"from":"eve@example.net","to":[{"path":"alice@example.org","code":550,)" +
            R"("enhanced":"5.7.1","reason":"evidence_score"}],"recipients":1,"code":0}],"transactions_total":1,"end":"quit"})" +
            "\n" + accepted_line(kSubmitted, "alice@example.org") + accepted_line(kTaken, ""));
  }

  // A session whose message was taken: its id stands in a Received field, and the message's too.
  static std::string accepted_line(const char* id, std::string_view login) {
    return std::string(R"({"schema":"postern.session/1","id":")") + id + R"(","time":")" +
           iso8601(Id::parse(id)->time(wall_now())) +
           R"(","duration_ms":9,"listener":"mx","family":"ipv4","client":{"address":"192.0.2.77","port":33012},)" +
           R"("server":{"address":"192.0.2.1","port":25},"helo":"home","login":")" + std::string(login) +
           R"(","transactions":[{"message":"M7YDGB6VQ0N6K7ZZ","from":"a@example.net","to":[{"path":"b@example.org",)" +
           R"("code":250}],"recipients":1,"code":250}],"transactions_total":1,"accepted":1,"end":"quit"})" + "\n";
  }

  Services services() {
    Services out{.loop = loop, .pool = pool};
    out.control = [this](Value request) { return control(std::move(request)); };
    out.explain = [](const std::string& id) -> Result<std::string> {
      return R"({"judged":true,"same_policy":true,"decisions":[],"deliveries":[],"session":{"id":")" + id +
             R"(","client":{"address":"192.0.2.9"},"transactions":[{"from":"eve@example.net","to":[{"path":"alice@example.org","code":550,"reason":"rule"}]}]}})";
    };
    out.checker = [this](std::string domain, Depth depth, check::Observer* observer) {
      return check(std::move(domain), depth, observer);
    };
    out.proofs.record = [](const std::string& domain, const std::string& ticket, WallMs) {
      return Result<check::ProofRecord>(
          check::ProofRecord{*dns::Name::parse("_postern-check." + domain), "token-" + ticket});
    };
    out.proofs.verify = [this](std::string, std::string ticket, WallMs) {
      asked_for_ticket = std::move(ticket);
      return verify();
    };
    return out;
  }
  Task<Result<Value>> control(Value request) {
    asked.push_back(request.text());
    if (control_waits != nullptr) static_cast<void>(co_await control_waits->wait(io::test::soon()));
    if (std::exchange(control_throws, false)) throw std::bad_alloc();
    if (!serves) co_return fail(ErrorKind::not_found, "nobody is there", ENOENT);
    const auto answer =
        json::parse(R"({"ok":true,"messages":[{"id":"M7YDGB6VQ0N6K727","size":9}],"text":"postern_up 1\n"})");
    co_return *answer;
  }
  Task<check::ProofAnswer> verify() { co_return check::ProofAnswer{.state = proof, .why = ""}; }
  Task<Result<check::Report>> check(std::string domain, Depth depth, check::Observer* observer) {
    ++checks;
    if (depth != Depth::polite) depths.push_back(depth);
    observer->progress(1, 2, "asking");
    if (check_waits != nullptr) static_cast<void>(co_await check_waits->wait(Deadline::never()));
    if (checks_wait) static_cast<void>(co_await gates.emplace_back(loop).wait(Deadline::never()));
    check::Report report;
    report.domain = report.unicode = domain;
    report.complete = true;
    co_return report;
  }

  static Request get(std::string path, std::string host = "localhost:8025") {
    Request request;
    request.path = std::move(path);
    request.fields.emplace("host", std::move(host));
    request.peer = request.client = ip::Address::loopback(ip::Family::v6);
    request.local = request.own = true;
    return request;
  }
  static Request post(std::string path, std::string body) {
    Request request = get(std::move(path));
    request.method = Method::post;
    request.body = std::move(body);
    request.fields.emplace("content-type", "application/x-www-form-urlencoded");
    request.fields.emplace("origin", "http://localhost:8025");
    return request;
  }
  static Request stranger(Request request) {
    request.peer = request.client = *ip::Address::parse("2001:db8::9");
    request.local = request.own = false;
    request.fields["host"] = "mx.example.org";
    return request;
  }
  Response ask(Request request) {
    if (site == nullptr) site = std::make_unique<Site>(options, services());
    return io::test::run(loop, site->answer(std::move(request)));
  }

  // The page of his own that a visitor is sent to from there.
  std::string own_page(const std::string& deep) {
    const Response to = ask(stranger(get(deep)));
    EXPECT_EQ(to.status, 303);
    return to.status == 303 ? to.fields.front().second : std::string();
  }

  testing::TemporaryFolder folder;
  std::shared_ptr<Options> options = std::make_shared<Options>();
  io::Loop loop;
  io::BlockingPool pool{1};
  std::unique_ptr<Site> site;
  std::vector<std::string> asked;
  bool serves = true;
  io::Signal* control_waits = nullptr;
  io::Signal* check_waits = nullptr;
  bool control_throws = false;
  bool checks_wait = false;  // each at a gate of its own
  std::list<io::Signal> gates;
  int checks = 0;
  std::string asked_for_ticket;
  std::vector<Depth> depths;  // of the deeper ones
  check::Proof proof = check::Proof::missing;
};

inline Task<void> keep_status(Task<Response> answer, int& status) { status = (co_await answer).status; }

// Asks many at once, and lets them come to their ends when `gate` opens.
inline Task<void> ask_at_once(Site& site, std::vector<Request> requests, std::function<void()> open,
                              std::vector<int>& statuses, io::Loop& loop) {
  io::Scope scope(loop);
  statuses.assign(requests.size(), 0);
  for (std::size_t i = 0; i < requests.size(); ++i)
    scope.spawn(keep_status(site.answer(std::move(requests[i])), statuses[i]));
  open();
  co_await scope.join();
}

}  // namespace postern::web
