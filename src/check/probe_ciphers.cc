// All ciphers of SSL 3.0 to TLS 1.2, by elimination: what the server picks is not offered again. One hello a
// connection, which goes no further than the server's first flight.
#include <algorithm>
#include <array>

#include "check/talk.h"
#include "check/tls_suites.h"

namespace postern::check::probing {

namespace {

using hand::ClientHello;

std::vector<std::uint16_t> suites_of(std::uint16_t version) {
  std::vector<std::uint16_t> out;
  for (const hand::Suite& one : hand::suites()) {
    if (version >= hand::kTls12 || !one.newest) out.push_back(one.code);
  }
  return out;
}

TlsTried tried(const hand::Flight& flight, const hand::Suite& suite) {
  return {.what = TlsTried::What::cipher,
          .version = std::string(hand::version_name(flight.version)),
          .cipher = std::string(suite.name),
          .group = flight.group,
          .suite = flight.suite,
          .accepted = true,
          .signature_hash = flight.signature_hash,
          .dh_bits = flight.dh_bits};
}

// Which of `offered` the server picks; nothing: none, and `why` says whether that is its answer.
Task<Answer> pick(Run& run, const std::string& host, ServerFacts& facts, std::uint16_t version,
                  std::vector<std::uint16_t> offered, hand::Flight& out) {
  Talk talk;
  ClientHello hello{.version = version, .suites = std::move(offered), .server_name = host};
  const Answer answer = co_await greet(talk, run, facts, std::move(hello));
  if (answer.came != Came::flight) co_return answer;
  co_await leave(talk);
  out = talk.flight.flight();
  if (!out.certificate.empty()) {
    if (auto own = crypto::read_certificate(out.certificate)) note_certificate(facts, *own);
  }
  co_return answer;
}

void leave_open(ServerFacts& facts, std::uint16_t version, const std::string& why) {
  facts.ciphers_open +=
      (facts.ciphers_open.empty() ? "" : "; ") + std::string(hand::version_name(version)) + ": " + why;
}

Task<void> ciphers_of(Run& run, const std::string& host, ServerFacts& facts, std::uint16_t version) {
  std::vector<std::uint16_t> left = suites_of(version);
  while (!left.empty()) {
    hand::Flight flight;
    const Answer answer = co_await pick(run, host, facts, version, left, flight);
    if (answer.came == Came::nothing) leave_open(facts, version, answer.why);
    // A server that answers an older version has nothing more for this one
    if (answer.came != Came::flight || flight.version != version) co_return;
    const hand::Suite* const suite = hand::find_suite(flight.suite);
    if (suite == nullptr || std::erase(left, flight.suite) == 0) {
      leave_open(facts, version, "the server picks what was not offered");
      co_return;
    }
    facts.tried.push_back(tried(flight, *suite));
  }
}

// Whose preference counts: the same two, offered the other way round.
Task<void> preference(Run& run, const std::string& host, ServerFacts& facts) {
  std::vector<std::uint16_t> found;
  for (const TlsTried& one : facts.tried) {
    if (one.what == TlsTried::What::cipher && one.version == "TLSv1.2" && one.accepted) found.push_back(one.suite);
  }
  if (found.size() < 2) co_return;
  hand::Flight flight;
  const Answer answer = co_await pick(run, host, facts, hand::kTls12, {found.back(), found.front()}, flight);
  if (answer.came == Came::flight) facts.own_order = flight.suite == found.front();
}

Task<std::optional<bool>> speaks_ssl2(Run& run, ServerFacts& facts) {
  Talk talk;
  talk.at = co_await visit(run, facts);
  if (talk.at == nullptr || !co_await begin_tls(*talk.at, facts)) co_return std::nullopt;
  if (!co_await tell(talk, hand::write_ssl2_hello(random_octets(16)))) co_return false;
  std::string came;
  for (;;) {
    const auto received = co_await talk.at->stream->receive(Deadline::after(kHandshakeWait).earlier(run.deadline));
    if (!received && received.error().kind != ErrorKind::closed && received.error().kind != ErrorKind::network)
      co_return std::nullopt;
    if (!received || received->empty()) co_return false;
    came += received->substr(0, 64);
    const hand::Ssl2 verdict = hand::read_ssl2(came);
    if (verdict != hand::Ssl2::more) co_return verdict == hand::Ssl2::yes;
  }
}

}  // namespace

Task<void> deep_old_versions(Run& run, std::string host, ServerFacts& facts) {
  hand::Flight flight;
  const Answer answer = co_await pick(run, host, facts, hand::kSsl3, suites_of(hand::kSsl3), flight);
  if (answer.came != Came::nothing) {
    TlsTried one;
    one.version = "SSLv3";
    one.accepted = answer.came == Came::flight && flight.version == hand::kSsl3;
    facts.tried.push_back(std::move(one));
  }
  const auto second = co_await speaks_ssl2(run, facts);
  if (!second) co_return;
  TlsTried one;
  one.version = "SSLv2";
  one.accepted = *second;
  facts.tried.push_back(std::move(one));
}

Task<void> deep_ciphers(Run& run, std::string host, ServerFacts& facts) {
  if (!speaks(facts, "TLSv1.2")) co_return;
  co_await ciphers_of(run, host, facts, hand::kTls12);
  co_await preference(run, host, facts);
}

Task<void> deep_old_ciphers(Run& run, std::string host, ServerFacts& facts) {
  for (const std::uint16_t version : {hand::kTls11, hand::kTls10, hand::kSsl3}) {
    if (speaks(facts, hand::version_name(version))) co_await ciphers_of(run, host, facts, version);
  }
}

}  // namespace postern::check::probing
