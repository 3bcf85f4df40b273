// TagList: "tag=value; tag=value", the syntax of DKIM-Signature, of key records and of the ARC fields (RFC 6376 3.2).
// Values keep their octets; folding white space around them is taken off. A duplicate tag makes the whole list invalid.
// Thread rule: a value of views into the text it was parsed from.
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

// base64 with folding white space anywhere in it (RFC 6376 2.10).
[[nodiscard]] std::optional<std::string> decode_base64_fws(std::string_view text);

}  // namespace postern::dkim
