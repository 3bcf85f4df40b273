#include "smtp/extension_parameters.h"

#include <algorithm>

#include "base/text.h"
#include "smtp/dsn_address.h"

namespace postern::smtp {

namespace {

std::unexpected<Complaint> complain(const ServerText& text, std::string_view detail = {}) {
  return std::unexpected(Complaint{text, std::string(detail)});
}

Parsed<bool> take_deliver_by(const Parameter& parameter, MailParams& params) {
  if (params.deliver_by) return complain(texts::kParameterTwice, "BY");
  // RFC 2852 4: by-value = by-time ";" by-mode [by-trace]; by-time = ["-" / "+"] 1*9digit
  const std::size_t semicolon = parameter.value.find(';');
  if (semicolon == std::string_view::npos) return complain(texts::kBySyntax);
  std::string_view number = parameter.value.substr(0, semicolon);
  const std::string mode = upper(parameter.value.substr(semicolon + 1));
  const bool negative = number.starts_with('-');
  if (negative || number.starts_with('+')) number.remove_prefix(1);
  if (number.empty() || number.size() > 9 || !std::ranges::all_of(number, is_digit)) return complain(texts::kBySyntax);
  if (mode != "N" && mode != "R" && mode != "NT" && mode != "RT") return complain(texts::kBySyntax);
  const auto magnitude = static_cast<std::int64_t>(parse_unsigned(number).value_or(0));
  params.deliver_by = negative ? -magnitude : magnitude;
  params.return_if_late = mode.front() == 'R';
  params.trace_relays = mode.size() == 2;
  // RFC 2852 4.1: with R a time that has passed is a syntax error
  if (params.return_if_late && *params.deliver_by <= 0) return complain(texts::kByPassed);
  return true;
}

Parsed<bool> take_hold(const Parameter& parameter, MailParams& params) {
  // RFC 4865 4.2, 9: one of the two, and once
  if (params.hold_for || params.hold_until) return complain(texts::kHoldTwice);
  if (iequals(parameter.keyword, "HOLDFOR")) {
    // RFC 4865 3: future-release-integer = 1 to 9 digits, not 0
    const bool good = !parameter.value.empty() && parameter.value.size() <= 9 && parameter.value.front() != '0' &&
                      std::ranges::all_of(parameter.value, is_digit);
    if (!good) return complain(texts::kHoldSyntax);
    params.hold_for = static_cast<std::int64_t>(parse_unsigned(parameter.value).value_or(0));
    return true;
  }
  // RFC 4865 3: Internet-style date-time in UTC (RFC 3339)
  const bool whole = parameter.value.size() >= std::string_view("2026-11-21T17:00:00Z").size();
  params.hold_until = whole ? parse_iso8601(parameter.value) : std::nullopt;
  if (!params.hold_until) return complain(texts::kHoldSyntax);
  return true;
}

Parsed<bool> take_priority(const Parameter& parameter, MailParams& params) {
  if (params.priority) return complain(texts::kParameterTwice, "MT-PRIORITY");
  // RFC 6710 6: priority-value = (["-"] NZDIGIT) / "0"
  std::string_view digits = parameter.value;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (digits.size() != 1 || !is_digit(digits.front()) || (negative && digits.front() == '0')) {
    return complain(texts::kPrioritySyntax);
  }
  const int value = digits.front() - '0';
  params.priority = static_cast<std::int8_t>(negative ? -value : value);
  return true;
}

}  // namespace

Parsed<bool> take_mail_extension(const Parameter& parameter, const MailOffer& offer, MailParams& params) {
  const auto is = [&](std::string_view keyword) { return iequals(parameter.keyword, keyword); };
  if (offer.dsn && is("RET")) {
    if (!params.ret.empty()) return complain(texts::kParameterTwice, "RET");
    const std::string value = upper(parameter.value);
    if (value != "FULL" && value != "HDRS") return complain(texts::kRetSyntax);
    params.ret = value;
    return true;
  }
  if (offer.dsn && is("ENVID")) {
    if (!params.envid.empty()) return complain(texts::kParameterTwice, "ENVID");
    auto value = parse_envid(parameter.value);
    if (!value) return complain(texts::kEnvidSyntax);
    params.envid = std::move(*value);
    return true;
  }
  if (offer.require_tls && is("REQUIRETLS")) {
    if (params.require_tls) return complain(texts::kParameterTwice, "REQUIRETLS");
    if (parameter.has_value) return complain(texts::kRequireTlsValue);  // RFC 8689 3: no value
    params.require_tls = true;
    return true;
  }
  if (!offer.submitter) return false;
  if (is("BY")) return take_deliver_by(parameter, params);
  if (is("HOLDFOR") || is("HOLDUNTIL")) return take_hold(parameter, params);
  if (is("MT-PRIORITY")) return take_priority(parameter, params);
  return false;
}

Parsed<bool> take_rcpt_extension(const Parameter& parameter, const RcptOffer& offer, RcptParams& params) {
  if (!offer.dsn) return false;
  if (iequals(parameter.keyword, "NOTIFY")) {
    if (params.notify != 0) return complain(texts::kParameterTwice, "NOTIFY");
    for (const std::string_view word : split(parameter.value, ',')) {
      std::uint8_t bit = 0;
      if (iequals(word, "SUCCESS")) bit = RcptParams::kSuccess;
      if (iequals(word, "FAILURE")) bit = RcptParams::kFailure;
      if (iequals(word, "DELAY")) bit = RcptParams::kDelay;
      if (iequals(word, "NEVER")) bit = RcptParams::kNever;
      if (bit == 0) return complain(texts::kNotifySyntax);
      params.notify = static_cast<std::uint8_t>(params.notify | bit);
    }
    // RFC 3461 4.1: NEVER stands alone
    if ((params.notify & RcptParams::kNever) != 0 && params.notify != RcptParams::kNever) {
      return complain(texts::kNotifySyntax);
    }
    return true;
  }
  if (iequals(parameter.keyword, "ORCPT")) {
    if (!params.orcpt.empty()) return complain(texts::kParameterTwice, "ORCPT");
    auto value = parse_orcpt(parameter.value, offer.utf8);
    if (!value) return complain(texts::kOrcptSyntax);
    params.orcpt = std::move(*value);
    return true;
  }
  return false;
}

}  // namespace postern::smtp
