// postern spf: one SPF question, or a batch of them.
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "cli/auth_batch.h"
#include "cli/auth_json.h"
#include "cli/auth_options.h"
#include "cli/auth_text.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/spf_query.h"
#include "spf/evaluate.h"

namespace postern::cli {

namespace {

Task<Result<void>> answer_spf(const BatchCase& given, dns::Resolver& resolver, json::Writer& writer) {
  POSTERN_CO_TRY(spf::Query query, spf_query(given));
  dns::Budget budget(dns::Budget::kLookups, Deadline::after(kToolDeadline));
  const spf::Evaluation evaluation = co_await spf::check(std::move(query), resolver, budget);
  write_spf(writer, "spf", evaluation);
  co_return Result<void>();
}

Task<void> evaluate_once(spf::Query query, dns::Resolver& resolver, spf::Evaluation& out) {
  dns::Budget budget(dns::Budget::kLookups, Deadline::after(kToolDeadline));
  out = co_await spf::check(std::move(query), resolver, budget);
}

}  // namespace

Result<spf::Query> spf_query(std::string_view ip, std::string mail_from, std::string helo, std::string receiver,
                             std::int64_t now) {
  const auto client = ip::Address::parse(ip);
  if (!client) {
    return fail(ErrorKind::invalid, "ip: \"" + printable(ip, 64) + "\" is no address; write 192.0.2.1 or 2001:db8::1");
  }
  // RFC 7208 2.4: the null path is checked as postmaster@HELO, which check() does.
  // "<a@b.test>" and "<>" as logs have them
  if (mail_from.starts_with('<') && mail_from.ends_with('>')) mail_from = mail_from.substr(1, mail_from.size() - 2);
  const bool null_path = mail_from.empty();
  return spf::Query{.client = *client,
                    .identity = null_path ? spf::Identity::helo : spf::Identity::mail_from,
                    .mail_from = std::move(mail_from),
                    .helo = std::move(helo),
                    .receiver = std::move(receiver),
                    .now = now * 1000};
}

Result<spf::Query> spf_query(const BatchCase& given) {
  POSTERN_TRY(const std::string ip, case_string(given, "ip"));
  return spf_query(ip, std::string(given.line.at("mail_from").string()), std::string(given.line.at("helo").string()),
                   std::string(given.line.at("receiver").string()), given.now);
}

bool has_client(const BatchCase& given) {
  const json::Value& ip = given.line.at("ip");
  return !ip.is_null() && !(ip.is_string() && ip.string().empty());
}

BatchAnswer spf_batch() { return answer_spf; }

int run_spf(const SpfToolOptions& options) {
  if (options.common.batch) return run_batch(options.common, spf_batch());
  auto query = spf_query(options.ip, options.from, options.helo, options.receiver,
                         options.common.now.value_or(wall_now() / 1000));
  if (!query) return complain("--" + query.error().what, kUsage);
  if (options.from.empty() && options.helo.empty()) {
    return complain("give --from ADDRESS, or --helo NAME, or both: one of them names the domain that is asked", kUsage);
  }
  auto tool = ToolResolver::open(options.common);
  if (!tool) return complain(tool.error().what, kUsage);
  const auto resolver = (*tool)->get();
  if (!resolver) return complain(resolver.error().what, kNegative);
  spf::Evaluation evaluation;
  (*tool)->run(evaluate_once(*query, **resolver, evaluation));

  std::string out;
  if (options.common.json) {
    json::Writer writer(out);
    writer.begin_object();
    write_spf(writer, "spf", evaluation);
    writer.field("received_spf", spf::received_spf(*query, evaluation, query->receiver));
    writer.end_object();
    out += '\n';
  } else {
    out = spf_text(*query, evaluation, colour_wanted());
  }
  print(out);
  return evaluation.outcome == spf::Outcome::pass ? kOk : kNegative;
}

}  // namespace postern::cli
