// The deep tests of the dialogue: who is accepted as a recipient, what is disclosed, what stands behind STARTTLS, and
// which line ends the message. No message is ever completed.
#include <algorithm>

#include "base/id.h"
#include "base/text.h"
#include "check/probe_impl.h"

namespace postern::check::probing {

namespace {

constexpr int kHops = 150;  // more Received fields than any server lets pass

// Says EHLO again under TLS where there is TLS: servers differ in what they allow in clear.
Task<bool> secured(Run& run, const std::string& host, Visit& at, ServerFacts& facts) {
  if (!facts.tls) co_return true;
  io::TlsExpect expect(host);
  expect.only_sni = true;
  if (!co_await secure(at, facts, run.wide, std::move(expect))) co_return false;
  const auto hello = co_await at.dialogue->ask("EHLO " + run.options.helo);
  co_return hello && hello->code == 250;
}

std::string random_user() {
  std::array<unsigned char, 8> octets{};
  random_bytes(octets.data(), octets.size());
  return "nobody-" + to_hex({reinterpret_cast<const char*>(octets.data()), octets.size()});
}

// Puts one command and notes the answer. False: the connection, or the server's patience, is at its end.
Task<bool> probe(Visit& at, ServerFacts& facts, std::string what, std::string path, std::string command) {
  const auto reply = co_await at.dialogue->ask(std::move(command));
  if (!reply) {
    facts.deep_ended = "the connection ended at the question about " + what + ": " + printable(reply.error().what);
    co_return false;
  }
  facts.probes.push_back({.what = std::move(what),
                          .path = std::move(path),
                          .code = static_cast<std::uint16_t>(reply->code),
                          .reply = printable(reply->line(), 300)});
  if (reply->code != 421) co_return true;
  facts.deep_ended = "rate limited: " + facts.probes.back().reply;
  co_return false;
}

Task<bool> recipient(Visit& at, ServerFacts& facts, std::string what, std::string path) {
  std::string command = "RCPT TO:<" + path + '>';
  co_return co_await probe(at, facts, std::move(what), std::move(path), std::move(command));
}

Task<bool> sender(Visit& at, std::string path) {
  const auto reset = co_await at.dialogue->ask("RSET");
  if (!reset) co_return false;
  const auto mail = co_await at.dialogue->ask("MAIL FROM:<" + path + '>');
  co_return mail && mail->code == 250;
}

bool is_within(const std::string& name, const std::string& domain) {
  const auto one = dns::Name::parse(name);
  const auto other = dns::Name::parse(domain);
  return one && other && one->is_within(*other);
}

// A recipient that is not theirs. Ours, unless this very server is ours.
std::string foreign_domain(const Run& run, const std::string& host) {
  const bool own = is_within(run.options.helo, run.domain) || lower(run.options.helo) == host;
  const bool name = dns::Name::parse(run.options.helo).has_value() && run.options.helo.find('.') != std::string::npos;
  return own || !name ? "example.net" : lower(run.options.helo);
}

Task<void> recipients(Run& run, const std::string& host, Visit& at, ServerFacts& facts) {
  const std::string& domain = run.domain;
  // Greylisting knows who came before by sender and recipient
  if (facts.stranger.empty()) facts.stranger = random_user();
  // RFC 5321 4.5.5, 6.1: what reports need
  if (!co_await probe(at, facts, "null-sender", "", "MAIL FROM:<>")) co_return;
  const bool null_taken = facts.probes.back().code == 250;
  if (null_taken && !co_await recipient(at, facts, "postmaster", "postmaster@" + domain)) co_return;
  const std::string own = "postmaster@" + foreign_domain(run, host);
  if (!co_await sender(at, own)) co_return;
  if (!null_taken && !co_await recipient(at, facts, "postmaster", "postmaster@" + domain)) co_return;
  if (!co_await recipient(at, facts, "abuse", "abuse@" + domain)) co_return;
  if (!co_await recipient(at, facts, "postmaster-host", "postmaster@" + host)) co_return;
  if (!co_await recipient(at, facts, "unknown", facts.stranger + '@' + domain)) co_return;
  if (!co_await sender(at, own)) co_return;
  const std::string foreign = foreign_domain(run, host);
  const std::string user = facts.stranger;
  if (!co_await recipient(at, facts, "relay", user + '@' + foreign)) co_return;
  if (!co_await recipient(at, facts, "relay-percent", user + '%' + foreign + '@' + domain)) co_return;
  if (!co_await recipient(at, facts, "relay-bang", foreign + '!' + user)) co_return;
  if (!co_await recipient(at, facts, "relay-quoted", "\"" + user + '@' + foreign + "\"@" + domain)) co_return;
  if (!co_await recipient(at, facts, "relay-route", '@' + domain + ':' + user + '@' + foreign)) co_return;
  // A sender of theirs must not open the door
  if (!co_await sender(at, "postmaster@" + domain)) co_return;
  static_cast<void>(co_await recipient(at, facts, "relay-as-own", user + '@' + foreign));
}

Task<void> disclosure(Run& run, Visit& at, ServerFacts& facts) {
  static_cast<void>(co_await at.dialogue->ask("RSET"));
  const auto known = co_await at.dialogue->ask("VRFY postmaster@" + run.domain);
  if (!known || known->code == 421) co_return;
  facts.vrfy_reply = printable(known->line(), 300);
  const auto unknown = co_await at.dialogue->ask("VRFY " + random_user() + '@' + run.domain);
  if (!unknown || unknown->code == 421) co_return;
  facts.vrfy_unknown_reply = printable(unknown->line(), 300);
  const auto list = co_await at.dialogue->ask("EXPN postmaster");
  if (!list || list->code == 421) co_return;
  facts.expn_reply = printable(list->line(), 300);
}

// CVE-2011-0411: a command that came in clear behind STARTTLS, answered under TLS.
Task<void> injection(Run& run, const std::string& host, ServerFacts& facts) {
  const auto at = co_await visit(run, facts);
  if (at == nullptr) co_return;
  if (!co_await at->dialogue->say("STARTTLS\r\nNOOP\r\n")) co_return;
  const auto ready = co_await at->dialogue->hear(Deadline::after(kReplyWait));
  if (!ready || ready->code != 220) {
    facts.injection_answered = false;
    facts.injection_evidence = ready ? "refused: " + printable(ready->line(), 300) : "the connection was closed";
    co_return;
  }
  io::TlsExpect expect(host);
  expect.only_sni = true;
  const auto started =
      co_await at->stream->start_tls_client(run.wide, std::move(expect), Deadline::after(kHandshakeWait));
  at->dialogue->forget();
  facts.injection_answered = false;
  if (!started) {
    facts.injection_evidence = "no handshake: " + printable(started.error().what, 300);
    co_return;
  }
  const auto first = co_await at->dialogue->ask("EHLO " + run.options.helo);
  const auto second = co_await at->dialogue->hear(Deadline::after(kSilence));
  if (first && second) {
    facts.injection_answered = true;
    facts.injection_evidence =
        "EHLO was answered twice: " + printable(first->line()) + " / " + printable(second->line());
    co_return;
  }
  facts.injection_evidence = "what came in clear was forgotten";
  if (first && second.error().kind == ErrorKind::timeout) co_await part(*at);
}

// A message that no server should take: its header has more hops than any allows. Its lines end it in ways that only a
// server would take for the end that can be made to see two messages in one. Whoever waits for more is right, and never
// gets the end: the connection is closed in the middle (RFC 5321 4.1.1.4: nothing is delivered then).
std::string looping_header(const Run& run) {
  std::string out;
  for (int i = 0; i < kHops; ++i)
    out += "Received: from loop.invalid by loop.invalid; Thu, 1 Jan 1970 00:00:00 +0000\r\n";
  out += "From: <postmaster@" + run.options.helo + ">\r\nSubject: test of line ends (nothing to do)\r\n\r\n";
  return out + "Your server took a line end for the end of a message that is none: SMTP smuggling.\r\n";
}

Task<void> line_ends(Run& run, const std::string& host, ServerFacts& facts) {
  const auto taken = [&](std::string_view what) {
    return std::ranges::any_of(facts.probes,
                               [&](const RecipientProbe& one) { return one.what == what && one.code / 100 == 2; });
  };
  if (!taken("null-sender") || !taken("postmaster")) co_return;
  const auto at = co_await visit(run, facts);
  if (at == nullptr || !co_await secured(run, host, *at, facts)) co_return;
  for (const std::string& line : {std::string("MAIL FROM:<>"), "RCPT TO:<postmaster@" + run.domain + '>'}) {
    const auto reply = co_await at->dialogue->ask(line);
    if (!reply || reply->code / 100 != 2) co_return;
  }
  const auto data = co_await at->dialogue->ask("DATA");
  if (!data || data->code != 354) co_return;
  if (!co_await at->dialogue->say(looping_header(run))) co_return;
  struct Form {
    const char* name;
    const char* octets;
  };
  for (const Form form :
       {Form{"LF.LF", "a\n.\n"}, Form{"LF.CRLF", "a\n.\r\n"}, Form{"CR.CR", "a\r.\r"}, Form{"CR.CRLF", "a\r.\r\n"}}) {
    if (!co_await at->dialogue->say(form.octets)) break;
    const auto reply = co_await at->dialogue->hear(Deadline::after(kSilence));
    if (!reply) {
      if (reply.error().kind == ErrorKind::timeout) continue;  // it waits for more
      break;                                                   // it hung up on us: refused
    }
    // A refusal in the middle of the message, or the end of it? Only behind the end a command is a command.
    const auto noop = co_await at->dialogue->ask("NOOP");
    if (noop && noop->code == 250) {
      facts.line_end_taken = form.name;
      co_await part(*at);
      co_return;
    }
    break;
  }
  facts.line_end_taken = "";
}

}  // namespace

Task<void> deep_smtp(Run& run, std::string host, ServerFacts& facts) {
  {
    const auto at = co_await visit(run, facts);
    if (at == nullptr || !co_await secured(run, host, *at, facts)) co_return;
    co_await recipients(run, host, *at, facts);
    if (!facts.deep_ended.empty()) co_return;
    co_await disclosure(run, *at, facts);
    co_await part(*at);
  }
  if (facts.offers_starttls) co_await injection(run, host, facts);
  co_await line_ends(run, host, facts);
}

}  // namespace postern::check::probing
