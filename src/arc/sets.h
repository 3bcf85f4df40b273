// Sets: the ARC fields of a header, sorted by instance (RFC 8617 4.2), with what is wrong with their structure; and the
// octets that a seal covers. Shared by Verifier and Sealer. Thread rule: values of views into the header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "dkim/tag_list.h"
#include "message/header_section.h"

namespace postern::arc {

inline constexpr std::uint32_t kInstancesMax = 50;  // 4.2.1
inline constexpr std::string_view kResultsName = "ARC-Authentication-Results";
inline constexpr std::string_view kMessageName = "ARC-Message-Signature";
inline constexpr std::string_view kSealName = "ARC-Seal";

struct FieldSet {  // one instance; null: missing
  std::uint32_t instance = 0;
  const message::Field* results = nullptr;
  const message::Field* message = nullptr;
  const message::Field* seal = nullptr;
  dkim::TagList message_tags, seal_tags;
};

struct Sets {
  std::vector<FieldSet> sets;  // ascending; what was seen, contiguous where `problem` is empty
  bool any = false;            // there is a field of ARC
  bool too_many = false;       // an instance over 50, or more fields than 50 sets have
  std::string problem;         // 5.2 step 3 A and B, and syntax; empty: none
  // The newest seal says so (5.2 step 2).
  [[nodiscard]] bool ended() const;
  [[nodiscard]] std::uint32_t highest() const { return sets.empty() ? 0 : sets.back().instance; }
};
[[nodiscard]] Sets collect(const message::HeaderSection& header);

// 5.1.1: the running hash over sets in order. Each field is canonicalised and hashed once, however many seals there
// are.
class SealHash {
 public:
  // What the seal of this set signs: all that was added before, then the three. `seal` has its b= taken out.
  [[nodiscard]] crypto::Digest add(const message::Field& results, const message::Field& message,
                                   const message::Field& seal);

 private:
  crypto::Sha256 sha_;
};

}  // namespace postern::arc
