// postern dmarc: policy discovery and evaluation, for identifiers that are given or for a whole message.
#include <cstdio>
#include <memory>
#include <utility>

#include "base/text.h"
#include "cli/auth_batch.h"
#include "cli/auth_json.h"
#include "cli/auth_options.h"
#include "cli/auth_text.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/message_evaluation.h"
#include "cli/output.h"
#include "cli/spf_query.h"
#include "dmarc/evaluate.h"
#include "message/author.h"

namespace postern::cli {

namespace {

// "a@example.org", "Alice <a@example.org>" or "example.org".
Result<std::string> domain_of_author(std::string_view text) {
  if (text.find_first_of("@<") == std::string_view::npos) return std::string(trim(text));
  POSTERN_TRY(const std::vector<message::Address> addresses, message::parse_addresses(text));
  if (addresses.empty()) return fail(ErrorKind::invalid, "From has no address");
  // RFC 9989 5.3.1: it is the domains that count
  for (const message::Address& address : addresses) {
    if (!iequals(address.domain, addresses.front().domain)) {
      return fail(ErrorKind::invalid, "From has addresses of several domains");
    }
  }
  return addresses.front().domain;
}

dmarc::Identifier identifier(std::string_view result, std::string_view domain) {
  // A domain may come as an address: SPF's is the one of MAIL FROM.
  if (const std::size_t at = domain.rfind('@'); at != std::string_view::npos) domain.remove_prefix(at + 1);
  return {
      .domain = std::string(trim(domain)), .pass = iequals(result, "pass"), .temporary = iequals(result, "temperror")};
}

dmarc::Identifier identifier(const json::Value& value) {
  return identifier(value.at("result").string(), value.at("domain").string());
}

// A list is read as its first pass, or its first: one message has one SPF result.
dmarc::Identifier spf_identifier(const json::Value& value) {
  if (!value.is_array()) return identifier(value);
  for (const json::Value& each : value.array()) {
    if (identifier(each).pass) return identifier(each);
  }
  return value.array().empty() ? dmarc::Identifier() : identifier(value.array().front());
}

Task<Result<void>> answer_identifiers(const BatchCase& given, dns::Resolver& resolver, json::Writer& writer) {
  const json::Value& from = given.line.at("header_from");
  if (!from.is_string() && !from.is_array()) {
    co_return fail(ErrorKind::invalid, "give header_from, or message_base64 or message_path");
  }
  // A list is several From fields: whoever reads them may take either.
  const json::Value& field = from.array().size() == 1 ? from.array().front() : from;
  const Result<std::string> domain = field.is_array() ? fail(ErrorKind::invalid, "there is not exactly one From field")
                                                      : domain_of_author(field.string());
  dmarc::Evaluation evaluation;
  if (!domain) {
    evaluation.problem = domain.error().what;
  } else {
    dmarc::Input input{.author_domain = *domain, .spf = spf_identifier(given.line.at("spf")), .dkim = {}};
    const json::Value& dkim = given.line.at("dkim");
    for (const json::Value& each : dkim.array()) input.dkim.push_back(identifier(each));
    if (dkim.is_object()) input.dkim.push_back(identifier(dkim));
    dns::Budget budget(dns::Budget::kLookups, Deadline::after(kToolDeadline));
    evaluation = co_await dmarc::evaluate(std::move(input), resolver, budget);
  }
  write_dmarc(writer, evaluation);
  co_return Result<void>();
}

Task<Result<void>> answer_dmarc(const BatchCase& given, dns::Resolver& resolver, dkim::KeyCache& keys,
                                json::Writer& writer) {
  if (!has_message(given)) co_return co_await answer_identifiers(given, resolver, writer);
  POSTERN_CO_TRY(const MessageInput message, case_message(given));
  std::optional<mailauth::Envelope> envelope;
  if (has_client(given)) {
    POSTERN_CO_TRY(spf::Query query, spf_query(given));
    envelope = mailauth::Envelope{query.client, std::move(query.helo), std::move(query.mail_from)};
  }
  const mailauth::Facts facts =
      co_await evaluate_message(std::move(envelope), message, std::string(), resolver, keys, given.now);
  write_dmarc(writer, facts.dmarc);
  co_return Result<void>();
}

Task<void> evaluate_once(dmarc::Input input, dns::Resolver& resolver, dmarc::Evaluation& out) {
  dns::Budget budget(dns::Budget::kLookups, Deadline::after(kToolDeadline));
  out = co_await dmarc::evaluate(std::move(input), resolver, budget);
}

Result<dmarc::Identifier> parse_identifier(std::string_view option, std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
    return fail(ErrorKind::invalid, std::string(option) + ": \"" + printable(text, 128) +
                                        "\" is no result of a domain; write pass:example.org");
  }
  return identifier(text.substr(0, colon), text.substr(colon + 1));
}

}  // namespace

BatchAnswer dmarc_batch() {
  return [keys = std::make_shared<dkim::KeyCache>()](const BatchCase& given, dns::Resolver& resolver,
                                                     json::Writer& writer) {
    return answer_dmarc(given, resolver, *keys, writer);
  };
}

int run_dmarc(const DmarcToolOptions& options) {
  if (options.common.batch) return run_batch(options.common, dmarc_batch());
  const auto domain = domain_of_author(options.from);
  if (!domain) return complain("--from: " + domain.error().what, kUsage);
  if (domain->empty()) return complain("--from: an address or a domain is missing", kUsage);
  dmarc::Input input{.author_domain = *domain, .spf = {}, .dkim = {}};
  if (!options.spf.empty()) {
    auto spf = parse_identifier("--spf", options.spf);
    if (!spf) return complain(spf.error().what, kUsage);
    input.spf = std::move(*spf);
  }
  for (const std::string& text : options.dkim) {
    auto dkim = parse_identifier("--dkim", text);
    if (!dkim) return complain(dkim.error().what, kUsage);
    input.dkim.push_back(std::move(*dkim));
  }
  const bool only_policy = options.spf.empty() && options.dkim.empty();
  auto tool = ToolResolver::open(options.common);
  if (!tool) return complain(tool.error().what, kUsage);
  const auto resolver = (*tool)->get();
  if (!resolver) return complain(resolver.error().what, kNegative);
  dmarc::Evaluation evaluation;
  (*tool)->run(evaluate_once(std::move(input), **resolver, evaluation));

  std::string out;
  if (options.common.json) {
    json::Writer writer(out);
    writer.begin_object();
    write_dmarc(writer, evaluation);
    writer.end_object();
    out += '\n';
  } else {
    out = dmarc_text(evaluation, colour_wanted());
  }
  print(out);
  if (only_policy) return evaluation.record ? kOk : kNegative;
  return evaluation.outcome == dmarc::Outcome::pass ? kOk : kNegative;
}

}  // namespace postern::cli
