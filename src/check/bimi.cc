// BIMI (checks.md 6.12-96): the record, the policy that it needs, and the logo.
#include <algorithm>

#include "base/text.h"
#include "check/context.h"
#include "dkim/tag_list.h"
#include "dmarc/evaluate.h"
#include "tlsrpt/record.h"

namespace postern::check {

namespace {

using dmarc::Policy;
using dns::Type;

constexpr std::uint16_t kHttpsPort = 443;
constexpr std::size_t kLogoSane = std::size_t{32} * 1024;
constexpr std::size_t kLogoMax = std::size_t{256} * 1024;

Task<void> judge_logo(Context& context, std::string uri) {
  const std::string subject = printable(uri);
  const auto target = tlsrpt::https_target(uri);
  const auto host = target ? dns::Name::from_unicode(target->host) : std::nullopt;
  if (!host)
    co_return context.add("bimi.logo", Outcome::fail, subject, "the address is not one of https",
                          "serve the logo over https");
  // The host and port are a stranger's choice: nothing is fetched for whoever merely asked about a domain.
  const auto not_fetched = [&](std::string why, std::string fix) {
    context.add("bimi.logo", Outcome::not_tested, subject, std::move(why), std::move(fix));
  };
  if (!context.options.deep) {
    co_return not_fetched("the record names the host that would be connected to: it is fetched in deep runs alone",
                          "the operator asks for it, or whoever proves control of the domain");
  }
  if (context.options.only_own_hosts && !host->is_within(context.target.domain)) {
    co_return not_fetched("control was proved of " + context.report.domain + ", not of hosts elsewhere",
                          "look at the logo by hand");
  }
  if (target->port != kHttpsPort) {
    co_return not_fetched("port " + std::to_string(target->port) + " is not asked: it may be another service's",
                          "serve the logo on port 443");
  }
  outbound::HttpsRequest request{.host = host->text(),
                                 .port = context.options.https_port,
                                 .path = target->path,
                                 .addresses = {},
                                 .ca_file = context.options.ca_file,
                                 .deadline_ms = 15000,
                                 .body_max = kLogoMax,
                                 .body = {},
                                 .content_type = {}};
  for (const Type type : {Type::aaaa, Type::a}) {
    const auto answer = co_await context.ask(*host, type);
    for (const auto& address : answer->addresses) {
      if (why_not_global(address).empty() || context.options.allow_private) request.addresses.push_back(address);
    }
  }
  if (request.addresses.empty())
    co_return context.add("bimi.logo", Outcome::fail, subject, printable(host->text()) + " has no address",
                          "serve the logo");
  const HttpsResult answer = co_await context.doors.fetch(request);
  if (context.no_way_to(request.addresses, answer))
    co_return not_fetched("no way from here: " + printable(answer.error().what, 300),
                          "check again from a host that has this family");
  if (!answer || answer->status != 200) {
    co_return context.add(
        "bimi.logo", Outcome::fail, subject,
        answer ? "the server answered " + std::to_string(answer->status) : printable(answer.error().what, 300),
        "serve the logo there");
  }
  const std::string head = lower(std::string_view(answer->body).substr(0, 4096));
  std::vector<std::string> flaws;
  if (!head.contains("<svg")) {
    flaws.emplace_back("no SVG");
  } else if (!head.contains("tiny-ps")) {
    flaws.emplace_back("no baseProfile=\"tiny-ps\"");
  }
  if (answer->body.size() > kLogoSane) flaws.push_back(std::to_string(answer->body.size()) + " octets");
  context.add("bimi.logo", flaws.empty() ? Outcome::pass : Outcome::warn, subject,
              flaws.empty() ? std::to_string(answer->body.size()) + " octets of SVG Tiny PS" : join(flaws),
              flaws.empty() ? "" : "SVG Tiny PS, square, at most 32 KiB");
}

}  // namespace

Task<void> check_bimi(Context& context) {
  const std::string domain = context.report.domain;
  const auto name = context.target.domain.below("default._bimi");
  if (!name) co_return;
  const auto answer = co_await context.ask(*name, Type::txt);
  const std::string evidence = describe(*name, Type::txt, *answer);
  if (is_temporary(answer->status)) co_return context.unknown("bimi.record", domain, evidence);
  std::vector<std::string> records;
  for (const std::string& text : answer->texts) {
    if (istarts_with(text, "v=BIMI1")) records.push_back(text);
  }
  if (records.empty()) co_return context.add("bimi.record", Outcome::info, domain, evidence);
  const auto tags = dkim::TagList::parse(records.front());
  const std::string logo(tags ? tags->get("l").value_or("") : "");
  const std::string proof(tags ? tags->get("a").value_or("") : "");
  const bool addresses =
      (logo.empty() || istarts_with(logo, "https://")) && (proof.empty() || istarts_with(proof, "https://"));
  if (records.size() > 1 || !tags || !tags->get("l") || !addresses) {
    context.add("bimi.record", Outcome::fail, domain, evidence,
                records.size() > 1 ? "leave one record" : "v=BIMI1; l=https://...; a=https://...",
                zone_text(*name, "v=BIMI1; l=https://" + domain + "/logo.svg;"));
  } else {
    context.add("bimi.record", Outcome::pass, domain, evidence);
  }
  const auto found = co_await dmarc::evaluate({.author_domain = context.target.domain.text(), .spf = {}, .dkim = {}},
                                              context.resolver(), context.budget());
  if (found.outcome != dmarc::Outcome::temperror) {
    const bool strict = found.record && found.policy != Policy::none && !found.testing &&
                        found.record->subdomain_policy.value_or(Policy::reject) != Policy::none;
    context.add("bimi.policy", strict ? Outcome::pass : Outcome::fail, domain,
                found.record ? printable(found.record_text, 300) : "no DMARC record",
                strict ? "" : "BIMI shows nothing until p and sp are quarantine or reject");
  }
  if (!logo.empty() && addresses) co_await judge_logo(context, logo);
}

}  // namespace postern::check
