#include "dkim/signature.h"

#include <algorithm>

#include "base/text.h"
#include "dkim/quoted_printable.h"
#include "dns/name.h"

namespace postern::dkim {
namespace {

constexpr std::size_t kTimeDigits = 12;    // 3.5 t=, x=
constexpr std::size_t kLengthDigits = 76;  // 3.5 l=

std::unexpected<Error> invalid(std::string what) { return fail(ErrorKind::invalid, std::move(what)); }

std::unexpected<Error> invalid_tag(std::string_view tag, std::string_view value, std::string_view why) {
  return invalid(std::string(tag) + "=" + printable(value, 60) + " " + std::string(why));
}

Result<std::string_view> required(const TagList& tags, std::string_view name) {
  const auto value = tags.get(name);
  if (!value) return invalid("there is no " + std::string(name) + "=");
  if (value->empty()) return invalid(std::string(name) + "= is empty");
  return *value;
}

Result<void> read_algorithm(std::string_view value, Signature& out) {
  // 3.2: values are case-sensitive unless their tag says otherwise, and a= does not.
  if (value == "rsa-sha256") {
    out.key_type = crypto::Algorithm::rsa;
  } else if (value == "ed25519-sha256") {  // RFC 8463 3
    out.key_type = crypto::Algorithm::ed25519;
  } else if (value == "rsa-sha1") {
    out.historic = true;
  } else {
    return invalid_tag("a", value, "is not an algorithm known here");
  }
  out.algorithm = value;
  return {};
}

std::optional<Canon> canon_of(std::string_view name) {
  if (name == "simple") return Canon::simple;
  if (name == "relaxed") return Canon::relaxed;
  return std::nullopt;
}

Result<void> read_canon(std::string_view value, Signature& out) {
  const std::size_t slash = value.find('/');
  const auto header = canon_of(value.substr(0, slash));
  // 3.5 c=: "relaxed" alone is relaxed/simple
  const auto body = slash == std::string_view::npos ? Canon::simple : canon_of(value.substr(slash + 1));
  if (!header || !body) return invalid_tag("c", value, "is not a canonicalisation known here");
  out.header_canon = *header;
  out.body_canon = *body;
  return {};
}

bool is_field_name(std::string_view name) {  // RFC 5322 3.6.8
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
}

Result<void> read_names(std::string_view value, Signature& out) {
  const auto too_many = std::ranges::count(value, ':') >= static_cast<std::ptrdiff_t>(kSignedNamesMax);
  if (too_many) return invalid("h= has more than " + std::to_string(kSignedNamesMax) + " names");
  for (const std::string_view name : colon_list(value)) {
    if (!is_field_name(name)) return invalid_tag("h", value, "has something that is no field name");
    out.signed_names.push_back(lower(name));
  }
  // 5.4, 6.1.1
  if (std::ranges::find(out.signed_names, "from") == out.signed_names.end()) {
    return invalid("the From field is not signed (h=)");
  }
  return {};
}

// 3.5 i=: [ Local-part ] "@" domain-name, the domain being d= or below it. The local part is nobody's mailbox, so it is
// held to what can be printed and not to the grammar of addresses.
Result<void> read_auid(std::string_view value, Signature& out) {
  const auto text = decode_quoted_printable(value);
  const std::size_t at = text ? text->rfind('@') : std::string::npos;
  if (at == std::string::npos) return invalid_tag("i", value, "is not an address");
  const std::string_view local = std::string_view(*text).substr(0, at);
  if (!is_utf8(local) || std::ranges::any_of(local, [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; })) {
    return invalid_tag("i", value, "has a local part that is not text");
  }
  const auto domain = signing_name(std::string_view(*text).substr(at + 1), 2);
  if (!domain) return invalid_tag("i", value, "has no valid domain");
  const auto name = dns::Name::parse(*domain);
  const auto parent = dns::Name::parse(out.domain);
  if (!name || !parent || !name->is_within(*parent)) {
    return invalid_tag("i", value, "is not within d=" + printable(out.domain));
  }
  out.auid = std::string(local) + "@" + *domain;
  out.auid_domain = *domain;
  return {};
}

bool all_digits(std::string_view value) { return !value.empty() && std::ranges::all_of(value, is_digit); }

Result<void> read_length(std::string_view value, Signature& out) {
  if (!all_digits(value) || value.size() > kLengthDigits) return invalid_tag("l", value, "is not a length");
  out.length = parse_unsigned(value).value_or(UINT64_MAX);
  return {};
}

Result<std::optional<std::int64_t>> read_time(const TagList& tags, std::string_view name) {
  const auto value = tags.get(name);
  if (!value) return std::nullopt;
  if (!all_digits(*value)) return invalid_tag(name, *value, "is not a time");
  // "implementations MAY consider any value longer than 12 digits to be infinite"
  if (value->size() > kTimeDigits) return INT64_MAX;
  return static_cast<std::int64_t>(parse_unsigned(*value).value_or(0));
}

Result<void> read_times(const TagList& tags, Signature& out) {
  POSTERN_TRY(out.time, read_time(tags, "t"));
  POSTERN_TRY(out.expiry, read_time(tags, "x"));
  if (out.time && out.expiry && *out.expiry <= *out.time) {
    return invalid("x= is not later than t=");  // 3.5 x=
  }
  return {};
}

Result<std::string> read_base64(std::string_view name, std::string_view value) {
  auto octets = decode_base64_fws(value);
  if (!octets || octets->empty()) return invalid(std::string(name) + "= is not base64");
  return std::move(*octets);
}

std::string without_space(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') out.push_back(c);
  }
  return out;
}

}  // namespace

std::optional<std::string> signing_name(std::string_view text, std::size_t labels_min) {
  if (text.empty() || text.ends_with('.')) return std::nullopt;
  const auto name = dns::Name::from_unicode(text);
  if (!name || name->is_root() || name->labels() < labels_min) return std::nullopt;
  for (const std::string_view label : split(name->text(), '.')) {
    const auto fits = [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_'; };
    if (!std::ranges::all_of(label, fits) || label.starts_with('-') || label.ends_with('-')) return std::nullopt;
  }
  return name->text();
}

Result<void> read_signer_tags(const TagList& tags, Signature& out) {
  // What a report names comes first.
  POSTERN_TRY(const std::string_view domain, required(tags, "d"));
  const auto signing_domain = signing_name(domain, 2);
  if (!signing_domain) return invalid_tag("d", domain, "is not a domain");
  out.domain = *signing_domain;
  out.auid = "@" + out.domain;
  out.auid_domain = out.domain;
  POSTERN_TRY(const std::string_view selector_text, required(tags, "s"));
  const auto selector = signing_name(selector_text, 1);
  if (!selector) return invalid_tag("s", selector_text, "is not a selector");
  out.selector = *selector;
  POSTERN_TRY(const std::string_view signature, required(tags, "b"));
  POSTERN_TRY(out.signature, read_base64("b", signature));
  out.signature_base64 = without_space(signature);
  POSTERN_TRY(const std::string_view algorithm, required(tags, "a"));
  return read_algorithm(algorithm, out);
}

Result<void> read_content_tags(const TagList& tags, Signature& out) {
  POSTERN_TRY(const std::string_view body_hash, required(tags, "bh"));
  POSTERN_TRY(out.body_hash, read_base64("bh", body_hash));
  POSTERN_TRY(const std::string_view names, required(tags, "h"));
  POSTERN_TRY_VOID(read_names(names, out));
  if (const auto canon = tags.get("c")) POSTERN_TRY_VOID(read_canon(*canon, out));
  if (const auto length = tags.get("l")) POSTERN_TRY_VOID(read_length(*length, out));
  if (const auto methods = tags.get("q")) {
    // 3.5 q=: unknown methods are passed over; dns/txt is the only one there is
    const auto known = colon_list(*methods);
    if (std::ranges::find(known, "dns/txt") == known.end()) {
      return invalid_tag("q", *methods, "names no way to a key known here");
    }
  }
  return read_times(tags, out);
}

Result<void> read_signature(std::string_view field_body, Signature& out) {
  if (field_body.size() > kSignatureOctetsMax) {
    return invalid("the field is longer than " + std::to_string(kSignatureOctetsMax) + " octets");
  }
  POSTERN_TRY(const TagList tags, TagList::parse(field_body));
  POSTERN_TRY(const std::string_view version, required(tags, "v"));
  if (version != "1") return invalid_tag("v", version, "is not version 1");  // 6.1.1
  POSTERN_TRY_VOID(read_signer_tags(tags, out));
  POSTERN_TRY_VOID(read_content_tags(tags, out));
  if (const auto auid = tags.get("i")) return read_auid(*auid, out);
  return {};
}

Result<Signature> parse_signature(std::string_view field_body) {
  Signature signature;
  POSTERN_TRY_VOID(read_signature(field_body, signature));
  return signature;
}

}  // namespace postern::dkim
