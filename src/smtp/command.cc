#include "smtp/command.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "smtp/dsn_address.h"
#include "smtp/extension_parameters.h"

namespace postern::smtp {

namespace {

struct Named {
  std::string_view name;
  Verb verb;
};

// The most frequent first: the search is a short walk
constexpr std::array kVerbs{
    Named{"RCPT", Verb::rcpt},    Named{"MAIL", Verb::mail},    Named{"DATA", Verb::data},
    Named{"EHLO", Verb::ehlo},    Named{"QUIT", Verb::quit},    Named{"BDAT", Verb::bdat},
    Named{"HELO", Verb::helo},    Named{"RSET", Verb::rset},    Named{"STARTTLS", Verb::starttls},
    Named{"NOOP", Verb::noop},    Named{"AUTH", Verb::auth},    Named{"VRFY", Verb::vrfy},
    Named{"HELP", Verb::help},    Named{"EXPN", Verb::expn},    Named{"GET", Verb::http},
    Named{"POST", Verb::http},    Named{"HEAD", Verb::http},    Named{"PUT", Verb::http},
    Named{"CONNECT", Verb::http}, Named{"OPTIONS", Verb::http}, Named{"DELETE", Verb::http},
    Named{"PATCH", Verb::http},   Named{"TRACE", Verb::http},   Named{"PRI", Verb::http},
};

std::unexpected<Complaint> complain(const ServerText& text, std::string_view detail = {}) {
  return std::unexpected(Complaint{text, std::string(detail)});
}

std::string_view without_leading_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

constexpr bool is_keyword_char(char c) { return is_alpha(c) || is_digit(c) || c == '-'; }

// The path behind "FROM:" or "TO:". RFC 5321 3.3 allows no blank there, yet clients send one; it hides nothing.
std::optional<std::string_view> path_text(std::string_view argument, std::string_view label) {
  if (!istarts_with(argument, label)) return std::nullopt;
  const std::string_view text = without_leading_blanks(argument.substr(label.size()));
  if (text.empty()) return std::nullopt;
  return text;
}

Parsed<> take_mail_parameter(const Parameter& parameter, const MailOffer& offer, MailParams& params) {
  if (iequals(parameter.keyword, "SIZE")) {
    if (params.size) return complain(texts::kParameterTwice, "SIZE");
    // RFC 1870 4: 1*20DIGIT
    if (parameter.value.empty() || parameter.value.size() > 20 || !std::ranges::all_of(parameter.value, is_digit)) {
      return complain(texts::kSizeSyntax);
    }
    params.size = parse_unsigned(parameter.value).value_or(UINT64_MAX);
    return {};
  }
  if (iequals(parameter.keyword, "BODY")) {
    if (params.body != BodyType::unspecified) return complain(texts::kParameterTwice, "BODY");
    if (iequals(parameter.value, "7BIT"))
      params.body = BodyType::seven_bit;
    else if (iequals(parameter.value, "8BITMIME"))
      params.body = BodyType::eight_bit;
    else if (iequals(parameter.value, "BINARYMIME"))
      return complain(texts::kBodyBinary);
    else
      return complain(texts::kBodySyntax);
    return {};
  }
  if (offer.utf8 && iequals(parameter.keyword, "SMTPUTF8")) {
    if (params.utf8) return complain(texts::kParameterTwice, "SMTPUTF8");
    if (parameter.has_value) return complain(texts::kUtf8Value);
    params.utf8 = true;
    return {};
  }
  if (offer.auth && iequals(parameter.keyword, "AUTH")) {
    if (!params.auth.empty()) return complain(texts::kParameterTwice, "AUTH");
    auto value = from_xtext(parameter.value);
    if (!value || value->empty()) return complain(texts::kAuthValue);
    params.auth = std::move(*value);
    return {};
  }
  const auto taken = take_mail_extension(parameter, offer, params);
  if (!taken) return std::unexpected(taken.error());
  if (*taken) return {};
  return complain(texts::kParameterUnknown, printable(parameter.keyword, 64));
}

}  // namespace

Command parse_command(std::string_view line) {
  // RFC 5321 4.1.1: trailing blanks should be tolerated
  line = line.substr(0, line.find_last_not_of(" \t") + 1);
  const std::string_view name = line.substr(0, line.find(' '));
  Command command;
  command.argument = without_leading_blanks(line.substr(name.size()));
  const auto found = std::ranges::find_if(kVerbs, [name](const Named& named) { return iequals(named.name, name); });
  if (found != kVerbs.end())
    command.verb = found->verb;
  else if (istarts_with(line, "HTTP/"))
    command.verb = Verb::http;
  return command;
}

char outline_letter(Verb verb) {
  switch (verb) {
    case Verb::helo:
      return 'H';
    case Verb::ehlo:
      return 'E';
    case Verb::mail:
      return 'M';
    case Verb::rcpt:
      return 'R';
    case Verb::data:
      return 'D';
    case Verb::bdat:
      return 'B';
    case Verb::rset:
      return 'T';
    case Verb::noop:
      return 'N';
    case Verb::quit:
      return 'Q';
    case Verb::vrfy:
      return 'V';
    case Verb::help:
      return 'P';
    case Verb::starttls:
      return 'S';
    case Verb::auth:
      return 'A';
    case Verb::expn:
    case Verb::http:
    case Verb::unknown:
      break;
  }
  return 'X';
}

Parsed<std::optional<Parameter>> next_parameter(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  if (text.front() != ' ') return complain(texts::kParameterSyntax, printable(text, 64));
  text = without_leading_blanks(text);
  if (text.empty()) return std::nullopt;
  const std::string_view whole = text.substr(0, text.find(' '));
  text.remove_prefix(whole.size());
  Parameter parameter;
  const auto equals = whole.find('=');
  parameter.keyword = whole.substr(0, equals);
  // RFC 5321 4.1.2: esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
  if (parameter.keyword.empty() || parameter.keyword.front() == '-' ||
      !std::ranges::all_of(parameter.keyword, is_keyword_char)) {
    return complain(texts::kParameterSyntax, printable(whole, 64));
  }
  if (equals != std::string_view::npos) {
    parameter.has_value = true;
    parameter.value = whole.substr(equals + 1);
    // esmtp-value = 1*(%d33-60 / %d62-126); RFC 6531 3.4 adds UTF-8
    const bool good = !parameter.value.empty() && std::ranges::all_of(parameter.value, [](char c) {
      const auto octet = static_cast<unsigned char>(c);
      return octet > ' ' && octet != '=' && octet != 0x7F;
    });
    if (!good) return complain(texts::kParameterSyntax, printable(whole, 64));
  }
  return parameter;
}

Parsed<MailArgument> parse_mail(std::string_view argument, const MailOffer& offer) {
  const auto text = path_text(argument, "FROM:");
  if (!text) return complain(texts::kMailSyntax);
  // SMTPUTF8 stands behind the address it is about: read first, judge after
  const bool may_utf8 = offer.extended && offer.utf8;
  MailArgument out;
  auto path = parse_path(*text, true, true);
  if (!path) return complain(texts::kSenderAddress, path.error().what);
  out.path = std::move(path->path);
  const bool ascii = is_ascii(text->substr(0, path->consumed));
  std::string_view rest = text->substr(path->consumed);
  if (!offer.extended && !rest.empty()) return complain(texts::kParametersNeedEhlo);
  for (std::size_t count = 0;; ++count) {
    const auto parameter = next_parameter(rest);
    if (!parameter) return std::unexpected(parameter.error());
    if (!parameter->has_value()) break;
    if (count == kParametersMax) return complain(texts::kTooManyParameters);
    if (auto taken = take_mail_parameter(**parameter, offer, out.params); !taken) {
      return std::unexpected(std::move(taken).error());
    }
  }
  // RFC 6531 3.4: non-ASCII addresses only with the parameter
  if (!ascii && !(may_utf8 && out.params.utf8)) return complain(texts::kSenderUtf8);
  // RFC 1870 6.1: a declared size over the limit is refused at MAIL
  if (offer.size_max != 0 && out.params.size.value_or(0) > offer.size_max) return complain(texts::kSizeTooLarge);
  return out;
}

Parsed<RcptArgument> parse_rcpt(std::string_view argument, const RcptOffer& offer) {
  const auto text = path_text(argument, "TO:");
  if (!text) return complain(texts::kRcptSyntax);
  auto path = parse_path(*text, false, true);
  if (!path) return complain(texts::kRecipientAddress, path.error().what);
  if (!offer.utf8 && !is_ascii(text->substr(0, path->consumed))) return complain(texts::kRecipientUtf8);
  RcptArgument out;
  out.path = std::move(path->path);
  std::string_view rest = text->substr(path->consumed);
  for (std::size_t count = 0;; ++count) {
    const auto parameter = next_parameter(rest);
    if (!parameter) return std::unexpected(parameter.error());
    if (!parameter->has_value()) return out;
    if (!offer.extended) return complain(texts::kParametersNeedEhlo);
    if (count == kParametersMax) return complain(texts::kTooManyParameters);
    const auto taken = take_rcpt_extension(**parameter, offer, out.params);
    if (!taken) return std::unexpected(taken.error());
    if (!*taken) return complain(texts::kRcptParameter, printable((*parameter)->keyword, 64));
  }
}

BdatArgument parse_bdat(std::string_view argument) {
  BdatArgument out;
  const std::string_view number = argument.substr(0, argument.find(' '));
  if (number.empty() || !std::ranges::all_of(number, is_digit)) return out;
  const auto size = parse_unsigned(number);
  if (!size) {
    out.status = BdatArgument::Status::overflow;
    return out;
  }
  out.size = *size;
  out.status = BdatArgument::Status::good;
  // RFC 3030 2: chunk-size [SP end-marker]
  const std::string_view marker = without_leading_blanks(argument.substr(number.size()));
  out.last = iequals(marker, "LAST");
  if (!marker.empty() && !out.last) out.status = BdatArgument::Status::bad_keyword;
  return out;
}

}  // namespace postern::smtp
