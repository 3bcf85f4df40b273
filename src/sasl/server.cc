#include "sasl/server.h"

#include <array>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "crypto/hmac.h"
#include "sasl/prep.h"

namespace postern::sasl {

namespace {

struct Named {
  Mechanism mechanism;
  std::string_view name;
};
constexpr std::array kMechanisms = {Named{Mechanism::plain, "PLAIN"}, Named{Mechanism::login, "LOGIN"},
                                    Named{Mechanism::scram_sha_256, "SCRAM-SHA-256"},
                                    Named{Mechanism::scram_sha_256_plus, "SCRAM-SHA-256-PLUS"}};

bool is_scram(Mechanism mechanism) {
  return mechanism == Mechanism::scram_sha_256 || mechanism == Mechanism::scram_sha_256_plus;
}

}  // namespace

std::string_view to_string(Mechanism mechanism) {
  for (const Named& one : kMechanisms) {
    if (one.mechanism == mechanism) return one.name;
  }
  return {};
}

std::optional<Mechanism> parse_mechanism(std::string_view name) {
  for (const Named& one : kMechanisms) {
    if (iequals(one.name, name)) return one.mechanism;
  }
  return std::nullopt;
}

ServerExchange::ServerExchange(Options options) : options_(std::move(options)) {}
ServerExchange::~ServerExchange() { crypto::wipe(password_); }

ServerExchange::Want ServerExchange::ask(std::string_view text, State next) {
  challenge_ = to_base64(text);
  state_ = next;
  return Want::response;
}

ServerExchange::Want ServerExchange::fail(Problem problem) {
  problem_ = problem;
  state_ = State::over;
  crypto::wipe(password_);
  return Want::failed;
}

bool ServerExchange::take_name(std::string_view name) {
  if (name.size() > kNameMax) return false;
  auto prepared = prepare(name);
  if (!prepared) return false;
  name_ = lower(*prepared);
  return true;
}

ServerExchange::Want ServerExchange::start(std::optional<std::string_view> initial) {
  POSTERN_CHECK(state_ == State::begin && problem_ == Problem::none);
  if (is_scram(options_.mechanism)) state_ = State::first;
  if (initial) return receive(*initial);
  return ask(options_.mechanism == Mechanism::login ? "Username:" : "", state_);
}

ServerExchange::Want ServerExchange::receive(std::string_view base64) {
  auto message = from_base64(base64);
  if (!message) return fail(Problem::base64);
  switch (state_) {
    case State::begin:
      if (options_.mechanism == Mechanism::plain) {
        const Want want = plain(*message);
        crypto::wipe(*message);
        return want;
      }
      if (!take_name(*message)) return fail(Problem::malformed);
      return ask("Password:", State::password);
    case State::password:
      if (message->empty() || message->size() > kPasswordMax) return fail(Problem::malformed);
      password_ = std::move(*message);
      state_ = State::waiting;
      return Want::password;
    case State::first:
      return client_first(*message);
    case State::final:
      return client_final(*message);
    case State::proven:
      // RFC 4954 4 has no room for a last word beside the success: it was a challenge, and this is its empty answer
      if (!message->empty()) return fail(Problem::malformed);
      state_ = State::over;
      return Want::done;
    default:
      return fail(Problem::malformed);
  }
}

// RFC 4616 2: [authzid] NUL authcid NUL passwd
ServerExchange::Want ServerExchange::plain(std::string_view message) {
  const auto parts = split(message, '\0');
  if (parts.size() != 3 || parts[2].empty() || parts[2].size() > kPasswordMax || !take_name(parts[1]))
    return fail(Problem::malformed);
  if (!parts[0].empty() && lower(parts[0]) != name_) return fail(Problem::identity);
  password_ = parts[2];
  state_ = State::waiting;
  return Want::password;
}

ServerExchange::Want ServerExchange::client_first(std::string_view message) {
  auto first = scram::parse_client_first(message);
  if (!first || !take_name(first->name)) return fail(Problem::malformed);
  const bool plus = options_.mechanism == Mechanism::scram_sha_256_plus;
  if (plus != (first->binding == 'p')) return fail(plus ? Problem::binding : Problem::malformed);
  // RFC 5802 6: the client supports binding and believes that we do not, though we said so
  if (first->binding == 'y' && options_.plus_offered) return fail(Problem::binding);
  if (plus && (first->binding_type != scram::kBindingType || options_.channel_binding.empty()))
    return fail(Problem::binding);
  if (!first->authorization.empty() && lower(first->authorization) != name_) return fail(Problem::identity);
  first_ = std::move(*first);
  state_ = State::waiting;
  return Want::verifier;
}

ServerExchange::Want ServerExchange::verifier(const Verifier& verifier) {
  POSTERN_CHECK(state_ == State::waiting && is_scram(options_.mechanism));
  verifier_ = verifier;
  server_first_ = "r=" + first_.nonce + options_.nonce + ",s=" + to_base64(verifier_.salt) +
                  ",i=" + std::to_string(verifier_.iterations);
  return ask(server_first_, State::final);
}

ServerExchange::Want ServerExchange::client_final(std::string_view message) {
  const auto final = scram::parse_client_final(message);
  if (!final || final->nonce != first_.nonce + options_.nonce) return fail(Problem::malformed);
  std::string binding = first_.header;
  if (first_.binding == 'p') binding += options_.channel_binding;
  if (!equal_constant_time(final->binding, binding)) return fail(Problem::binding);
  std::string words = first_.bare;
  words += ',';
  words += server_first_;
  words += ',';
  words += final->without_proof;
  const crypto::Digest signature = crypto::hmac_sha256(verifier_.stored_key, words);
  const std::string client_key = scram::exclusive_or(final->proof, crypto::view_of(signature));
  const crypto::Digest stored = crypto::Sha256::of(client_key);
  if (!equal_constant_time(crypto::view_of(stored), verifier_.stored_key)) return fail(Problem::credentials);
  const crypto::Digest ours = crypto::hmac_sha256(verifier_.server_key, words);
  return ask("v=" + to_base64(crypto::view_of(ours)), State::proven);
}

ServerExchange::Want ServerExchange::checked(bool right) {
  POSTERN_CHECK(state_ == State::waiting && !is_scram(options_.mechanism));
  crypto::wipe(password_);
  if (!right) return fail(Problem::credentials);
  state_ = State::over;
  return Want::done;
}

}  // namespace postern::sasl
