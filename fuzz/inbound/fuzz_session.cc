// A whole session on a stream in memory: octets in any split, the connection or its TLS layer ended anywhere, sends
// that fail, storage that is full, sick or fails to commit. The first octets of the input choose; the rest is what the
// client says. Held to: every reply is a CRLF line with a known code; a 250 to a message means that it is in the store
// and nothing else is; what is stored says our results on top where mail is authenticated, and nobody else says any in
// our name; the gate has its sessions and octets back; nothing is left running.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "authres/authres.h"
#include "base/log.h"
#include "dns/fixture.h"
#include "inbound/session.h"
#include "io/testing/pipe_stream.h"
#include "spool/ram_store.h"

namespace {

using namespace postern;

void require(bool condition) {
  if (!condition) std::abort();
}

std::shared_ptr<const inbound::Runtime> make_runtime(std::uint8_t choice) {
  directory::DomainOptions domain;
  domain.name = "example.org";
  domain.mailboxes = {"alice", "bob"};
  domain.aliases = {{"team", {"alice", "bob"}}};
  inbound::Settings settings;
  settings.hostname = "mx.example.org";
  settings.directory = *directory::Directory::build({domain});
  settings.listeners.emplace_back();
  if ((choice & 1U) != 0) settings.listeners[0].proxy_from = {*ip::Prefix::parse("2001:db8::/32")};
  settings.limits.message_size = (choice & 2U) != 0 ? 300 : 100000;
  settings.limits.text_line = 500;
  settings.limits.commands = 200;
  settings.limits.recipients = 3;
  settings.received_max = 3;
  settings.sessions.bytes_in_flight = (choice & 4U) != 0 ? 64 * 1024 : 1 << 20;
  auto runtime = std::make_shared<inbound::Runtime>(*inbound::make_runtime(std::move(settings)));
  runtime->machine_options[0].starttls = true;  // the stream in memory needs no context; see PipeStream
  return runtime;
}

// How many 250s named a stored message.
std::size_t check_replies(std::string_view sent) {
  std::size_t queued = 0;
  while (!sent.empty()) {
    const auto end = sent.find("\r\n");
    require(end != std::string_view::npos && end >= 4);
    const std::string_view line = sent.substr(0, end);
    require(line[0] >= '2' && line[0] <= '5' && (line[3] == ' ' || line[3] == '-'));
    require(line.find_first_of("\r\n") == std::string_view::npos && line.find('\0') == std::string_view::npos);
    if (line.starts_with("250 2.0.0 Ok: queued as ")) ++queued;
    sent.remove_prefix(end + 2);
  }
  return queued;
}

dns::Zone make_zone() {
  const auto json = json::parse(R"({
    "example.net": {"TXT": ["v=spf1 ip6:2001:db8::/32 include:a.example.net -all"]}, "a.example.net": "TIMEOUT",
    "s._domainkey.example.net": {"TXT": ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]},
    "_dmarc.example.net": {"TXT": ["v=DMARC1; p=reject"]}, "_dmarc.example.com": "SERVFAIL"})");
  require(json.has_value());
  auto zone = dns::Zone::from_json(*json);
  require(zone.has_value());
  return std::move(*zone);
}

void check_stored(spool::Store& store, bool authenticated) {
  for (const spool::QueuedMessage& row : store.list(std::nullopt, 10000)) {
    const auto envelope = store.load(row.id);
    require(envelope.has_value());
    const message::HeaderSection top(envelope->fields_on_top);
    require(top.fields().size() == (authenticated ? 1 : 0));
    if (authenticated) require(authres::claims(top.fields()[0], "mx.example.org"));
    auto body = store.open_body(row.id);
    require(body.has_value());
    std::string text;
    while (text.size() < (*body)->size()) {
      const auto part = (*body)->read(text.size(), 65536);
      require(part.has_value() && !part->empty());
      text += *part;
    }
    for (const message::Field& field : message::HeaderSection(std::move(text)).fields()) {
      require(!authres::claims(field, "mx.example.org"));
    }
  }
}

Task<void> run(inbound::Session& session, io::testing::PipeStream& stream, std::string& sent, io::Loop& loop) {
  co_await session.run();
  sent = stream.sent();
  loop.stop();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  log::set_level(log::Level::error);
  if (size < 4) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto choice = static_cast<std::uint8_t>(all[0]);
  const std::size_t piece = static_cast<std::uint8_t>(all[1]) + 1U;
  const auto ending = static_cast<std::uint8_t>(all[2]);
  const std::string_view text = all.substr(3);

  io::Loop loop;
  spool::RamStoreFaults faults;
  faults.commit_fails = (choice & 8U) != 0;
  faults.begin_full = (choice & 16U) != 0;
  faults.begin_sick = (choice & 32U) != 0;
  const auto store = spool::make_ram_store(&faults);
  inbound::Gate gate;
  auto runtime = make_runtime(choice);
  inbound::SessionContext context{.loop = loop, .store = *store, .gate = gate, .records = nullptr, .current = &runtime};
  static dns::FixtureResolver resolver(make_zone());
  static dkim::KeyCache keys;
  const bool authenticated = piece % 2 == 0;
  if (authenticated) context.authentication = {.resolver = &resolver, .keys = &keys, .pool = nullptr};
  auto owned = std::make_unique<io::testing::PipeStream>(loop);
  io::testing::PipeStream& stream = *owned;
  stream.push_split(text, piece);
  constexpr ErrorKind kEndings[] = {ErrorKind::closed, ErrorKind::network, ErrorKind::timeout, ErrorKind::cancelled};
  if (ending < 128)
    stream.end();
  else
    stream.fail_receive(kEndings[ending % 4]);
  if ((choice & 64U) != 0) stream.fail_handshake(ErrorKind::network);
  if (ending % 16 == 15) stream.fail_send(ErrorKind::closed);

  std::string sent;
  {
    io::Scope scope(loop);
    inbound::Session session(context, 0, std::move(owned), *ip::Endpoint::parse("[2001:db8::1]:4711"),
                             *ip::Endpoint::parse("[2001:db8::25]:25"));
    if ((choice & 128U) != 0) session.drain();
    scope.spawn(run(session, stream, sent, loop));
    if (scope.size() > 0) loop.run();
    require(scope.size() == 0);
  }
  const std::size_t queued = check_replies(sent);
  const std::size_t stored = store->list(std::nullopt, 10000).size();
  if (ending % 16 != 15) require(queued == stored);
  check_stored(*store, authenticated);
  require(gate.sessions() == 0 && gate.bytes() == 0 && gate.tracked_prefixes() == 0);
  return 0;
}
