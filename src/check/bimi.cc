// BIMI (checks.md 6.12-96): the record, the policy that it needs, and the logo.
#include <algorithm>

#include "base/text.h"
#include "check/mark.h"
#include "check/places.h"
#include "dkim/tag_list.h"
#include "dmarc/evaluate.h"
#include "gzip/gzip.h"

namespace postern::check {

namespace {

using dmarc::Policy;
using dns::Type;

constexpr std::size_t kLogoSane = std::size_t{32} * 1024;
constexpr std::size_t kLogoMax = std::size_t{256} * 1024;

// The logo, expanded where it is compressed; empty where it could not be had.
Task<std::string> judge_logo(Context& context, std::string uri) {
  const std::string subject = printable(uri);
  const auto place = co_await find_place(context, "bimi.logo", uri, "the logo");
  if (!place) co_return "";
  const auto addresses = all_addresses(*place);
  const HttpsResult answer = co_await context.doors.fetch(request_of(context, *place, addresses, kLogoMax));
  if (context.no_way_to(addresses, answer)) {
    context.add("bimi.logo", Outcome::not_tested, subject, "no way from here: " + printable(answer.error().what, 300),
                "check again from a host that has this family");
    co_return "";
  }
  if (!answer || answer->status != 200) {
    context.add("bimi.logo", Outcome::fail, subject,
                answer ? "the server answered " + std::to_string(answer->status) : printable(answer.error().what, 300),
                "serve the logo there");
    co_return "";
  }
  std::string logo = answer->body;
  if (gzip::is_gzip(logo)) logo = gzip::expand(logo, kLogoMax).value_or("");
  std::vector<std::string> flaws = svg_flaws(logo);
  if (logo.size() > kLogoSane) flaws.push_back(std::to_string(logo.size()) + " octets");
  context.add("bimi.logo", flaws.empty() ? Outcome::pass : Outcome::warn, subject,
              flaws.empty() ? std::to_string(logo.size()) + " octets of SVG Tiny PS, square" : join(flaws),
              flaws.empty() ? "" : "SVG Tiny PS, square, at most 32 KiB");
  co_return logo;
}

}  // namespace

Task<void> check_bimi(Context& context) {
  const std::string domain = context.report.domain;
  const auto name = context.target.domain.below("default._bimi");
  if (!name) co_return;
  const auto answer = co_await context.ask(*name, Type::txt);
  const std::string evidence = describe(*name, Type::txt, *answer);
  if (is_temporary(answer->status))
    co_return context.unknown("bimi.record", domain, evidence, bogus_name(*name, *answer));
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
  if (found.outcome == dmarc::Outcome::temperror) {
    context.unknown("bimi.policy", domain, found.problem, context.bogus_among(found.walk));
  } else {
    const bool strict = found.record && found.policy != Policy::none && !found.testing &&
                        found.record->subdomain_policy.value_or(Policy::reject) != Policy::none;
    context.add("bimi.policy", strict ? Outcome::pass : Outcome::fail, domain,
                found.record ? printable(found.record_text, 300) : "no DMARC record",
                strict ? "" : "BIMI shows nothing until p and sp are quarantine or reject");
  }
  if (!addresses) co_return;
  std::string image;
  if (!logo.empty()) image = co_await judge_logo(context, logo);
  if (!proof.empty()) co_await check_mark(context, proof, image);
}

}  // namespace postern::check
