// How good a version, a cipher, a group and a hash are: the classes that internet.nl uses (NCSC-NL, May 2025).
#include <algorithm>
#include <array>

#include "base/text.h"
#include "check/judge_impl.h"

namespace postern::check::judging {

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

std::string_view to_string(Class level) {
  switch (level) {
    case Class::good:
      return "good";
    case Class::sufficient:
      return "sufficient";
    case Class::phase_out:
      return "to be phased out";
    case Class::insufficient:
      return "insufficient";
  }
  return "insufficient";
}

Outcome outcome_of(Class level) {
  switch (level) {
    case Class::good:
    case Class::sufficient:
      return Outcome::pass;
    case Class::phase_out:
      return Outcome::warn;
    case Class::insufficient:
      break;
  }
  return Outcome::fail;
}

Class version_class(std::string_view version) {
  if (version == "TLSv1.3") return Class::good;
  if (version == "TLSv1.2") return Class::sufficient;
  return Class::insufficient;
}

Class cipher_class(std::string_view cipher) {
  if (cipher == "TLS_AES_256_GCM_SHA384" || cipher == "TLS_CHACHA20_POLY1305_SHA256") return Class::good;
  for (const std::string_view broken :
       {"NULL", "EXP", "RC4", "RC2", "DES", "IDEA", "SEED", "ADH", "AECDH", "CCM8", "CCM_8", "MD5"}) {
    if (has(cipher, broken)) return Class::insufficient;
  }
  if (cipher.starts_with("TLS_")) return Class::sufficient;
  const bool ecdhe = cipher.starts_with("ECDHE-");
  const bool dhe = cipher.starts_with("DHE-");
  if (!ecdhe && !dhe) return Class::insufficient;  // the key exchange of RSA: no forward secrecy
  if (has(cipher, "ARIA") || has(cipher, "CAMELLIA")) return Class::phase_out;
  const bool aead = has(cipher, "GCM") || has(cipher, "CHACHA20") || has(cipher, "CCM");
  return ecdhe && aead ? Class::sufficient : Class::phase_out;
}

Class group_class(std::string_view group, int dh_bits) {
  if (dh_bits > 0 || group.starts_with("ffdhe")) {
    const int bits = dh_bits > 0 ? dh_bits : static_cast<int>(parse_unsigned(group.substr(5)).value_or(0));
    if (bits >= 3072) return Class::sufficient;
    return bits >= 2048 ? Class::phase_out : Class::insufficient;
  }
  if (group == "secp224r1" || group == "P-224") return Class::phase_out;
  if (has(group, "MLKEM")) return Class::good;
  constexpr std::array kGood{"X25519",          "X448",      "P-256",     "P-384",           "P-521",
                             "secp256r1",       "secp384r1", "secp521r1", "brainpoolP256r1", "brainpoolP384r1",
                             "brainpoolP512r1", "prime256v1"};
  return std::ranges::find(kGood, group) != kGood.end() ? Class::good : Class::insufficient;
}

Class hash_class(std::string_view hash) {
  const std::string word = upper(hash);
  if (word == "SHA1" || has(word, "MD5") || word == "MD4" || word == "MD2") return Class::insufficient;
  if (word == "SHA224" || word == "SHA3-224") return Class::phase_out;
  return Class::sufficient;
}

}  // namespace postern::check::judging
