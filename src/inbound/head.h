// Head: holds a message's header back until it is whole, so that fields which claim to be ours can be taken out before
// it is stored, and authentication sees it as the sender wrote it. A push filter. Memory: the header, at most `limit`
// octets and what came with its end. Thread rule: a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "message/header_section.h"

namespace postern::inbound {

// Labels of the policy for the operator's filters. Whoever sends has none to give: incoming ones are taken out.
inline constexpr std::string_view kTagField = "Postern-Tag";

class Head {
 public:
  // Octets of the message. False once the header is over `limit`: nothing more is kept.
  [[nodiscard]] bool add(std::string_view bytes, bool still_in_header, std::uint64_t limit);
  static constexpr std::size_t kResultsMax = 100;  // Authentication-Results fields looked at; further ones are dropped
  [[nodiscard]] std::size_t held() const { return text_.size(); }

  struct Parted {
    message::HeaderSection header;  // as the sender wrote it
    std::string kept;  // the same without fields that claim `authserv_id` (RFC 8601 5) or are tags, and its empty line
    std::string body;  // what came after
    std::uint32_t dropped = 0;
  };
  // Once: with `submitted` blind copies are taken out, too (RFC 6409 8). The header ends after `header_octets` of what
  // was added (with its empty line, if there is one).
  [[nodiscard]] Parted part(std::uint64_t header_octets, std::string_view authserv_id, bool submitted = false);

 private:
  std::string text_;
};

}  // namespace postern::inbound
