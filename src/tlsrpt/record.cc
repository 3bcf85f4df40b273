#include "tlsrpt/record.h"

#include <algorithm>

#include "base/text.h"
#include "dns/name.h"

namespace postern::tlsrpt {

namespace {

bool is_white(char c) { return c == ' ' || c == '\t'; }

std::optional<std::string_view> after_version(std::string_view text) {
  constexpr std::string_view kVersion = "v=TLSRPTv1";
  if (!text.starts_with(kVersion)) return std::nullopt;
  text.remove_prefix(kVersion.size());
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  if (text.empty() || text.front() != ';') return std::nullopt;
  return text.substr(1);
}

// RFC 3986 2: what may stand in a URI at all.
bool is_uri_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !from_hex(text.substr(i + 1, 2))) return false;
      continue;
    }
    constexpr std::string_view kOthers = "-._~:/?#[]@$&'()*+=";  // no ',', '!' and ';': RFC 8460 3
    if (!is_alpha(c) && !is_digit(c) && kOthers.find(c) == std::string_view::npos) return false;
  }
  return true;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto octet = from_hex(text.substr(i + 1, 2));
    if (!octet || octet->size() != 1) return std::nullopt;
    out += *octet;
    i += 2;
  }
  return out;
}

}  // namespace

Result<Record> parse_record(std::string_view text) {
  if (text.size() > kRecordMax) return fail(ErrorKind::limit, "TLSRPT record: longer than 4096 octets");
  const auto rest = after_version(text);
  if (!rest) return fail(ErrorKind::protocol, "TLSRPT record: it does not begin with v=TLSRPTv1;");
  Record out;
  for (std::string_view field : split(*rest, ';')) {
    field = trim(field);
    if (field.empty()) continue;
    const auto equals = field.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return fail(ErrorKind::protocol, "TLSRPT record: \"" + printable(field, 80) + "\" is no key=value");
    if (field.substr(0, equals) != "rua" || !out.rua.empty()) continue;
    for (std::string_view uri : split(field.substr(equals + 1), ',')) {
      uri = trim(uri);
      if (out.rua.size() < kUrisMax && (mail_address(uri) || https_target(uri))) out.rua.emplace_back(uri);
    }
  }
  if (out.rua.empty()) return fail(ErrorKind::protocol, "TLSRPT record: it names no mailto: or https: address");
  return out;
}

Result<Record> choose_record(std::span<const std::string> texts) {
  const std::string* found = nullptr;
  for (const std::string& text : texts) {
    if (!after_version(text)) continue;
    if (found != nullptr) return fail(ErrorKind::protocol, "TLSRPT record: there is more than one");
    found = &text;
  }
  if (found == nullptr) return fail(ErrorKind::not_found, "there is no TLSRPT record");
  return parse_record(*found);
}

std::optional<std::string> mail_address(std::string_view uri) {
  constexpr std::string_view kScheme = "mailto:";
  if (!istarts_with(uri, kScheme) || !is_uri_text(uri)) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  uri = uri.substr(0, uri.find('?'));
  auto address = percent_decoded(uri);
  if (!address) return std::nullopt;
  const auto at = address->find('@');
  if (at == 0 || at == std::string::npos || at != address->rfind('@') || at + 1 == address->size()) return std::nullopt;
  const auto domain = dns::Name::from_unicode(address->substr(at + 1));
  if (!domain || domain->is_root()) return std::nullopt;
  constexpr std::string_view kForbidden = " \t\r\n<>\"\\,;:()[]";
  if (address->find_first_of(kForbidden) != std::string::npos || address->find('\0') != std::string::npos ||
      !is_ascii(*address))
    return std::nullopt;
  return address;
}

std::optional<HttpsTarget> https_target(std::string_view uri) {
  constexpr std::string_view kScheme = "https://";
  if (!istarts_with(uri, kScheme) || !is_uri_text(uri)) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  uri = uri.substr(0, uri.find('#'));
  HttpsTarget out;
  const auto end = uri.find_first_of("/?");
  std::string_view authority = uri.substr(0, end);
  out.path = end == std::string_view::npos ? "/" : std::string(uri.substr(end));
  if (out.path.front() == '?') out.path.insert(0, 1, '/');
  if (authority.find('@') != std::string_view::npos) return std::nullopt;
  if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
    const auto port = parse_unsigned(authority.substr(colon + 1), 65535);
    if (!port || *port == 0) return std::nullopt;
    out.port = static_cast<std::uint16_t>(*port);
    authority = authority.substr(0, colon);
  }
  const auto host = dns::Name::parse(authority);
  if (!host || host->is_root()) return std::nullopt;
  // Letters, digits, hyphens: no address literal, nothing that a URL's reader could take for something else
  const bool fine =
      std::ranges::all_of(host->text(), [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '.'; });
  if (!fine || is_digit(host->text().back())) return std::nullopt;
  out.host = host->text();
  return out;
}

}  // namespace postern::tlsrpt
