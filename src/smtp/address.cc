#include "smtp/address.h"

#include <idn2.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"

namespace postern::smtp {

namespace {

constexpr std::size_t kLabelMax = 63;  // RFC 1035 2.3.4

constexpr bool is_high(char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; }

// RFC 5321 4.1.2, RFC 5322 3.2.3 atext; non-ASCII octets are judged by the caller (RFC 6531 3.3)
constexpr std::array<bool, 256> atext_table() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 128; ++c) {
    const char ch = static_cast<char>(c);
    table[c] = is_alpha(ch) || is_digit(ch) || std::string_view("!#$%&'*+-/=?^_`{|}~").contains(ch);
  }
  for (std::size_t c = 128; c < 256; ++c) table[c] = true;
  return table;
}
constexpr auto kAtext = atext_table();
constexpr bool is_atext(char c) { return kAtext[static_cast<unsigned char>(c)]; }

bool is_dot_string(std::string_view text) {
  bool after_dot = true;
  for (const char c : text) {
    if (c == '.') {
      if (after_dot) return false;
      after_dot = true;
    } else {
      if (!is_atext(c)) return false;
      after_dot = false;
    }
  }
  return !after_dot;
}

std::unexpected<Error> bad(std::string what) { return fail(ErrorKind::invalid, std::move(what)); }

Result<void> check_ldh(std::string_view name) {
  if (name.size() > kDomainMax) return bad("domain is longer than 255 octets (RFC 5321 4.5.3.1.2)");
  std::size_t start = 0;
  while (true) {
    const auto dot = std::min(name.find('.', start), name.size());
    const std::string_view label = name.substr(start, dot - start);
    if (label.empty()) return bad("domain has an empty label; write it without a doubled, leading or trailing dot");
    if (label.size() > kLabelMax) return bad("domain has a label of more than 63 octets");
    if (label.front() == '-' || label.back() == '-') return bad("domain has a label that begins or ends with a hyphen");
    for (const char c : label) {
      // RFC 5321 4.1.2: only letters, digits and hyphen; the underscore is named there as not permitted
      if (!is_alpha(c) && !is_digit(c) && c != '-') {
        return bad("domain has the character '" + printable(std::string_view(&c, 1)) +
                   "'; only letters, digits and hyphens may stand there");
      }
    }
    if (dot == name.size()) return {};
    start = dot + 1;
  }
}

struct Idn2Free {
  void operator()(std::uint8_t* p) const { idn2_free(p); }
};

// A-labels of characters that IDNA 2008 disallows (emoji domains) exist in the DNS and are opaque there; what is no
// Punycode at all, or decodes to what another A-label names, is refused.
bool tolerable(int status) {
  return status == IDN2_DISALLOWED || status == IDN2_UNASSIGNED || status == IDN2_CONTEXTJ || status == IDN2_CONTEXTO ||
         status == IDN2_CONTEXTJ_NO_RULE || status == IDN2_CONTEXTO_NO_RULE || status == IDN2_BIDI ||
         status == IDN2_2HYPHEN;
}

bool has_a_label(std::string_view lowered) {
  return lowered.starts_with("xn--") || lowered.find(".xn--") != std::string_view::npos;
}

// The canonical form of a name: A-labels, lower case. RFC 5891 5.4, RFC 6531 3.2.
Result<std::string> canonical(std::string_view text) {
  std::string name = lower(text);
  const bool ascii = is_ascii(name);
  if (ascii) {
    POSTERN_TRY_VOID(check_ldh(name));
    if (!has_a_label(name)) return name;
  } else {
    if (name.size() > kDomainMax) return bad("domain is longer than 255 octets (RFC 5321 4.5.3.1.2)");
    if (!is_utf8(name)) return bad("domain is not UTF-8");
    if (name.find('\0') != std::string::npos) return bad("domain has a NUL octet");
  }
  std::uint8_t* raw = nullptr;
  const int status = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(name.c_str()), &raw,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_ALABEL_ROUNDTRIP);
  const std::unique_ptr<std::uint8_t, Idn2Free> owned(raw);
  if (status != IDN2_OK) {
    if (ascii && tolerable(status)) return name;
    return bad("domain is no valid internationalised name (" + std::string(idn2_strerror(status)) + ")");
  }
  std::string out = lower(reinterpret_cast<const char*>(raw));
  // UTS 46 maps other full stops to '.', and may map to what is no host name at all
  POSTERN_TRY_VOID(check_ldh(out));
  return out;
}

// RFC 5321 4.1.3: "::" stands for at least two groups there, so at most six may be written beside it
bool groups_fit(std::string_view text) {
  if (text.find("::") == std::string_view::npos) return true;
  std::size_t groups = 0;
  for (const std::string_view group : split(text, ':')) {
    if (group.empty()) continue;
    groups += group.find('.') == std::string_view::npos ? 1 : 2;
  }
  return groups <= 6;
}

Result<Domain> parse_literal(std::string_view text) {
  if (text.size() < 3 || text.back() != ']') return bad("address literal does not end with ]");
  std::string_view inner = text.substr(1, text.size() - 2);
  Domain domain;
  if (istarts_with(inner, "IPv6:")) {
    inner.remove_prefix(5);
    if (inner.find(':') != std::string_view::npos && inner.find('%') == std::string_view::npos && groups_fit(inner)) {
      domain.literal = ip::Address::parse(inner);
    }
  } else if (inner.find(':') == std::string_view::npos) {
    domain.literal = ip::Address::parse(inner);
  } else if (ip::Address::parse(inner)) {
    return bad("IPv6 address literal lacks its tag; write [IPv6:" + std::string(inner) + "]");
  }
  if (!domain.literal) return bad("address literal is neither [192.0.2.1] nor [IPv6:2001:db8::1] (RFC 5321 4.1.3)");
  return domain;
}

// The local part at the front of `text`: its value and how many octets it took.
struct LocalParse {
  std::string value;
  std::size_t consumed = 0;
};

Result<LocalParse> parse_quoted(std::string_view text) {
  LocalParse out;
  std::size_t i = 1;
  for (; i < text.size() && text[i] != '"'; ++i) {
    char c = text[i];
    if (c == '\\') {
      // RFC 5321 4.1.2 quoted-pairSMTP: %d92 %d32-126
      ++i;
      if (i == text.size()) break;
      c = text[i];
      if (is_high(c)) return bad("local part quotes a non-ASCII character with a backslash");
    }
    if (!is_high(c) && (c < ' ' || c == 0x7F)) return bad("local part has a control character");
    out.value.push_back(c);
  }
  if (i >= text.size()) return bad("quoted local part has no closing quote");
  out.consumed = i + 1;
  return out;
}

Result<LocalParse> parse_local(std::string_view text, bool utf8) {
  LocalParse out;
  if (text.starts_with('"')) {
    POSTERN_TRY(out, parse_quoted(text));
  } else {
    std::size_t i = 0;
    while (i < text.size() && (is_atext(text[i]) || text[i] == '.')) ++i;
    const std::string_view raw = text.substr(0, i);
    if (raw.empty()) return bad("address has no local part");
    if (!is_dot_string(raw)) return bad("local part has a leading, trailing or doubled dot; quote it");
    out.value = raw;
    out.consumed = i;
  }
  // A sender that a forwarder rewrote holds a whole address; libsrs2 and its like never kept to 64, and other servers
  // take more. What bounds it is the length of a path.
  const bool rewritten = out.value.size() > 5 && (istarts_with(out.value, "SRS0") || istarts_with(out.value, "SRS1")) &&
                         (out.value[4] == '=' || out.value[4] == '+' || out.value[4] == '-');
  if (out.consumed > (rewritten ? kPathMax : kLocalPartMax))
    return bad("local part is longer than 64 octets (RFC 5321 4.5.3.1.1)");
  if (!is_ascii(out.value)) {
    // RFC 6531 3.3: UTF-8 only where the SMTPUTF8 parameter was given
    if (!utf8) return bad("local part is not ASCII; that needs the SMTPUTF8 parameter on MAIL");
    if (!is_utf8(out.value)) return bad("local part is not UTF-8");
  }
  return out;
}

// RFC 5321 4.1.2: A-d-l ":" before the mailbox; appendix C and 3.3: accepted, and stripped
Result<std::size_t> skip_source_route(std::string_view text, bool utf8) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return bad("source route has no colon; write <user@domain> alone");
  for (std::string_view hop : split(text.substr(0, colon), ',')) {
    if (!hop.starts_with('@')) return bad("source route is malformed; write <user@domain> alone");
    hop.remove_prefix(1);
    if (const auto domain = parse_domain(hop, utf8); !domain) return std::unexpected(domain.error());
  }
  return colon + 1;
}

}  // namespace

std::string Domain::text() const { return literal ? "[" + literal->smtp_literal() + "]" : name; }

Result<Domain> parse_domain(std::string_view text, bool utf8) {
  if (text.empty()) return bad("domain is empty");
  if (text.front() == '[') return parse_literal(text);
  if (!utf8 && !is_ascii(text)) return bad("domain is not ASCII; write its xn-- form, or use SMTPUTF8");
  Domain domain;
  POSTERN_TRY(domain.name, canonical(text));
  return domain;
}

bool Mailbox::needs_utf8() const { return !is_ascii(local); }

std::string Mailbox::text() const {
  std::string out;
  out.reserve(local.size() + domain.name.size() + 3);
  if (is_dot_string(local)) {
    out = local;
  } else {
    out.push_back('"');
    for (const char c : local) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
  }
  if (!domain.empty()) {
    out.push_back('@');
    out += domain.literal ? domain.text() : domain.name;
  }
  return out;
}

Result<Mailbox> parse_mailbox(std::string_view text, bool utf8) {
  POSTERN_TRY(LocalParse local, parse_local(text, utf8));
  text.remove_prefix(local.consumed);
  if (text.empty()) return bad("address has no domain; write user@domain");
  if (text.front() != '@') {
    return bad("local part has the character '" + printable(text.substr(0, 1)) + "' outside quotes");
  }
  Mailbox mailbox;
  POSTERN_TRY(mailbox.domain, parse_domain(text.substr(1), utf8));
  mailbox.local = std::move(local.value);
  return mailbox;
}

std::string Path::text() const { return null ? std::string() : mailbox.text(); }

Result<PathParse> parse_path(std::string_view text, bool null_allowed, bool utf8) {
  if (!text.starts_with('<')) return bad("address is not in angle brackets; write <user@domain>");
  // RFC 5321 4.5.3.1.3: the limit counts punctuation and any source route. Nothing behind it is looked at.
  const bool cut = text.size() > kPathMax;
  const std::string_view all = text.substr(0, kPathMax);
  // The closing bracket: the first one outside a quoted string
  std::size_t close = 1;
  bool quoted = false;
  for (; close < all.size(); ++close) {
    const char c = all[close];
    if (quoted && c == '\\') {
      ++close;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == '>' && !quoted) {
      break;
    }
  }
  if (close >= all.size()) {
    if (cut) return bad("path is longer than 256 octets (RFC 5321 4.5.3.1.3)");
    return bad("address has no closing >");
  }
  std::string_view inner = all.substr(1, close - 1);
  PathParse out;
  out.consumed = close + 1;
  if (inner.empty()) {
    if (!null_allowed) return bad("recipient is empty; write <user@domain>");
    out.path.null = true;
    return out;
  }
  if (inner.front() == '@') {
    POSTERN_TRY(const std::size_t skipped, skip_source_route(inner, utf8));
    inner.remove_prefix(skipped);
  } else if (!null_allowed && iequals(inner, "postmaster")) {
    // RFC 5321 4.1.1.3, 4.5.1: <postmaster> without a domain, in any case
    out.path.mailbox.local = inner;
    return out;
  }
  POSTERN_TRY(out.path.mailbox, parse_mailbox(inner, utf8));
  return out;
}

}  // namespace postern::smtp
