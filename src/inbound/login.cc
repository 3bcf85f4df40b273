#include "inbound/login.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "crypto/hmac.h"
#include "io/stream.h"
#include "sasl/dovecot.h"

namespace postern::inbound {

namespace {

using Kind = LoginStep::Kind;

constexpr seconds kDovecotTimeout{20};  // it holds refusals back for some seconds, so that guessing takes time
constexpr std::size_t kNonceOctets = 18;

std::string_view problem_text(sasl::ServerExchange::Problem problem) {
  switch (problem) {
    case sasl::ServerExchange::Problem::base64:
      return "base64";
    case sasl::ServerExchange::Problem::malformed:
      return "malformed";
    case sasl::ServerExchange::Problem::binding:
      return "channel_binding";
    case sasl::ServerExchange::Problem::identity:
      return "other_identity";
    case sasl::ServerExchange::Problem::credentials:
      return "credentials";
    case sasl::ServerExchange::Problem::none:
      break;
  }
  return "none";
}

std::string with_domain(std::string_view name, const std::string& domain) {
  std::string out(name);
  if (!domain.empty() && out.find('@') == std::string::npos) out += "@" + domain;
  return out;
}

class DovecotAttempt : public LoginAttempt {
 public:
  DovecotAttempt(const SubmissionOptions& options, io::Loop& loop, LoginRequest request)
      : path_(options.dovecot), domain_(options.domain), loop_(loop), request_(std::move(request)) {}
  ~DovecotAttempt() override { breaker_.watch(nullptr); }

  Task<LoginStep> start(std::optional<std::string> initial) override {
    // What is no base64 would be two words of Dovecot's protocol, or none
    if (initial && !from_base64(*initial)) co_return malformed();
    const Deadline deadline = Deadline::after(kDovecotTimeout);
    auto connected = co_await io::connect_unix(loop_, path_, deadline, &breaker_);
    if (!connected) co_return later(connected.error().what);
    stream_ = std::move(*connected);
    client_.emplace(sasl::DovecotClient::Request{.mechanism = std::string(sasl::to_string(request_.mechanism)),
                                                 .client_address = request_.client.address.text(),
                                                 .server_address = request_.server.address.text(),
                                                 .client_port = request_.client.port,
                                                 .server_port = request_.server.port,
                                                 .initial = std::move(initial),
                                                 .process = process_number()});
    co_return co_await run(deadline);
  }

  Task<LoginStep> receive(std::string line) override {
    if (!from_base64(line)) co_return malformed();
    client_->respond(line);
    co_return co_await run(Deadline::after(kDovecotTimeout));
  }

  [[nodiscard]] std::string_view name() const override { return {}; }
  void cancel() override { breaker_.cancel(); }

 private:
  // Dovecot wants the process id of a client, and each connection of ours is one.
  static std::uint32_t process_number() {
    static std::atomic<std::uint32_t> next{static_cast<std::uint32_t>(::getpid())};
    return next.fetch_add(1) & 0x7FFFFFFFU;
  }
  static LoginStep malformed() { return {.kind = Kind::malformed, .text = {}, .why = "base64"}; }
  static LoginStep later(std::string why) { return {.kind = Kind::later, .text = {}, .why = std::move(why)}; }

  Task<LoginStep> run(Deadline deadline) {
    using State = sasl::DovecotClient::State;
    for (;;) {
      switch (client_->state()) {
        case State::challenge:
          co_return LoginStep{.kind = Kind::challenge, .text = client_->challenge(), .why = {}};
        case State::passed:
          co_return LoginStep{.kind = Kind::passed, .text = with_domain(lower(client_->login()), domain_), .why = {}};
        case State::refused:
          if (client_->temporary()) co_return later("Dovecot says: not now");
          co_return LoginStep{.kind = Kind::refused, .text = {}, .why = "credentials"};
        case State::broken:
          co_return later("Dovecot's socket " + path_ + ": " + std::string(client_->problem()));
        default:
          break;
      }
      if (!client_->output().empty()) {
        const std::string out = std::exchange(client_->output(), {});
        const auto sent = co_await stream_->send(out, deadline);
        if (!sent) co_return later(sent.error().what);
        continue;
      }
      const auto got = co_await stream_->receive(deadline);
      if (!got) co_return later(got.error().what);
      if (got->empty()) co_return later("Dovecot's socket " + path_ + ": it closed the connection");
      client_->receive(*got);
    }
  }

  std::string path_, domain_;
  io::Loop& loop_;
  LoginRequest request_;
  io::Breaker breaker_;
  std::unique_ptr<io::Stream> stream_;
  std::optional<sasl::DovecotClient> client_;
};

}  // namespace

class LocalAttempt : public LoginAttempt {
 public:
  LocalAttempt(Logins& logins, const SubmissionOptions& options, LoginRequest request)
      : logins_(logins),
        domain_(options.domain),
        exchange_({.mechanism = request.mechanism,
                   .channel_binding = std::move(request.channel_binding),
                   .plus_offered = request.plus_offered,
                   .nonce = to_base64(crypto::random_octets(kNonceOctets))}) {}

  Task<LoginStep> start(std::optional<std::string> initial) override {
    co_return co_await run(initial ? exchange_.start(std::string_view(*initial)) : exchange_.start(std::nullopt));
  }
  Task<LoginStep> receive(std::string line) override {
    const auto want = exchange_.receive(line);
    crypto::wipe(line);
    co_return co_await run(want);
  }
  [[nodiscard]] std::string_view name() const override { return exchange_.name(); }

 private:
  using Want = sasl::ServerExchange::Want;

  // As it is now: whoever is removed while he logs in does not get in.
  sasl::Verifier verifier(bool& known) const {
    const auto users = logins_.users_.load();
    const std::string login = with_domain(exchange_.name(), domain_);
    const sasl::Verifier* const found = users ? users->find(login) : nullptr;
    known = found != nullptr;
    return known ? *found : sasl::decoy(logins_.secret_, login);
  }

  Task<LoginStep> run(Want want) {
    if (want == Want::verifier) want = exchange_.verifier(verifier(known_));
    if (want == Want::password) {
      if (logins_.checks_.fetch_add(1) >= Logins::kChecksAtOnce) {
        logins_.checks_.fetch_sub(1);
        co_return LoginStep{.kind = Kind::later, .text = {}, .why = "too many logins at once"};
      }
      const sasl::Verifier against = verifier(known_);
      std::move_only_function<bool()> work = [against, password = exchange_.password()]() mutable {
        const bool right = sasl::matches(against, password);
        crypto::wipe(password);
        return right;
      };
      const bool right = co_await logins_.pool_.run<bool>(std::move(work));
      logins_.checks_.fetch_sub(1);
      want = exchange_.checked(right && known_);
    }
    switch (want) {
      case Want::response:
        co_return LoginStep{.kind = Kind::challenge, .text = exchange_.challenge(), .why = {}};
      case Want::done:
        // A decoy's keys are of no password, so that nobody gets here with one; and if he did:
        if (!known_) co_return LoginStep{.kind = Kind::refused, .text = {}, .why = "credentials"};
        co_return LoginStep{.kind = Kind::passed, .text = with_domain(exchange_.name(), domain_), .why = {}};
      default:
        break;
    }
    const auto problem = exchange_.problem();
    const bool broken = problem == sasl::ServerExchange::Problem::base64;
    co_return LoginStep{
        .kind = broken ? Kind::malformed : Kind::refused, .text = {}, .why = std::string(problem_text(problem))};
  }

  Logins& logins_;
  std::string domain_;
  sasl::ServerExchange exchange_;
  bool known_ = false;
};

Logins::Logins(io::BlockingPool& pool, std::string secret) : pool_(pool), secret_(std::move(secret)) {}
Logins::~Logins() { crypto::wipe(secret_); }

std::unique_ptr<LoginAttempt> Logins::begin(const SubmissionOptions& options, io::Loop& loop, LoginRequest request) {
  if (!options.dovecot.empty()) return std::make_unique<DovecotAttempt>(options, loop, std::move(request));
  return std::make_unique<LocalAttempt>(*this, options, std::move(request));
}

std::string offered_mechanisms(const SubmissionOptions& options, bool with_binding) {
  std::vector<std::string> wanted = options.mechanisms;
  if (wanted.empty()) {
    // What Dovecot's users can do depends on how it keeps their passwords; these two they always can
    if (options.dovecot.empty()) wanted = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"};
    wanted.insert(wanted.end(), {"PLAIN", "LOGIN"});
  }
  std::string out;
  for (const std::string& name : wanted) {
    const bool plus = sasl::parse_mechanism(name) == sasl::Mechanism::scram_sha_256_plus;
    if (plus && (!with_binding || !options.dovecot.empty())) continue;
    if (!out.empty()) out += ' ';
    out += name;
  }
  return out;
}

}  // namespace postern::inbound
