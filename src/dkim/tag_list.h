// TagList: "tag=value; tag=value", the syntax of DKIM-Signature, of key records and of the ARC fields (RFC 6376 3.2).
// Values keep their octets; white space around names and values is taken off: SP, HTAB and folds, and a lone CR or LF
// too, which some key records have (no signature that came by SMTP has one). What makes the whole list invalid: a tag
// that occurs twice, an empty one between two ";", control characters, more than kTagsMax. Thread rule: a value of
// views into the text it was parsed from.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::dkim {

struct Tag {
  std::string_view name, value;
  std::size_t value_offset = 0;  // of the untrimmed value in the text, and its length: what is emptied for b=
  std::size_t value_length = 0;
};

class TagList {
 public:
  static constexpr std::size_t kTagsMax = 100;
  [[nodiscard]] static Result<TagList> parse(std::string_view text);
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;  // names are case-sensitive
  [[nodiscard]] const Tag* find(std::string_view name) const;
  [[nodiscard]] const std::vector<Tag>& tags() const { return tags_; }

 private:
  std::vector<Tag> tags_;
};

// "a : b:c", the lists in values: the items without the white space around them. An empty value is one empty item.
[[nodiscard]] std::vector<std::string_view> colon_list(std::string_view value);

// base64 with white space anywhere in it (RFC 6376 2.10). Padding may be missing, but not be wrong.
[[nodiscard]] std::optional<std::string> decode_base64_fws(std::string_view text);

}  // namespace postern::dkim
