#include "spf/record.h"

#include <algorithm>

#include "base/text.h"

namespace postern::spf {

namespace {

constexpr std::string_view kVersion = "v=spf1";

constexpr std::string_view kTooLong = "the record is longer than 16384 octets";
constexpr std::string_view kNoMechanism = "no mechanism has this name";
constexpr std::string_view kIsModifier = "this is a modifier: it is written with = and has no qualifier";
constexpr std::string_view kBadModifierName = "the name of a modifier is a letter and then letters, digits, -, _ and .";
constexpr std::string_view kNoArgument = "this mechanism takes no argument";
constexpr std::string_view kNoCidr = "this mechanism takes no prefix length";
constexpr std::string_view kNeedsDomain = "this mechanism needs a colon and a domain";
constexpr std::string_view kBadCidr = "a prefix length is /0 to /32 for IPv4 and //0 to //128 for IPv6";
constexpr std::string_view kBadIp4 = "not an IPv4 network such as 192.0.2.0/24";
constexpr std::string_view kBadIp6 = "not an IPv6 network such as 2001:db8::/32";
constexpr std::string_view kTwice = "this modifier appears twice";

// "0" or digits without a leading zero, at most `max`
std::optional<std::uint8_t> parse_cidr(std::string_view text, unsigned max) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > max) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

// 12: ip4-network, four numbers without leading zeros.
bool parse_ip4(std::string_view text, std::array<std::uint8_t, 16>& out) {
  std::size_t octet = 12;
  unsigned value = 0;
  unsigned digits = 0;
  out[10] = out[11] = 0xFF;
  for (const char c : text) {
    if (is_digit(c)) {
      if (digits == 3 || (digits > 0 && value == 0)) return false;
      value = value * 10 + static_cast<unsigned>(c - '0');
      ++digits;
      continue;
    }
    if (c != '.' || digits == 0 || value > 255 || octet == 15) return false;
    out.at(octet++) = static_cast<std::uint8_t>(value);
    value = digits = 0;
  }
  if (octet != 15 || digits == 0 || value > 255) return false;
  out[15] = static_cast<std::uint8_t>(value);
  return true;
}

bool parse_ip6(std::string_view text, std::array<std::uint8_t, 16>& out) {
  // A zone (fe80::1%eth0) is no part of RFC 4291 2.2, and a bare IPv4 address neither.
  bool colon = false;
  for (const char c : text) {
    if (c == '%') return false;
    colon = colon || c == ':';
  }
  if (!colon) return false;
  const auto address = ip::Address::parse(text);
  if (!address) return false;
  out = address->octets();
  return true;
}

std::string_view parse_network(Term& term, std::string_view rest) {
  const bool v4 = term.kind == TermKind::ip4;
  const std::string_view bad = v4 ? kBadIp4 : kBadIp6;
  if (!rest.starts_with(':')) return bad;
  rest.remove_prefix(1);
  std::size_t slash = 0;
  while (slash < rest.size() && rest[slash] != '/') ++slash;
  const std::string_view network = rest.substr(0, slash);
  if (v4 ? !parse_ip4(network, term.network) : !parse_ip6(network, term.network)) return bad;
  if (slash == rest.size()) return {};
  const auto cidr = parse_cidr(rest.substr(slash + 1), v4 ? 32 : 128);
  if (!cidr) return kBadCidr;
  (v4 ? term.cidr4 : term.cidr6) = *cidr;
  return {};
}

// Digits at the end of `rest` and what stands before them; npos where it is no slash.
std::size_t cidr_slash(std::string_view rest) {
  const std::size_t before = rest.find_last_not_of("0123456789");
  if (before == std::string_view::npos || rest[before] != '/' || before + 1 == rest.size())
    return std::string_view::npos;
  return before;
}

// dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ], taken off the end of `rest`. A domain-spec cannot end
// in a slash and digits, so that it does not matter that slashes may stand in one.
std::string_view take_dual_cidr(Term& term, std::string_view& rest) {
  std::size_t slash = cidr_slash(rest);
  if (slash == std::string_view::npos) return {};
  if (slash > 0 && rest[slash - 1] == '/') {
    const auto cidr = parse_cidr(rest.substr(slash + 1), 128);
    if (!cidr) return kBadCidr;
    term.cidr6 = *cidr;
    rest = rest.substr(0, slash - 1);
    slash = cidr_slash(rest);
    if (slash == std::string_view::npos) return {};
  }
  const auto cidr = parse_cidr(rest.substr(slash + 1), 32);
  if (!cidr) return kBadCidr;
  term.cidr4 = *cidr;
  rest = rest.substr(0, slash);
  return {};
}

// What follows the name of a mechanism that has a domain.
std::string_view parse_domain(Term& term, std::string_view rest) {
  const bool optional = term.kind == TermKind::a || term.kind == TermKind::mx || term.kind == TermKind::ptr;
  if (term.kind == TermKind::a || term.kind == TermKind::mx) {
    const std::string_view why = take_dual_cidr(term, rest);
    if (!why.empty()) return why;
  }
  if (rest.empty()) return optional ? std::string_view() : kNeedsDomain;
  if (rest.front() != ':') return term.kind == TermKind::a || term.kind == TermKind::mx ? kBadCidr : kNoCidr;
  rest.remove_prefix(1);
  const auto use = check_domain_spec(rest);
  if (!use) return use.error();
  term.use = *use;
  term.domain_spec = rest;
  return {};
}

// The octets of a short name in one number, after a one, so that a leading NUL makes a difference.
constexpr std::uint64_t packed(std::string_view name) {
  std::uint64_t out = 1;
  for (const char c : name) out = (out << 8U) | static_cast<unsigned char>(ascii_lower(c));
  return out;
}

std::optional<TermKind> mechanism_of(std::string_view name) {
  if (name.size() >= sizeof(std::uint64_t)) return std::nullopt;
  switch (packed(name)) {
    case packed("ip4"):
      return TermKind::ip4;
    case packed("ip6"):
      return TermKind::ip6;
    case packed("include"):
      return TermKind::include;
    case packed("a"):
      return TermKind::a;
    case packed("mx"):
      return TermKind::mx;
    case packed("all"):
      return TermKind::all;
    case packed("exists"):
      return TermKind::exists;
    case packed("ptr"):
      return TermKind::ptr;
    default:
      return std::nullopt;
  }
}

std::expected<Term, std::string_view> parse_modifier(std::string_view text, std::size_t equals) {
  const std::string_view name = text.substr(0, equals);
  const auto is_name = [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; };
  if (name.empty() || !is_alpha(name.front()) || !std::ranges::all_of(name, is_name)) {
    return std::unexpected(kBadModifierName);
  }
  Term term;
  term.text = text;
  term.domain_spec = text.substr(equals + 1);
  term.kind = iequals(name, "redirect") ? TermKind::redirect
              : iequals(name, "exp")    ? TermKind::exp
                                        : TermKind::other_modifier;
  // The known ones are no unknown-modifier, so that their value is a domain-spec or an error (12).
  const auto use = term.kind == TermKind::other_modifier
                       ? check_macro_string(term.domain_spec, MacroLetters::all, false)
                       : check_domain_spec(term.domain_spec);
  if (!use) return std::unexpected(use.error());
  term.use = *use;
  return term;
}

// The next term of `rest`, empty after the last. Only spaces separate terms (4.6.1).
std::string_view take_term(std::string_view& rest) {
  std::size_t begin = 0;
  while (begin < rest.size() && rest[begin] == ' ') ++begin;
  std::size_t end = begin;
  while (end < rest.size() && rest[end] != ' ') ++end;
  const std::string_view term = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return term;
}

}  // namespace

std::expected<Term, std::string_view> parse_term(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && text[end] != ':' && text[end] != '/' && text[end] != '=') ++end;
  // 4.6.1: modifiers have an equals sign after the name, and before any ":" or "/"
  if (end < text.size() && text[end] == '=') return parse_modifier(text, end);
  Term term;
  term.text = text;
  std::string_view name = text.substr(0, end);
  if (!name.empty()) {
    switch (name.front()) {
      case '+':
        name.remove_prefix(1);
        break;
      case '-':
        term.qualifier = Outcome::fail;
        name.remove_prefix(1);
        break;
      case '~':
        term.qualifier = Outcome::softfail;
        name.remove_prefix(1);
        break;
      case '?':
        term.qualifier = Outcome::neutral;
        name.remove_prefix(1);
        break;
      default:
        break;
    }
  }
  const auto kind = mechanism_of(name);
  if (!kind) {
    return std::unexpected(iequals(name, "redirect") || iequals(name, "exp") ? kIsModifier : kNoMechanism);
  }
  term.kind = *kind;
  const std::string_view rest = text.substr(end);
  std::string_view why;
  if (term.kind == TermKind::all) {
    if (!rest.empty()) why = kNoArgument;
  } else if (term.kind == TermKind::ip4 || term.kind == TermKind::ip6) {
    why = parse_network(term, rest);
  } else {
    why = parse_domain(term, rest);
  }
  if (!why.empty()) return std::unexpected(why);
  return term;
}

bool is_spf_record(std::string_view text) {
  return istarts_with(text, kVersion) && (text.size() == kVersion.size() || text[kVersion.size()] == ' ');
}

std::expected<Record, SyntaxError> Record::parse(std::string_view text) {
  if (text.size() > kRecordMax) return std::unexpected(SyntaxError{{}, kTooLong});
  Record record;
  text.remove_prefix(std::min(kVersion.size(), text.size()));
  record.rest_ = text;
  bool all = false;
  for (std::string_view word = take_term(text); !word.empty(); word = take_term(text)) {
    const auto term = parse_term(word);
    if (!term) return std::unexpected(SyntaxError{word, term.error()});
    if (!term->is_modifier() && record.kept_.size() < kKeptMax) {
      if (record.kept_.empty()) record.kept_.reserve(kKeptMax);
      record.kept_.push_back(*term);
      record.rest_ = text;
    }
    switch (term->kind) {
      case TermKind::all:
        all = true;
        break;
      case TermKind::include:
        if (!term->use.any && record.include_count_ < record.includes_.size()) {
          record.includes_.at(record.include_count_++) = term->domain_spec;
        }
        break;
      case TermKind::redirect:
        if (record.redirect_) return std::unexpected(SyntaxError{word, kTwice});
        record.redirect_ = *term;
        break;
      case TermKind::exp:
        if (record.explanation_) return std::unexpected(SyntaxError{word, kTwice});
        record.explanation_ = *term;
        break;
      default:
        break;
    }
  }
  // 5.1, 6.1: a redirect is ignored where there is an "all" anywhere, whatever the order
  if (all) record.redirect_.reset();
  return record;
}

std::optional<Term> Record::next_mechanism() {
  if (next_ < kept_.size()) return kept_[next_++];
  for (std::string_view word = take_term(rest_); !word.empty(); word = take_term(rest_)) {
    const auto term = parse_term(word);
    if (term && !term->is_modifier()) return *term;
  }
  return std::nullopt;
}

}  // namespace postern::spf
