// The whole of DMARC on a zone, a From field and identifiers, mutated together. The input is lines: the body of From;
// then "s DOMAIN" (SPF passed), "S DOMAIN" (temporary), "d DOMAIN", "D DOMAIN" (the same of DKIM), "r DOMAIN RECORD"
// (at _dmarc.DOMAIN), "e NAME" (exists), "x NAME" (SERVFAIL). The result is held against a plain reference of 4.10.2,
// and to the bounds on look-ups.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "base/text.h"
#include "dmarc/evaluate.h"
#include "dns/fixture.h"

namespace {

using namespace postern;
using dmarc::Identifier;

void must(bool condition) {
  if (!condition) std::abort();
}

struct Case {
  dns::Zone zone;
  dmarc::Input input;
  std::map<std::string, std::vector<std::string>> records;  // of domains
  std::set<std::string> sick;
};

void add(Case& out, std::string_view line) {
  if (line.size() < 3 || line[1] != ' ') return;
  const char kind = line[0];
  line.remove_prefix(2);
  const std::size_t space = kind == 'r' ? line.find(' ') : std::string_view::npos;
  const std::string domain(line.substr(0, space));
  const Identifier identifier{
      .domain = domain, .pass = kind == 's' || kind == 'd', .temporary = kind == 'S' || kind == 'D'};
  if (kind == 's' || kind == 'S') out.input.spf = identifier;
  if (kind == 'd' || kind == 'D') out.input.dkim.push_back(identifier);
  const auto name = dns::Name::parse(domain);
  if (!name || name->is_root()) return;
  if (kind == 'r' && space != std::string_view::npos) {
    const auto place = name->below("_dmarc");
    if (!place) return;
    auto& texts = out.records[name->text()];
    texts.emplace_back(line.substr(space + 1));
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.texts = texts;
    out.zone.set(*place, dns::Type::txt, std::move(answer));
  } else if (kind == 'e') {
    dns::Answer answer;
    answer.status = dns::Status::nodata;
    out.zone.set(*name, dns::Type::a, std::move(answer));
  } else if (kind == 'x') {
    out.zone.set_all(*name, dns::Status::servfail);
    out.sick.insert(name->text());
  }
}

// 4.10.2, as plain as can be; empty where DNS does not say.
std::string reference_organization(const Case& given, const dns::Name& start) {
  std::string fewest;
  std::size_t queries = 0;
  for (dns::Name at = start; !at.is_root(); at = at.suffix(std::min<std::size_t>(at.labels() - 1, 7))) {
    ++queries;
    must(queries <= dmarc::kWalkMax);
    const auto place = at.below("_dmarc");
    if (!place) continue;
    if (given.sick.contains(place->text())) return {};
    std::vector<dmarc::Record> found;
    if (const auto texts = given.records.find(at.text()); texts != given.records.end()) {
      for (const std::string& text : texts->second) {
        if (auto record = dmarc::parse_record(text)) found.push_back(*record);
      }
    }
    if (found.size() != 1) continue;
    if (found[0].psd == dmarc::Psd::no) return at.text();
    if (found[0].psd == dmarc::Psd::yes) return at == start ? at.text() : start.suffix(at.labels() + 1).text();
    fewest = at.text();
  }
  return fewest.empty() ? start.text() : fewest;
}

bool reference_alignment(const Case& given, const std::string& author, const Identifier& identifier, bool strict) {
  const auto name = dns::Name::from_unicode(identifier.domain);
  if (!identifier.pass || !name || name->is_root()) return false;
  if (strict || name->text() == author) return name->text() == author;
  const std::string organization = reference_organization(given, *dns::Name::parse(author));
  return !organization.empty() && organization == reference_organization(given, *name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Case given;
  std::string from;
  bool first = true;
  for (const std::string_view line : split(text, '\n')) {
    if (first) from = line;
    if (!first) add(given, line);
    first = false;
  }
  const message::HeaderSection header("From:" + from + "\r\n");
  const auto author = dmarc::author_domain(header);
  if (!author) {
    must(author.error().what.starts_with("no single author domain: "));
    return 0;
  }
  must(!author->empty() && is_ascii(*author) && *author == lower(*author));
  given.input.author_domain = *author;

  dns::FixtureResolver resolver(given.zone);
  dns::Budget budget(100000);
  const dmarc::Evaluation out = run_ready(dmarc::evaluate(given.input, resolver, budget));
  dns::FixtureResolver same(given.zone);
  dns::Budget another(100000);
  const dmarc::Evaluation again = run_ready(dmarc::evaluate(given.input, same, another));
  must(out.outcome == again.outcome && out.walk == again.walk && out.policy_tag == again.policy_tag);

  // bounds: one walk for the author, one for each identifier that may be walked, one question for existence
  must(resolver.asked() == out.walk.size());
  const std::size_t walks = 1 + std::min(given.input.dkim.size() + 1, dmarc::kIdentifierWalksMax);
  must(out.walk.size() <= walks * dmarc::kWalkMax + 1);
  must(std::set<std::string>(out.walk.begin(), out.walk.end()).size() == out.walk.size());

  must((out.outcome == dmarc::Outcome::pass) == (out.spf_aligned || out.dkim_aligned));
  must(out.outcome != dmarc::Outcome::permerror);
  if (!out.record) {
    must(out.outcome == dmarc::Outcome::none || out.outcome == dmarc::Outcome::temperror);
    return 0;
  }
  must(dns::Name::parse(*author)->is_within(*dns::Name::parse(out.policy_domain)));
  must((out.policy_domain == *author) <= (out.policy_tag == "p"));
  bool dkim = false;
  for (const Identifier& one : given.input.dkim) {
    dkim = dkim || reference_alignment(given, *author, one, out.record->strict_dkim);
  }
  const bool spf = reference_alignment(given, *author, given.input.spf, out.record->strict_spf);
  must(!out.spf_aligned || spf);
  must(!out.dkim_aligned || dkim);
  if (given.sick.empty() && given.input.dkim.size() < dmarc::kIdentifierWalksMax) {
    must(out.spf_aligned == spf && out.dkim_aligned == dkim);
    const std::string organization = reference_organization(given, *dns::Name::parse(*author));
    must(out.organizational_domain.empty() || out.organizational_domain == organization);
  }
  if (out.outcome == dmarc::Outcome::fail) must(!spf && !dkim);
  return 0;
}
