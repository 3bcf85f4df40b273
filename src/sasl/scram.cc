#include "sasl/scram.h"

#include <algorithm>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "crypto/hmac.h"
#include "sasl/prep.h"

namespace postern::sasl {

namespace {

std::string octets(const crypto::Digest& digest) { return std::string(crypto::view_of(digest)); }

constexpr std::size_t kNonceMax = 1024;

// RFC 5802 7: printable ASCII without ","
bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= kNonceMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

// Takes "x=value" from the front of `rest`, with the comma behind it.
std::optional<std::string_view> take(std::string_view& rest, char name) {
  if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return std::nullopt;
  const std::size_t comma = std::min(rest.find(','), rest.size());
  const std::string_view value = rest.substr(2, comma - 2);
  rest.remove_prefix(std::min(comma + 1, rest.size()));
  return value;
}

}  // namespace

Verifier derive(std::string_view password, std::string salt, std::uint32_t iterations) {
  scram::Keys keys = scram::keys(password, salt, iterations);
  return {.salt = std::move(salt),
          .iterations = iterations,
          .stored_key = std::move(keys.stored_key),
          .server_key = std::move(keys.server_key)};
}

bool matches(const Verifier& verifier, std::string_view password) {
  // What cannot be prepared can be nobody's password, and is worked on all the same.
  const auto prepared = prepare(password);
  const scram::Keys keys =
      scram::keys(prepared ? std::string_view(*prepared) : password, verifier.salt, verifier.iterations);
  return equal_constant_time(keys.stored_key, verifier.stored_key) && prepared.has_value();
}

Verifier decoy(std::string_view secret, std::string_view name) {
  const auto part = [&](std::string_view what) {
    return octets(crypto::hmac_sha256(secret, std::string(what) += name));
  };
  return {.salt = part("salt:").substr(0, kSaltSize),
          .iterations = kIterations,
          .stored_key = part("stored:"),
          .server_key = part("server:")};
}

namespace scram {

Keys keys(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  const crypto::Digest salted = crypto::pbkdf2_sha256(password, salt, iterations);
  Keys out;
  out.client_key = octets(crypto::hmac_sha256(crypto::view_of(salted), "Client Key"));
  out.stored_key = octets(crypto::Sha256::of(out.client_key));
  out.server_key = octets(crypto::hmac_sha256(crypto::view_of(salted), "Server Key"));
  return out;
}

std::string exclusive_or(std::string_view a, std::string_view b) {
  POSTERN_CHECK(a.size() == b.size());
  std::string out(a);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(out[i] ^ b[i]);
  return out;
}

std::string escape_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ',')
      out += "=2C";
    else if (c == '=')
      out += "=3D";
    else
      out += c;
  }
  return out;
}

std::optional<std::string> unescape_name(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] == '=') {
      const std::string_view code = text.substr(0, 3);
      if (code != "=2C" && code != "=3D") return std::nullopt;
      out += code == "=2C" ? ',' : '=';
      text.remove_prefix(3);
    } else {
      out += text[0];
      text.remove_prefix(1);
    }
  }
  return out;
}

std::optional<ClientFirst> parse_client_first(std::string_view message) {
  ClientFirst out;
  std::string_view rest = message;
  if (rest.starts_with("n,") || rest.starts_with("y,")) {
    out.binding = rest[0];
    rest.remove_prefix(2);
  } else {
    const auto type = take(rest, 'p');
    if (!type || type->empty()) return std::nullopt;
    out.binding = 'p';
    out.binding_type = *type;
  }
  if (rest.starts_with(',')) {
    rest.remove_prefix(1);
  } else {
    const auto authorization = take(rest, 'a');
    if (!authorization) return std::nullopt;
    auto name = unescape_name(*authorization);
    if (!name || name->empty()) return std::nullopt;
    out.authorization = std::move(*name);
  }
  out.header = message.substr(0, message.size() - rest.size());
  out.bare = rest;
  // RFC 5802 5.1: "m=" asks for an extension that nobody knows
  const auto name = take(rest, 'n');
  const auto nonce = take(rest, 'r');
  if (!name || !nonce || !is_nonce(*nonce)) return std::nullopt;
  auto unescaped = unescape_name(*name);
  if (!unescaped || unescaped->empty()) return std::nullopt;
  out.name = std::move(*unescaped);
  out.nonce = *nonce;
  return out;
}

std::optional<ServerFirst> parse_server_first(std::string_view message) {
  std::string_view rest = message;
  const auto nonce = take(rest, 'r');
  const auto salt = take(rest, 's');
  const auto count = take(rest, 'i');
  if (!nonce || !salt || !count || !is_nonce(*nonce)) return std::nullopt;
  auto decoded = from_base64(*salt);
  const auto iterations = parse_unsigned(*count, kIterationsMax);
  if (!decoded || decoded->empty() || decoded->size() > kSaltMax || !iterations || *iterations < kIterationsMin)
    return std::nullopt;
  return ServerFirst{
      .nonce = std::string(*nonce), .salt = std::move(*decoded), .iterations = static_cast<std::uint32_t>(*iterations)};
}

std::optional<ClientFinal> parse_client_final(std::string_view message) {
  // Extensions may stand between the nonce and the proof, which is the last (RFC 5802 7)
  const std::size_t last = message.rfind(",p=");
  if (last == std::string_view::npos) return std::nullopt;
  std::string_view rest = message.substr(0, last);
  const auto binding = take(rest, 'c');
  const auto nonce = take(rest, 'r');
  if (!binding || !nonce || !is_nonce(*nonce)) return std::nullopt;
  auto octets_of_binding = from_base64(*binding);
  auto proof = from_base64(message.substr(last + 3));
  if (!octets_of_binding || !proof || proof->size() != crypto::Digest().size()) return std::nullopt;
  return ClientFinal{.binding = std::move(*octets_of_binding),
                     .nonce = std::string(*nonce),
                     .proof = std::move(*proof),
                     .without_proof = message.substr(0, last)};
}

}  // namespace scram

}  // namespace postern::sasl
