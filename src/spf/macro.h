// Macros of RFC 7208 7: the check of a macro-string's syntax, which happens before anything is evaluated, and its
// expansion, which cannot fail afterwards. Not here: looking up what %{p} stands for (ptr.h), and what a target name
// is asked for (evaluate.cc). Bounds: of a string of thousands of macros only as many are expanded as its use can show
// (a name, an explanation), so that no record keeps a loop busy. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "ip/address.h"

namespace postern::spf {

// What a macro-string refers to.
struct MacroUse {
  bool any = false;             // there is a '%'
  bool local_part = false;      // %{s} or %{l}
  bool helo = false;            // %{h}
  bool validated_name = false;  // %{p}
  bool address = false;         // %{i}
};

enum class MacroLetters : std::uint8_t {
  term,  // 7.2: s l o d i p v h
  all,   // c r t as well: in explanations, and in modifiers that we do not know (12: macro-letter)
};

// macro-string, or explain-string where `spaces` may stand in it. The error is the reason, in words.
[[nodiscard]] std::expected<MacroUse, std::string_view> check_macro_string(std::string_view text, MacroLetters letters,
                                                                           bool spaces);
// domain-spec = macro-string domain-end (7.1)
[[nodiscard]] std::expected<MacroUse, std::string_view> check_domain_spec(std::string_view text);

// What the letters stand for. Views: they outlive the call.
struct MacroValues {
  std::string_view sender;         // local part, "@", domain
  std::string_view local_part;     // "postmaster" where the sender had none
  std::string_view sender_domain;  // A-labels
  std::string_view domain;         // whose record is evaluated
  std::string_view helo;
  std::string_view receiver;
  std::string_view validated_name;  // "unknown" where there is none
  ip::Address client;
  WallMs now = 0;
};

inline constexpr std::size_t kPiecesMax = 512;  // macros and literal stretches that one expansion evaluates

// Of a string that was checked. The name that DNS is asked for: without the final dot, and cut from the left, label by
// label, to 253 octets (7.3); the last kPiecesMax pieces make it. nullopt: it is no domain name (4.8), so that there is
// nothing to ask; or there are more pieces, and so many of them are empty that the last ones make no 253 octets.
[[nodiscard]] std::optional<std::string> expand_domain(std::string_view text, const MacroUse& use,
                                                       const MacroValues& values);
// Of a string that was checked: at most `max` octets of the expansion of its first kPiecesMax pieces.
[[nodiscard]] std::string expand_text(std::string_view text, const MacroValues& values, std::size_t max);

}  // namespace postern::spf
