// Known holes of TLS, tried with care: nothing is sent that could harm a server, what a hole would give away is asked
// for in the smallest amount that tells, and thrown away.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "check/talk.h"
#include "check/tls_suites.h"
#include "crypto/keys.h"

namespace postern::check::probing {

namespace {

using hand::Content;
using What = Weakness::What;
using State = Weakness::State;

constexpr std::uint16_t kHeartbeatClaim = 32;  // octets asked for that were never sent
constexpr std::size_t kAnswersMax = 4;         // records of one answer that are looked at
constexpr auto kOracleWait = std::chrono::seconds(2);

void note(ServerFacts& facts, What what, State state, std::string evidence) {
  facts.weaknesses.push_back({.what = what, .state = state, .evidence = std::move(evidence)});
}

// The newest version to TLS 1.2 that is spoken; 0: none.
std::uint16_t newest(const ServerFacts& facts) {
  for (const std::uint16_t version : {hand::kTls12, hand::kTls11, hand::kTls10, hand::kSsl3}) {
    if (speaks(facts, hand::version_name(version))) return version;
  }
  return 0;
}

std::vector<std::uint16_t> all_suites(std::uint16_t version, bool only_rsa) {
  std::vector<std::uint16_t> out;
  for (const hand::Suite& one : hand::suites()) {
    const bool rsa = one.exchange == hand::Exchange::rsa && !one.export_grade;
    if ((rsa || !only_rsa) && !one.export_grade && (version >= hand::kTls12 || !one.newest)) out.push_back(one.code);
  }
  return out;
}

std::string in_words(const Heard& heard) {
  switch (heard.how) {
    case Heard::How::closed:
      return "the connection was closed";
    case Heard::How::silent:
      return "no answer";
    case Heard::How::broken:
      return heard.why;
    case Heard::How::record:
      break;
  }
  const bool alert = heard.record.is(Content::alert) && heard.record.body.size() == 2;
  return alert ? "alert " + hand::alert_name(static_cast<std::uint8_t>(heard.record.body[1]))
               : "a record of type " + std::to_string(heard.record.type);
}

bool is_alert(const Heard& heard, std::initializer_list<std::uint8_t> numbers) {
  return heard.how == Heard::How::record && heard.record.is(Content::alert) && heard.record.body.size() == 2 &&
         std::ranges::find(numbers, static_cast<std::uint8_t>(heard.record.body[1])) != numbers.end();
}

// One connection offers both, and tries the second.
Task<void> compression_and_heartbeat(Run& run, const std::string& host, ServerFacts& facts, std::uint16_t version) {
  Talk talk;
  const Answer answer = co_await greet(talk, run, facts,
                                       {.version = version,
                                        .suites = all_suites(version, false),
                                        .server_name = host,
                                        .heartbeat = true,
                                        .deflate = true});
  if (answer.came != Came::flight) {
    note(facts, What::compression, State::unknown, answer.why);
    note(facts, What::heartbleed, State::unknown, answer.why);
    co_return;
  }
  const hand::Flight& flight = talk.flight.flight();
  note(facts, What::compression, flight.compression == 0 ? State::absent : State::present,
       flight.compression == 0 ? "DEFLATE was offered, and not taken"
                               : "the server took compression method " + std::to_string(flight.compression));
  if (!flight.heartbeat) {
    note(facts, What::heartbleed, State::absent, "the server has no heartbeat extension");
    co_return co_await leave(talk);
  }
  // RFC 6520 4: a request whose payload_length is too large must be discarded silently
  static_cast<void>(co_await tell(talk, hand::write_heartbeat(flight.version, kHeartbeatClaim)));
  const Heard heard = co_await hear(talk, Deadline::after(kSilence).earlier(run.deadline));
  if (heard.how == Heard::How::broken) {
    note(facts, What::heartbleed, State::unknown, heard.why);
    co_return;
  }
  const bool more =
      heard.how == Heard::How::record && heard.record.is(Content::heartbeat) && heard.record.body.size() > 3;
  note(facts, What::heartbleed, more ? State::present : State::absent,
       more
           ? "a heartbeat without payload was answered with " + std::to_string(heard.record.body.size() - 3) + " octets"
           : "a heartbeat that claims more than it has: " + in_words(heard));
  co_await leave(talk);
}

// CVE-2014-0224. Whoever takes the first one has made keys of nothing; the second, in clear, cannot be read with them.
Task<void> early_change(Run& run, const std::string& host, ServerFacts& facts, std::uint16_t version) {
  Talk talk;
  const Answer answer =
      co_await greet(talk, run, facts, {.version = version, .suites = all_suites(version, false), .server_name = host});
  if (answer.came != Came::flight) {
    note(facts, What::ccs_injection, State::unknown, answer.why);
    co_return;
  }
  const std::string change = hand::write_record(Content::change_cipher_spec, talk.flight.flight().version, "\1");
  static_cast<void>(co_await tell(talk, change));
  Heard heard = co_await hear(talk, Deadline::after(kSilence).earlier(run.deadline));
  if (heard.how == Heard::How::silent) {
    static_cast<void>(co_await tell(talk, change));
    heard = co_await hear(talk, Deadline::after(kSilence).earlier(run.deadline));
    if (is_alert(heard, {20, 21})) {
      note(facts, What::ccs_injection, State::present,
           "ChangeCipherSpec before any key was taken: the next record was answered with " + in_words(heard));
      co_return;
    }
    if (heard.how == Heard::How::silent) {
      note(facts, What::ccs_injection, State::unknown, "no answer to ChangeCipherSpec, twice");
      co_return;
    }
  }
  note(facts, What::ccs_injection, heard.how == Heard::How::broken ? State::unknown : State::absent,
       "ChangeCipherSpec before any key: " + in_words(heard));
}

// --- ROBOT: "Return Of Bleichenbacher's Oracle Threat" (Boeck, Somorovsky, Young 2017), with its five forms.

enum class Form : std::uint8_t { right, wrong_start, wrong_place, no_end, wrong_version };
constexpr std::array kForms{Form::right, Form::wrong_start, Form::wrong_place, Form::no_end, Form::wrong_version};

// RFC 8017 7.2.1: 0, 2, at least eight octets that are not zero, 0, the secret; RFC 5246 7.4.7.1: 48 octets.
std::string block(std::size_t size, std::uint16_t version, Form form) {
  constexpr std::size_t kSecret = 48;
  std::string out = random_octets(size);
  for (char& c : out) {
    if (c == '\0') c = '\1';
  }
  out[0] = form == Form::wrong_start ? '\x41' : '\0';
  out[1] = form == Form::wrong_start ? '\x17' : '\2';
  const std::size_t end = size - kSecret - 1;
  out[end] = form == Form::no_end || form == Form::wrong_place ? '\x11' : '\0';
  if (form == Form::wrong_place) out[end + 3] = '\0';
  out[end + 1] = form == Form::wrong_version ? '\2' : static_cast<char>(version >> 8U);
  out[end + 2] = form == Form::wrong_version ? '\2' : static_cast<char>(version & 0xffU);
  if (form == Form::wrong_place || form == Form::no_end) out[end + 1] = '\3';
  return out;
}

struct Asked {
  bool done = false;
  std::string answer;  // "alert bad_record_mac, closed"
  std::string why;     // not done
  bool refused = false;
};

Task<Asked> ask_oracle(Run& run, const std::string& host, ServerFacts& facts, std::uint16_t version, Form form,
                       bool whole) {
  Talk talk;
  const Answer answer =
      co_await greet(talk, run, facts, {.version = version, .suites = all_suites(version, true), .server_name = host});
  if (answer.came != Came::flight)
    co_return Asked{.answer = {}, .why = answer.why, .refused = answer.came == Came::refused};
  const hand::Flight& flight = talk.flight.flight();
  const auto certificate = crypto::read_certificate(flight.certificate);
  const auto key = certificate ? crypto::PublicKey::rsa_from_der(certificate->spki)
                               : Result<crypto::PublicKey>(std::unexpected(certificate.error()));
  if (!key) co_return Asked{.answer = {}, .why = "the server's key: " + key.error().what};
  const auto size = static_cast<std::size_t>((key->bits() + 7) / 8);
  if (size < 64) co_return Asked{.answer = {}, .why = "the server's key is too short to tell"};
  const auto secret = key->encrypt_raw(block(size, version, form));
  if (!secret) co_return Asked{.answer = {}, .why = secret.error().what};
  std::string octets = hand::write_key_exchange(flight.version, *secret);
  if (whole) {
    octets += hand::write_record(Content::change_cipher_spec, flight.version, "\1");
    octets += hand::write_record(Content::handshake, flight.version, random_octets(64));  // no right Finished
  }
  Asked out{.done = true, .answer = {}, .why = {}};
  if (!co_await tell(talk, std::move(octets))) {
    out.answer = "closed";
    co_return out;
  }
  const Deadline deadline = Deadline::after(kOracleWait).earlier(run.deadline);
  for (std::size_t i = 0; i < kAnswersMax; ++i) {
    const Heard heard = co_await hear(talk, deadline);
    if (heard.how == Heard::How::broken) co_return Asked{.answer = {}, .why = heard.why};
    out.answer += (out.answer.empty() ? "" : ", ") + in_words(heard);
    if (heard.how != Heard::How::record) break;
  }
  co_return out;
}

struct Round {
  bool done = false;
  bool refused = false;  // at the first question: no RSA
  std::string why;
  std::array<std::string, kForms.size()> answers;
  [[nodiscard]] bool alike() const {
    return std::ranges::all_of(answers, [&](const auto& one) { return one == answers[0]; });
  }
};

Task<Round> ask_all(Run& run, const std::string& host, ServerFacts& facts, std::uint16_t version, bool whole) {
  Round out;
  for (std::size_t i = 0; i < kForms.size(); ++i) {
    Asked asked = co_await ask_oracle(run, host, facts, version, kForms.at(i), whole);
    if (!asked.done) {
      out.refused = asked.refused && i == 0;
      out.why = std::move(asked.why);
      co_return out;
    }
    out.answers.at(i) = std::move(asked.answer);
  }
  out.done = true;
  co_return out;
}

std::string in_words(const Round& round) {
  std::string out;
  for (const std::string& one : round.answers) {
    if (out.find(one) == std::string::npos) out += (out.empty() ? "" : " | ") + one;
  }
  return out;
}

Task<void> oracle(Run& run, const std::string& host, ServerFacts& facts, std::uint16_t version) {
  for (const bool whole : {true, false}) {
    const Round first = co_await ask_all(run, host, facts, version, whole);
    if (first.refused && whole)
      co_return note(facts, What::robot, State::absent, "RSA key exchange is not offered: " + first.why);
    if (!first.done) co_return note(facts, What::robot, State::unknown, first.why);
    if (first.alike()) {
      if (!whole)
        note(facts, What::robot, State::absent,
             "five forms of a key exchange, with and without Finished, are answered alike: " + in_words(first));
      continue;
    }
    const Round second = co_await ask_all(run, host, facts, version, whole);
    if (!second.done) co_return note(facts, What::robot, State::unknown, second.why);
    const bool same = first.answers == second.answers;
    co_return note(facts, What::robot, same ? State::present : State::unknown,
                   (same ? "malformed key exchanges are told apart, twice in the same way: "
                         : "answers differ, but not in the same way each time: ") +
                       in_words(first) + (same ? "" : " / " + in_words(second)));
  }
}

Task<void> renegotiate(Run& run, const std::string& host, ServerFacts& facts) {
  const auto context = io::TlsClientContext::make({.ca_file = run.options.ca_file,
                                                   .min_version = "TLSv1",
                                                   .ciphers = "ALL:eNULL",
                                                   .weak = true,
                                                   .max_version = "TLSv1.2",
                                                   .renegotiate = true});
  if (!context) {
    facts.renegotiation_end = context.error().what;
    co_return;
  }
  const auto at = co_await visit(run, facts);
  if (at == nullptr) co_return;
  io::TlsExpect expect(host);
  expect.only_sni = true;
  if (!co_await secure(*at, facts, *context, std::move(expect))) {
    facts.renegotiation_end = "no handshake to begin with";
    co_return;
  }
  int count = 0;
  while (count < kRenegotiationsMax) {
    const auto again = co_await at->stream->renegotiate(Deadline::after(kSilence).earlier(run.deadline));
    if (!again) {
      facts.renegotiation_end =
          again.error().kind == ErrorKind::timeout ? "no answer" : printable(again.error().what, 300);
      if (again.error().kind == ErrorKind::cancelled) co_return;
      break;
    }
    ++count;
  }
  facts.renegotiations = count;
  if (facts.renegotiation_end.empty()) co_await part(*at);
}

}  // namespace

Task<void> deep_holes(Run& run, std::string host, ServerFacts& facts) {
  const std::uint16_t version = newest(facts);
  if (version == 0) {
    if (!facts.deep_ended.empty() || !speaks(facts, "TLSv1.3")) co_return;
    for (const What what : {What::compression, What::heartbleed, What::ccs_injection, What::robot})
      note(facts, what, State::absent, "TLS 1.3 alone is spoken, which has no such thing");
    facts.renegotiations = 0;
    facts.renegotiation_end = "TLS 1.3 alone is spoken, which has none";
    co_return;
  }
  co_await compression_and_heartbeat(run, host, facts, version);
  if (facts.deep_ended.empty()) co_await early_change(run, host, facts, version);
  if (facts.deep_ended.empty()) co_await renegotiate(run, host, facts);
  if (facts.deep_ended.empty()) co_await oracle(run, host, facts, version);
}

}  // namespace postern::check::probing
