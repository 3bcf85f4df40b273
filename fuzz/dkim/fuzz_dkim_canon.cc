// Any body in any split, any field: canonical octets do not depend on the split, canonical text is its own canonical
// form, and the hashes of BodyHashes are those of the octets that BodyCanon gives.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dkim/body_hashes.h"
#include "dkim/canonical.h"
#include "message/header_section.h"

namespace {

using postern::dkim::Canon;

void require(bool condition) {
  if (!condition) std::abort();
}

std::string canonical(Canon canon, std::string_view text, std::size_t step) {
  postern::dkim::BodyCanon body(canon);
  std::string out;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, step);
    text.remove_prefix(piece.size());
    body.add(piece, out);
  }
  body.finish(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t step = static_cast<unsigned char>(all[0]) % 80 + 1;
  const std::uint64_t limit = static_cast<unsigned char>(all[1]);
  const std::string_view text = all.substr(2);

  postern::dkim::BodyHashes hashes;
  std::size_t whole[2];
  std::size_t head[2];
  for (const Canon canon : {Canon::simple, Canon::relaxed}) {
    whole[canon == Canon::relaxed] = hashes.request(canon, std::nullopt);
    head[canon == Canon::relaxed] = hashes.request(canon, limit);
  }
  for (std::size_t at = 0; at < text.size(); at += step) hashes.add(text.substr(at, step));
  hashes.finish();

  for (const Canon canon : {Canon::simple, Canon::relaxed}) {
    const std::string once = canonical(canon, text, text.size() + 1);
    require(canonical(canon, text, step) == once);
    require(canonical(canon, once, step) == once);
    require(once.empty() ? canon == Canon::relaxed : once.ends_with("\r\n"));
    require(once == "\r\n" || !once.ends_with("\r\n\r\n"));
    require(once.size() <= text.size() + 2);
    require(hashes.digest(whole[canon == Canon::relaxed]) == postern::crypto::Sha256::of(once));
    require(hashes.canonical_octets(canon) == once.size());
    require(hashes.digest(head[canon == Canon::relaxed]) == postern::crypto::Sha256::of(once.substr(0, limit)));

    const postern::message::HeaderSection header{std::string(text)};
    if (header.fields().size() != 1 || header.fields()[0].name.empty()) continue;
    std::string field;
    postern::dkim::canonical_field(canon, header.fields()[0].raw, field);
    require(field.ends_with("\r\n"));
    std::string twice;
    postern::dkim::canonical_field(canon, field, twice);
    require(twice == field);
    if (canon == Canon::relaxed) require(!field.contains("  ") && !field.contains('\t') && !field.contains(" \r\n"));
  }
  return 0;
}
