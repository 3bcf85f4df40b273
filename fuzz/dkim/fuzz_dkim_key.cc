// Any key record: a key that is accepted can be used, fits its limits, and comes out of the cache as it went in.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dkim/key_record.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)crypto::PublicKey::rsa_from_der(text);
  (void)crypto::PublicKey::ed25519_from_raw(text);

  const auto key = dkim::parse_key(text);
  dkim::KeyCache cache(2);
  const auto first = cache.parse(text);
  const auto again = cache.parse(text);
  require(first.record == again.record || text.size() > dkim::kKeyRecordOctetsMax);
  require((first.record != nullptr) == key.has_value());
  if (!key) {
    require(first.problem == key.error().what && !first.problem.empty());
    for (const char c : first.problem) require(c >= ' ' && c < 0x7F);
    return 0;
  }
  const bool rsa = key->key.algorithm() == crypto::Algorithm::rsa;
  require(rsa ? key->key.bits() > 0 && key->key.bits() <= crypto::kRsaBitsMax : key->key.bits() == 256);
  require(!dkim::unsuitable(*key, rsa ? crypto::Algorithm::ed25519 : crypto::Algorithm::rsa).empty());
  require(!key->key.verify(crypto::Digest{}, std::string(static_cast<std::size_t>(key->key.bits() / 8), '\x01')));
  return 0;
}
