// SCRAM-SHA-256 (RFC 5802, 7677): what is kept of a password, and the arithmetic and the messages that server and
// client share. The exchanges are sasl/server.h and sasl/client.h. Thread rule: pure; derive() and matches() take as
// long as the iterations ask for, so never on an event loop's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/digest.h"

namespace postern::sasl {

// RFC 7677 4 asks for at least 4096. A check takes some ten milliseconds of a processor with this many, which a client
// that sends its password in clear (PLAIN, LOGIN) costs us; with SCRAM the client has that work.
inline constexpr std::uint32_t kIterations = 32768;
inline constexpr std::uint32_t kIterationsMin = 4096;
inline constexpr std::uint32_t kIterationsMax = 10'000'000;  // of a file or a server that we believe
inline constexpr std::size_t kSaltSize = 16;
inline constexpr std::size_t kSaltMax = 64;
inline constexpr std::size_t kNameMax = 320;       // octets: 64 and 255 of an address, and its @
inline constexpr std::size_t kPasswordMax = 1024;  // octets

// What is kept in the place of a password (RFC 5802 3): nobody can log in with it, though trying passwords is possible.
struct Verifier {
  std::string salt;
  std::uint32_t iterations = kIterations;
  std::string stored_key, server_key;  // 32 octets each
  friend bool operator==(const Verifier&, const Verifier&) = default;
};

// Of a password as prepare() gives it.
[[nodiscard]] Verifier derive(std::string_view password, std::string salt, std::uint32_t iterations = kIterations);
// Whether `password`, as the client sent it, is the verifier's. Takes the same time for both answers.
[[nodiscard]] bool matches(const Verifier& verifier, std::string_view password);
// In the place of a user who is not there: the same salt at each attempt, and as much work. `secret` is ours alone.
[[nodiscard]] Verifier decoy(std::string_view secret, std::string_view name);

namespace scram {

inline constexpr std::string_view kBindingType = "tls-exporter";  // RFC 9266

// What follows from a salted password (RFC 5802 3).
struct Keys {
  std::string client_key, stored_key, server_key;
};
[[nodiscard]] Keys keys(std::string_view password, std::string_view salt, std::uint32_t iterations);
[[nodiscard]] std::string exclusive_or(std::string_view a, std::string_view b);  // of the same length

// "n,,n=user,r=nonce"
struct ClientFirst {
  char binding = 'n';  // n: the client has none; y: it thinks that we have none; p: it uses `binding_type`
  std::string binding_type;
  std::string authorization;  // the identity to act as; "" is the name's own
  std::string name, nonce;
  std::string header;  // "n,,", as it comes back in the final message
  std::string bare;    // what stands behind it
};
[[nodiscard]] std::optional<ClientFirst> parse_client_first(std::string_view message);

// "r=nonce,s=salt,i=4096"
struct ServerFirst {
  std::string nonce, salt;
  std::uint32_t iterations = 0;
};
[[nodiscard]] std::optional<ServerFirst> parse_server_first(std::string_view message);

// "c=biws,r=nonce,p=proof"
struct ClientFinal {
  std::string binding, nonce, proof;  // decoded
  std::string_view without_proof;     // of the message
};
[[nodiscard]] std::optional<ClientFinal> parse_client_final(std::string_view message);

// RFC 5802 5.1: "," and "=" of names
[[nodiscard]] std::string escape_name(std::string_view name);
[[nodiscard]] std::optional<std::string> unescape_name(std::string_view text);

}  // namespace scram

}  // namespace postern::sasl
