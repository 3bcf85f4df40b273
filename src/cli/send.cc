#include "cli/send.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "cli/transcript.h"
#include "delivery/conversation.h"
#include "io/tls.h"

namespace postern::cli {

namespace {

using State = smtp::ClientMachine::State;
constexpr std::size_t kBlock = 64 * 1024;

smtp::ClientStage stage_of(const std::string& name) {
  if (name == "connect") return smtp::ClientStage::greeting;
  if (name == "helo") return smtp::ClientStage::hello;
  if (name == "mail") return smtp::ClientStage::mail;
  if (name == "rcpt") return smtp::ClientStage::rcpt;
  if (name == "data") return smtp::ClientStage::data;
  return smtp::ClientStage::all;
}

std::string own_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

// Every address of the host, in the order of getaddrinfo (RFC 6724). Blocks: for the pool.
Result<std::vector<ip::Endpoint>> look_up(const SendOptions& options, const HostPort& server) {
  std::vector<ip::Endpoint> found;
  if (const auto literal = ip::Address::parse(server.host)) {
    found.push_back({*literal, server.port});
  } else {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int failed = ::getaddrinfo(server.host.c_str(), nullptr, &hints, &list);
    if (failed != 0)
      return fail(ErrorKind::network, "looking up " + printable(server.host) + ": " + ::gai_strerror(failed));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
    for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
      std::array<char, NI_MAXHOST> text{};
      if (::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
        continue;
      if (const auto address = ip::Address::parse(text.data())) found.push_back({*address, server.port});
    }
  }
  std::erase_if(found, [&](const ip::Endpoint& endpoint) {
    return (options.ipv4_only && !endpoint.address.is_v4()) || (options.ipv6_only && !endpoint.address.is_v6());
  });
  if (found.empty()) {
    return fail(ErrorKind::network, printable(server.host) + " has no address of the family asked for");
  }
  return found;
}

struct Line {
  std::uint32_t message = 0;
  std::string to;
  smtp::Reply reply;
};

struct Outcome {
  std::string endpoint;
  std::string tls;  // version and cipher
  bool tls_verified = false;
  std::string tls_error;
  std::vector<Line> lines;
  std::string error;  // what ended it, if not the end
  int exit = 1;
};

class Sender {
 public:
  Sender(io::Loop& loop, io::BlockingPool& pool, const SendOptions& options, Transcript& transcript)
      : loop_(loop), pool_(pool), options_(options), transcript_(transcript) {}
  Task<void> run();
  Outcome outcome;

 private:
  [[nodiscard]] Deadline soon() const { return Deadline::after(milliseconds(options_.timeout_ms)); }
  Task<Result<std::unique_ptr<io::Stream>>> connect(HostPort server);
  Task<Result<void>> talk(delivery::Conversation& conversation, std::string host);
  Task<Result<void>> secure(delivery::Conversation& conversation, std::string host);
  Task<Result<void>> send_all(delivery::Conversation& conversation);
  void note_tls(delivery::Conversation& conversation);

  io::Loop& loop_;
  io::BlockingPool& pool_;
  const SendOptions& options_;
  Transcript& transcript_;
};

Task<Result<std::unique_ptr<io::Stream>>> Sender::connect(HostPort server) {
  const SendOptions* const options = &options_;
  const auto endpoints =
      co_await pool_.run<Result<std::vector<ip::Endpoint>>>([options, &server] { return look_up(*options, server); });
  if (!endpoints) co_return std::unexpected(endpoints.error());
  Error last;
  for (const ip::Endpoint& endpoint : *endpoints) {
    transcript_.note("connecting to " + endpoint.text());
    auto stream = co_await io::connect(loop_, endpoint, soon());
    if (stream) {
      outcome.endpoint = endpoint.text();
      transcript_.note("connected");
      co_return std::move(*stream);
    }
    transcript_.note(stream.error().what);
    last = stream.error();
  }
  co_return std::unexpected(last);
}

void Sender::note_tls(delivery::Conversation& conversation) {
  const io::TlsFacts* const facts = conversation.stream().tls();
  if (facts == nullptr) return;
  outcome.tls = facts->version + " " + facts->cipher;
  outcome.tls_verified = facts->verified;
  outcome.tls_error = facts->verify_error;
  transcript_.note("TLS: " + outcome.tls + (facts->group.empty() ? "" : " " + facts->group) + ", certificate " +
                   (facts->verified ? "verified" : "not verified: " + facts->verify_error) +
                   (facts->peer_subject.empty() ? "" : ", " + facts->peer_subject));
}

// STARTTLS as asked for, once EHLO has been answered.
Task<Result<void>> Sender::secure(delivery::Conversation& conversation, std::string host) {
  if (!options_.tls && !options_.tls_optional) co_return Result<void>{};
  if (!conversation.machine().offer().starttls) {
    if (options_.tls) co_return fail(ErrorKind::refused, "--tls: the server does not offer STARTTLS");
    transcript_.note("the server does not offer STARTTLS; going on in clear");
    co_return Result<void>{};
  }
  const auto context = io::TlsClientContext::make({.verify = options_.tls_verify, .ca_file = options_.tls_ca_file});
  if (!context) co_return std::unexpected(context.error());
  const auto started = co_await conversation.start_tls(*context, std::move(host));
  if (started) {
    note_tls(conversation);
    co_return Result<void>{};
  }
  if (options_.tls_optional && conversation.machine().state() == State::ready &&
      conversation.stream().tls() == nullptr) {
    transcript_.note(started.error().what + "; going on in clear");
    co_return Result<void>{};
  }
  co_return started;
}

Task<Result<void>> Sender::send_all(delivery::Conversation& conversation) {
  const smtp::ClientStage stage = stage_of(options_.quit_after);
  for (std::uint32_t i = 0; i < options_.count; ++i) {
    const auto text = send_message_text(options_, i);
    if (!text) {
      outcome.exit = 2;
      co_return std::unexpected(text.error());
    }
    smtp::ClientMessage message;
    message.reverse_path = options_.from;
    message.forward_paths = options_.to;
    // MAIL alone needs no recipient, but the machine's message has one
    if (message.forward_paths.empty()) message.forward_paths.emplace_back("nobody@invalid");
    message.size = text->size();
    message.eight_bit = !is_ascii(*text);
    const std::string* const octets = &*text;
    const auto source = [octets](std::uint64_t offset) -> Result<std::string> {
      if (offset >= octets->size()) return std::string();
      return octets->substr(offset, kBlock);
    };
    const auto sent = co_await conversation.send(std::move(message), source);
    const std::vector<smtp::Reply>& results = conversation.machine().results();
    for (std::size_t k = 0; k < results.size(); ++k) {
      outcome.lines.push_back({i, k < options_.to.size() ? options_.to[k] : std::string("MAIL"), results[k]});
    }
    if (!sent && stage != smtp::ClientStage::data) co_return sent;
    if (conversation.machine().state() != State::ready) break;
  }
  co_return Result<void>{};
}

Task<Result<void>> Sender::talk(delivery::Conversation& conversation, std::string host) {
  if (options_.tls_on_connect) {
    const auto context = io::TlsClientContext::make({.verify = options_.tls_verify, .ca_file = options_.tls_ca_file});
    if (!context) co_return std::unexpected(context.error());
    const auto started = co_await conversation.start_tls_at_once(*context, host);
    if (!started) co_return started;
    note_tls(conversation);
  }
  const auto greeted = co_await conversation.greet();
  if (!greeted) co_return greeted;
  const smtp::ClientStage stage = stage_of(options_.quit_after);
  if (stage > smtp::ClientStage::greeting) {
    const auto secured = co_await secure(conversation, std::move(host));
    if (!secured) co_return secured;
  }
  if (stage > smtp::ClientStage::hello) {
    const auto sent = co_await send_all(conversation);
    if (!sent) co_return sent;
  }
  if (conversation.machine().state() == State::ready) co_await conversation.quit();
  co_return Result<void>{};
}

Task<void> Sender::run() {
  const auto server = parse_host_port(options_.server);
  if (!server) {
    outcome.error = server.error().what;
    outcome.exit = 2;
    co_return;
  }
  auto stream = co_await connect(*server);
  if (!stream) {
    outcome.error = stream.error().what;
    co_return;
  }
  smtp::ClientMachine machine(options_.lmtp ? smtp::ClientDialect::lmtp : smtp::ClientDialect::smtp,
                              options_.helo.empty() ? own_name() : options_.helo);
  if (!options_.pipelining) machine.forgo_pipelining();
  machine.stop_after(stage_of(options_.quit_after));
  const milliseconds timeout(options_.timeout_ms);
  Transcript* const transcript = &transcript_;
  delivery::Conversation conversation(
      std::move(*stream), std::move(machine), {timeout, timeout, timeout, timeout},
      [transcript](bool sent, std::string_view bytes) { transcript->wire(sent, bytes); });
  const auto talked = co_await talk(conversation, server->host);
  if (!talked) {
    outcome.error = talked.error().what;
    co_return;
  }
  outcome.exit = 0;
  for (const Line& line : outcome.lines) {
    if (!line.reply.positive()) outcome.exit = 1;
  }
}

Task<void> run_and_stop(Sender& sender, io::Loop& loop) {
  co_await sender.run();
  loop.stop();
}

std::string_view word(const smtp::Reply& reply) {
  return reply.positive() ? "accepted" : reply.permanent() ? "refused for good" : "refused for now";
}

void print_json(const Outcome& outcome, std::int64_t elapsed_ms) {
  std::string out;
  json::Writer w(out);
  w.begin_object()
      .field("server", outcome.endpoint)
      .field("tls", outcome.tls)
      .field("tls_verified", outcome.tls_verified);
  w.field("tls_error", outcome.tls_error).key("recipients").begin_array();
  for (const Line& line : outcome.lines) {
    w.begin_object().field("message", line.message).field("to", line.to).field("code", line.reply.code);
    w.field("enhanced", line.reply.enhanced.text()).field("text", line.reply.text);
    w.field("result", line.reply.positive()    ? "accepted"
                      : line.reply.permanent() ? "permanent"
                                               : "temporary")
        .end_object();
  }
  w.end_array().field("error", outcome.error).field("elapsed_ms", elapsed_ms).field("exit", outcome.exit).end_object();
  std::printf("%s\n", out.c_str());
}

}  // namespace

int run_send(const SendOptions& options) {
  if (const std::string wrong = send_usage_error(options); !wrong.empty()) {
    std::fprintf(stderr, "postern send: %s\n", wrong.c_str());
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  Transcript transcript(stdout, ::isatty(STDOUT_FILENO) != 0, options.json);
  io::Loop loop;
  io::BlockingPool pool(1);
  Sender sender(loop, pool, options, transcript);
  io::Scope scope(loop);
  loop.post([&] { scope.spawn(run_and_stop(sender, loop)); });
  loop.run();
  const Outcome& outcome = sender.outcome;
  transcript.end();
  if (options.json) {
    print_json(outcome, transcript.elapsed_ms());
    return outcome.exit;
  }
  for (const Line& line : outcome.lines) {
    transcript.note(line.to + ": " + std::string(word(line.reply)) + ": " + line.reply.line());
  }
  if (!outcome.error.empty()) transcript.note("stopped: " + outcome.error);
  std::fflush(stdout);
  return outcome.exit;
}

}  // namespace postern::cli
