// Name: a domain name as DNS compares it: lower case, no trailing dot, at most 253 octets, labels of 1 to 63 octets.
// The root is the empty Name. Any octet but '.' may stand in a label (RFC 2181 11): what a protocol allows is its own
// rule. Thread rule: a value.
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postern::dns {

inline constexpr std::size_t kNameMax = 253;  // RFC 1035 2.3.4: 255 in wire form
inline constexpr std::size_t kLabelMax = 63;

class Name {
 public:
  Name() = default;  // the root
  // One trailing dot is taken off; ASCII letters become lower case; octets beyond ASCII stay as they are. nullopt: an
  // empty label, one over 63 octets, or more than 253 octets in all. "" and "." are the root.
  [[nodiscard]] static std::optional<Name> parse(std::string_view text);
  // The same for what people write: U-labels become A-labels first (IDNA 2008, RFC 8616 3). nullopt also where that
  // fails. ASCII text never goes through IDNA.
  [[nodiscard]] static std::optional<Name> from_unicode(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_root() const { return text_.empty(); }
  [[nodiscard]] std::size_t labels() const;  // 0 for the root
  // The last `count` labels: suffix(2) of "a.b.example.org" is "example.org"; all of it where there are fewer.
  [[nodiscard]] Name suffix(std::size_t count) const;
  // True for the name itself and for every name below it.
  [[nodiscard]] bool is_within(const Name& parent) const;
  // As people read it: A-labels become U-labels where all of them are ones (RFC 5890 2.3.2.1); nullopt where one that
  // begins with "xn--" is none.
  [[nodiscard]] std::optional<std::string> unicode() const;
  // "_dmarc" + "example.org"; nullopt where the result would be too long. `prefix` may have several labels.
  [[nodiscard]] std::optional<Name> below(std::string_view prefix) const;

  friend auto operator<=>(const Name&, const Name&) = default;

 private:
  std::string text_;
};

struct NameHash {
  std::size_t operator()(const Name& name) const noexcept { return std::hash<std::string>()(name.text()); }
};

}  // namespace postern::dns
