// Reporting URIs (RFC 9989 4.6, RFC 3986, RFC 6068).
#include <algorithm>

#include "base/text.h"
#include "dmarc/record.h"

namespace postern::dmarc {
namespace {

bool is_hex(char c) { return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f'); }

bool is_scheme(std::string_view text) {
  return !text.empty() && is_alpha(text.front()) && std::ranges::all_of(text, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

// RFC 3986 2.2, 2.3 without "!" and ",", which RFC 9989 4.8 wants encoded.
bool is_uri_character(char c) {
  return is_alpha(c) || is_digit(c) || (c != 0 && std::string_view("-._~:/?#[]@$&'()*+;=").contains(c));
}

bool well_encoded(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 2;
    } else if (!is_uri_character(text[i])) {
      return false;
    }
  }
  return true;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      if (const auto octet = from_hex(text.substr(i + 1, 2))) {
        out += *octet;
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

// RFC 6068 2: the addresses, without the header fields behind "?".
std::string_view mailto_addresses(std::string_view rest) { return rest.substr(0, rest.find_first_of("?#")); }

std::optional<std::string> mailto_host(std::string_view rest) {
  const std::string_view address = mailto_addresses(rest);
  const std::size_t at = address.find('@');
  // An encoded comma would name a second recipient somewhere else.
  if (at == std::string_view::npos || percent_decoded(address).contains(',')) return std::nullopt;
  return percent_decoded(address.substr(at + 1));
}

std::optional<std::string> authority_host(std::string_view rest) {
  if (!rest.starts_with("//")) return std::nullopt;
  std::string_view authority = rest.substr(2);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) return std::nullopt;
  return percent_decoded(authority.substr(0, authority.find(':')));
}

}  // namespace

bool is_reporting_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) return false;
  const std::string_view rest = text.substr(colon + 1);
  if (rest.empty() || !well_encoded(rest)) return false;
  if (!iequals(text.substr(0, colon), "mailto")) return true;
  const std::string_view address = mailto_addresses(rest);
  const std::size_t at = address.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < address.size() && address.rfind('@') == at;
}

std::optional<std::string> destination_host(std::string_view uri) {
  if (!is_reporting_uri(uri)) return std::nullopt;
  const std::size_t colon = uri.find(':');
  const std::string_view rest = uri.substr(colon + 1);
  auto host = iequals(uri.substr(0, colon), "mailto") ? mailto_host(rest) : authority_host(rest);
  // "[...]" is an IP literal; dotted numbers are an address, too (RFC 3986 3.2.2)
  if (!host || host->empty() || host->starts_with('[')) return std::nullopt;
  if (std::ranges::all_of(*host, [](char c) { return is_digit(c) || c == '.'; })) return std::nullopt;
  return host;
}

}  // namespace postern::dmarc
