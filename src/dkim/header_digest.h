// The octets of the header that a signature signs (RFC 6376 3.7), hashed. Shared with ARC's message signature. Thread
// rule: a FieldIndex is immutable once made; header_digest() is pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "dkim/canonical.h"
#include "message/header_section.h"

namespace postern::dkim {

// Finds a header's fields by name, so that neither many fields nor many names in many h= make it slow. Made once a
// message. `header` outlives it.
class FieldIndex {
 public:
  explicit FieldIndex(const message::HeaderSection& header);
  struct Entry {
    std::uint64_t head = 0;  // the name's first eight octets as a number, by which most comparisons end
    std::string_view name;   // lower case
    const message::Field* field = nullptr;
  };
  // The entries of that name, which is in lower case; top first.
  [[nodiscard]] std::span<const Entry> find(std::string_view name) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::string names_;
  std::vector<Entry> entries_;  // by name, then from the top
};

// Does h= name From at least as often as the message has it? 6.1.1 leaves to the verifier what it "views to be
// essential", and 3.8 asks for valid messages: with a From field that is not signed nobody can tell whose message it
// is, so that it counts as if h= had named From once more (8.15).
[[nodiscard]] bool covers_every_from(const FieldIndex& index, const std::vector<std::string>& names);

// The named fields from the bottom up, a name that has no field left as nothing, then `own`, the signature's field
// itself, with the value of b= taken out and without its CRLF. `own` is never among the named ones (3.7), wherever it
// stands. Names are in lower case.
[[nodiscard]] crypto::Digest header_digest(const FieldIndex& index, const std::vector<std::string>& names, Canon canon,
                                           const message::Field& own);
// The same for a single signature.
[[nodiscard]] crypto::Digest header_digest(const message::HeaderSection& header, const std::vector<std::string>& names,
                                           Canon canon, const message::Field& own);
// The octets that it hashes, for those who want to see them.
[[nodiscard]] std::string signed_header(const FieldIndex& index, const std::vector<std::string>& names, Canon canon,
                                        const message::Field& own);

}  // namespace postern::dkim
