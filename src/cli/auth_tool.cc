// postern auth: everything that is known about the authenticity of one message.
#include <cstdio>
#include <memory>
#include <utility>

#include "authres/authres.h"
#include "cli/auth_batch.h"
#include "cli/auth_json.h"
#include "cli/auth_options.h"
#include "cli/auth_text.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/message_evaluation.h"
#include "cli/output.h"
#include "cli/spf_query.h"
#include "cli/tool_input.h"
#include "mailauth/mailauth.h"

namespace postern::cli {

namespace {

// Who receives, where nobody says: the authserv-id of the field that is shown.
constexpr const char* kReceiver = "localhost";

Task<Result<void>> answer_auth(const BatchCase& given, dns::Resolver& resolver, dkim::KeyCache& keys,
                               json::Writer& writer) {
  POSTERN_CO_TRY(const MessageInput message, case_message(given));
  std::optional<mailauth::Envelope> envelope;
  // SPF needs an address; a line without one asks for the rest.
  if (has_client(given)) {
    POSTERN_CO_TRY(spf::Query query, spf_query(given));
    envelope = mailauth::Envelope{query.client, std::move(query.helo), std::move(query.mail_from)};
  }
  const mailauth::Facts facts = co_await evaluate_message(
      std::move(envelope), message, std::string(given.line.at("receiver").string()), resolver, keys, given.now);
  write_facts(writer, facts);
  co_return Result<void>();
}

Task<void> evaluate_once(mailauth::Envelope envelope, const MessageInput& message, std::string receiver,
                         dns::Resolver& resolver, dkim::KeyCache& keys, std::int64_t now, mailauth::Facts& out) {
  out = co_await evaluate_message(std::move(envelope), message, std::move(receiver), resolver, keys, now);
}

std::string facts_text(const spf::Query& query, const mailauth::Facts& facts, std::string_view authserv_id,
                       bool colour) {
  std::string out;
  if (facts.spf_mail_from) out += spf_text(query, *facts.spf_mail_from, colour) + "\n";
  if (facts.spf_helo && !query.mail_from.empty()) {
    spf::Query helo = query;
    helo.identity = spf::Identity::helo;
    out += spf_text(helo, *facts.spf_helo, colour) + "\n";
  }
  out += dkim_text(facts.dkim, facts.dkim_signatures, colour) + "\n";
  out += arc_text(facts.arc, colour) + "\n";
  out += dmarc_text(facts.dmarc, colour) + "\n";
  const mailauth::Envelope envelope{query.client, query.helo, query.mail_from};
  out += "Authentication-Results: ";
  for (const char c : authres::format(mailauth::authentication_results(facts, envelope, authserv_id), false)) {
    if (c != '\r') out.push_back(c);
  }
  out += '\n';
  return out;
}

// What a receiver would go by: DMARC where the domain publishes a policy, otherwise whether anything passed.
bool passes(const mailauth::Facts& facts) {
  if (facts.dmarc.outcome != dmarc::Outcome::none) return facts.dmarc.outcome == dmarc::Outcome::pass;
  if (facts.spf_mail_from && facts.spf_mail_from->outcome == spf::Outcome::pass) return true;
  for (const dkim::Verdict& verdict : facts.dkim) {
    if (verdict.outcome == dkim::Outcome::pass) return true;
  }
  return false;
}

}  // namespace

Task<mailauth::Facts> evaluate_message(std::optional<mailauth::Envelope> envelope, const MessageInput& message,
                                       std::string receiver, dns::Resolver& resolver, dkim::KeyCache& keys,
                                       std::int64_t now) {
  dns::Budget budget(dns::Budget::kLookups, Deadline::after(kToolDeadline));
  mailauth::MailAuth auth({.resolver = resolver, .keys = keys, .host_name = std::move(receiver)});
  const bool has_envelope = envelope.has_value();
  if (envelope) auth.envelope(std::move(*envelope));
  auth.header(message::HeaderSection(std::string(message.header())));
  auth.body(message.body());
  mailauth::Facts facts = co_await auth.finish(budget, now * 1000);
  if (!has_envelope) {
    facts.spf_mail_from.reset();
    facts.spf_helo.reset();
  }
  co_return facts;
}

BatchAnswer auth_batch() {
  return [keys = std::make_shared<dkim::KeyCache>()](const BatchCase& given, dns::Resolver& resolver,
                                                     json::Writer& writer) {
    return answer_auth(given, resolver, *keys, writer);
  };
}

int run_auth(const AuthToolOptions& options) {
  if (options.common.batch) return run_batch(options.common, auth_batch());
  dkim::KeyCache keys;
  const std::int64_t now = options.common.now.value_or(wall_now() / 1000);
  const auto query = spf_query(options.ip, options.from, options.helo, options.receiver, now);
  if (!query) return complain("--" + query.error().what, kUsage);
  const auto input = open_tool_input(options.common, options.file);
  if (!input) return input.error();
  mailauth::Facts facts;
  input->tool->run(evaluate_once({query->client, query->helo, query->mail_from}, input->message, options.receiver,
                                 *input->resolver, keys, now, facts));

  const std::string authserv_id = options.receiver.empty() ? kReceiver : options.receiver;
  std::string out;
  if (options.common.json) {
    json::Writer writer(out);
    writer.begin_object();
    write_facts(writer, facts);
    const mailauth::Envelope envelope{query->client, query->helo, query->mail_from};
    writer.field("authentication_results",
                 authres::format(mailauth::authentication_results(facts, envelope, authserv_id), false));
    writer.end_object();
    out += '\n';
  } else {
    out = facts_text(*query, facts, authserv_id, colour_wanted());
  }
  print(out);
  return passes(facts) ? kOk : kNegative;
}

}  // namespace postern::cli
