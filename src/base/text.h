// Text helpers that several protocols need: ASCII case, trimming, numbers, base64, hex, UTF-8, safe printing.
// ASCII only on purpose: no locale is ever consulted. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

[[nodiscard]] constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_alpha(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }
[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] std::string upper(std::string_view text);
[[nodiscard]] bool iequals(std::string_view a, std::string_view b);
[[nodiscard]] bool istarts_with(std::string_view text, std::string_view prefix);
[[nodiscard]] std::string_view trim(std::string_view text);  // spaces and tabs
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// Decimal digits only, no sign, no spaces; nullopt on overflow or anything else.
[[nodiscard]] std::optional<std::uint64_t> parse_unsigned(std::string_view text, std::uint64_t max = UINT64_MAX);

[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);
[[nodiscard]] std::string to_base64(std::string_view bytes);
// RFC 4648 section 4, padding required, no white space.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

[[nodiscard]] bool is_ascii(std::string_view text);
// RFC 3629: no overlong forms, no surrogates, at most U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text);
// Octets of the one UTF-8 character that `text` starts with (1 to 4), or 0 where it starts with none.
[[nodiscard]] std::size_t utf8_length(std::string_view text);
// The longest head of at most `max` octets that does not end inside a UTF-8 character.
[[nodiscard]] std::string_view utf8_head(std::string_view text, std::size_t max);

// For logs and replies: octets outside printable ASCII become \xNN, backslash is doubled, and what goes past `max`
// octets of input is cut with "...". Never contains CR, LF or NUL.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max = 256);

// Compares without a data-dependent branch. Lengths are not secret.
[[nodiscard]] bool equal_constant_time(std::string_view a, std::string_view b);

// The candidate nearest to `word` by edit distance, if near enough to be a typing error; for "did you mean".
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

// "1.4 GiB", "50 KiB"; and the reverse for configuration: "50M", "50 MiB", "1.5G", "1024". Units are powers of 1024 in
// every spelling (K, KB, KiB, either case).
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);
// "90s", "5m", "4h", "30d", "2w", "250ms", "1.5s", compound with falling units "1h30m", or a bare number of seconds. In
// milliseconds.
[[nodiscard]] std::optional<std::int64_t> parse_duration_ms(std::string_view text);
// The two largest units, rounded down ("250ms", "1.3s", "1m30s", "2d4h"); parse_duration_ms reads it back.
[[nodiscard]] std::string human_duration(std::int64_t ms);

}  // namespace postern
