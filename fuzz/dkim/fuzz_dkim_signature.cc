// Any field body: what is accepted satisfies what RFC 6376 6.1.1 demands, and the tag list below it keeps its promises.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "dkim/quoted_printable.h"
#include "dkim/signature.h"
#include "dkim/tag_list.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool plain_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || postern::is_digit(c) || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::dkim;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const auto tags = TagList::parse(text);
  if (tags) {
    require(!tags->tags().empty() && tags->tags().size() <= TagList::kTagsMax);
    for (const Tag& tag : tags->tags()) {
      require(tags->find(tag.name) == &tag);  // no name twice
      require(text.substr(tag.value_offset, tag.value_length).contains(tag.value));
      require(tag.value_offset > 0 && text[tag.value_offset - 1] == '=');
    }
  }
  if (const auto octets = decode_base64_fws(text)) {
    require(decode_base64_fws(postern::to_base64(*octets)) == octets);
  }
  if (const auto decoded = decode_quoted_printable(text)) {
    require(decode_quoted_printable(encode_quoted_printable(*decoded)) == decoded);
  }

  Signature partial;
  const auto read = read_signature(text, partial);
  const auto signature = parse_signature(text);
  require(read.has_value() == signature.has_value());
  if (!signature) {
    require(!signature.error().what.empty());
    for (const char c : signature.error().what) require(c >= ' ' && c < 0x7F);  // fit for a log
    return 0;
  }
  require(tags.has_value() && tags->get("v") == "1");
  require(plain_name(signature->domain) && signature->domain.contains('.') && plain_name(signature->selector));
  require(signature->auid.ends_with("@" + signature->auid_domain));
  require(signature->auid_domain == signature->domain || signature->auid_domain.ends_with("." + signature->domain));
  require(std::ranges::none_of(signature->auid, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }));
  require(signature->signed_names.size() <= kSignedNamesMax);
  require(std::ranges::find(signature->signed_names, "from") != signature->signed_names.end());
  require(!signature->signature.empty() && !signature->body_hash.empty());
  if (signature->time && signature->expiry) require(*signature->expiry > *signature->time);
  return 0;
}
