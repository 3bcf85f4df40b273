#include "web/url.h"

#include "base/text.h"

namespace postern::web {

namespace {

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char low = ascii_lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
      continue;
    }
    if (text[i] == '\0') return std::nullopt;
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// "gzip;q=0.5" -> 0.5; 1 where there is no weight, 0 where it cannot be read.
double weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::size_t end = parameters.find(';');
    const std::string_view one = trim(parameters.substr(0, end));
    parameters = end == std::string_view::npos ? std::string_view() : parameters.substr(end + 1);
    if (!istarts_with(one, "q=")) continue;
    // RFC 9110 12.4.2: 0, 1, or up to three decimals; anything but zeros is more than nothing
    return one.substr(2).find_first_not_of("0.") == std::string_view::npos ? 0 : 1;
  }
  return 1;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) { return decode(text, false); }

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kPlain = "-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_alpha(c) || is_digit(c) || kPlain.contains(c)) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[octet >> 4U];
    out += kHex[octet & 15U];
  }
  return out;
}

Parameters parse_form(std::string_view text) {
  Parameters out;
  while (!text.empty() && out.size() < kParametersMax) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::size_t equals = pair.find('=');
    const auto name = decode(pair.substr(0, equals), true);
    const auto value =
        equals == std::string_view::npos ? std::optional<std::string>("") : decode(pair.substr(equals + 1), true);
    if (name && value && !name->empty()) out.emplace(*name, *value);
  }
  return out;
}

namespace {

bool is_within(std::string_view text, std::string_view first, std::string_view last) {
  return text.substr(0, 3) >= first && text.substr(0, 3) <= last;
}

}  // namespace

std::string escape(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const std::size_t size = utf8_length(text);
    const char c = text.front();
    // Marks that turn the direction of what stands behind them (U+202A to 202E, U+2066 to 2069): a name would be read
    // as another
    if (size == 3 &&
        (is_within(text, "\xE2\x80\xAA", "\xE2\x80\xAE") || is_within(text, "\xE2\x81\xA6", "\xE2\x81\xA9"))) {
      out += kReplacement;
      text.remove_prefix(size);
      continue;
    }
    if (size == 0 || (size == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) && c != '\n' && c != '\t')) {
      out += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += text.substr(0, size);
    text.remove_prefix(size);
  }
  return out;
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  for (const std::string_view part : split(accept_encoding, ',')) {
    const std::size_t end = part.find(';');
    const std::string_view coding = trim(part.substr(0, end));
    const double weight = end == std::string_view::npos ? 1 : weight_of(part.substr(end + 1));
    if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) return weight > 0;
    if (coding == "*") any = weight > 0;
  }
  return any;
}

bool matches_etag(std::string_view if_none_match, std::string_view etag) {
  for (std::string_view part : split(if_none_match, ',')) {
    part = trim(part);
    if (part == "*") return true;
    if (part.starts_with("W/")) part.remove_prefix(2);  // RFC 9110 13.1.2: weak comparison
    if (part == etag) return true;
  }
  return false;
}

std::string host_of(std::string_view authority) {
  authority = trim(authority);
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return {};
    // "[::1].evil" is no address
    const std::string_view rest = authority.substr(end + 1);
    return rest.empty() || rest.starts_with(':') ? lower(authority.substr(1, end - 1)) : std::string();
  }
  std::string host = lower(authority.substr(0, authority.find(':')));
  if (host.ends_with('.')) host.pop_back();
  return host;
}

}  // namespace postern::web
