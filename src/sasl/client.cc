#include "sasl/client.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "crypto/hmac.h"
#include "sasl/prep.h"

namespace postern::sasl {

std::optional<Mechanism> choose_mechanism(std::string_view offered) {
  for (const Mechanism wanted : {Mechanism::scram_sha_256, Mechanism::plain, Mechanism::login}) {
    for (const std::string_view name : split(offered, ' ')) {
      if (iequals(name, to_string(wanted))) return wanted;
    }
  }
  return std::nullopt;
}

ClientExchange::ClientExchange(Mechanism mechanism, Credentials credentials, std::string nonce)
    : mechanism_(mechanism), credentials_(std::move(credentials)), nonce_(std::move(nonce)) {
  POSTERN_CHECK(mechanism != Mechanism::scram_sha_256_plus);
  bare_ = "n=" + scram::escape_name(credentials_.name) + ",r=" + nonce_;
  finished_ = mechanism == Mechanism::plain;
}

ClientExchange::~ClientExchange() { crypto::wipe(credentials_.password); }

std::string ClientExchange::initial() const {
  switch (mechanism_) {
    case Mechanism::plain: {
      std::string message(1, '\0');
      message += credentials_.name;
      message += '\0';
      message += credentials_.password;
      return to_base64(message);
    }
    case Mechanism::scram_sha_256:
      return to_base64("n,," + bare_);
    default:
      return {};
  }
}

Result<std::string> ClientExchange::respond(std::string_view base64) {
  const auto message = from_base64(base64);
  // What LOGIN's challenges say is nobody's business: the first asks for the name, the second for the password
  if (mechanism_ == Mechanism::login && step_ < 2) {
    if (++step_ == 1) return to_base64(credentials_.name);
    finished_ = true;
    return to_base64(credentials_.password);
  }
  if (mechanism_ != Mechanism::scram_sha_256) return fail(ErrorKind::protocol, "AUTH: a challenge that nobody expects");
  if (!message) return fail(ErrorKind::protocol, "AUTH: the server's challenge is no base64");
  return scram_respond(*message);
}

Result<std::string> ClientExchange::scram_respond(std::string_view message) {
  if (step_ == 0) {
    step_ = 1;
    const auto first = scram::parse_server_first(message);
    if (!first || !first->nonce.starts_with(nonce_) || first->nonce.size() == nonce_.size()) {
      return fail(ErrorKind::protocol, "AUTH SCRAM-SHA-256: the server's first message is not RFC 5802's");
    }
    const auto password = prepare(credentials_.password);
    if (!password)
      return fail(ErrorKind::invalid, "AUTH: the password has characters that SASLprep (RFC 4013) refuses");
    const scram::Keys keys = scram::keys(*password, first->salt, first->iterations);
    const std::string without_proof = "c=biws,r=" + first->nonce;
    const std::string words = bare_ + "," + std::string(message) + "," + without_proof;
    const crypto::Digest signature = crypto::hmac_sha256(keys.stored_key, words);
    server_signature_ = crypto::view_of(crypto::hmac_sha256(keys.server_key, words));
    return to_base64(without_proof +
                     ",p=" + to_base64(scram::exclusive_or(keys.client_key, crypto::view_of(signature))));
  }
  if (step_ == 1) {
    step_ = 2;
    const auto signature =
        message.starts_with("v=") ? from_base64(message.substr(2, message.find(',') - 2)) : std::nullopt;
    if (!signature || !equal_constant_time(*signature, server_signature_)) {
      return fail(ErrorKind::refused,
                  "AUTH SCRAM-SHA-256: the server does not prove that it knows the user's verifier");
    }
    finished_ = true;
    return std::string();
  }
  return fail(ErrorKind::protocol, "AUTH SCRAM-SHA-256: a challenge too many");
}

}  // namespace postern::sasl
