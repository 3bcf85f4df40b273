#include "check/context.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "check/catalogue.h"
#include "dane/dane.h"
#include "dns/records.h"

namespace postern::check {

namespace {

constexpr std::size_t kShownMax = 20;        // records of one answer in evidence
constexpr std::size_t kTextShownMax = 1000;  // octets of one text
constexpr std::size_t kBogusToldMax = 10;    // names

std::string rdata_words(dns::Type type, const std::string& rdata) {
  if (type == dns::Type::soa) {
    const auto soa = dns::parse_soa(rdata);
    return soa ? printable(soa->primary.text()) + ". serial " + std::to_string(soa->serial) : std::string("malformed");
  }
  if (type == dns::Type::srv) {
    const auto srv = dns::parse_srv(rdata);
    return srv ? std::to_string(srv->priority) + " " + std::to_string(srv->weight) + " " + std::to_string(srv->port) +
                     " " + printable(srv->target.text()) + "."
               : std::string("malformed");
  }
  if (type == dns::Type::caa) {
    const auto caa = dns::parse_caa(rdata);
    return caa ? std::string(caa->critical ? "128 " : "0 ") + caa->tag + " \"" + printable(caa->value) + "\""
               : std::string("malformed");
  }
  if (type == dns::Type::ds) {
    const auto ds = dns::parse_ds(rdata);
    return ds ? std::to_string(ds->key_tag) + " " + std::to_string(ds->algorithm) + " " +
                    std::to_string(ds->digest_type)
              : std::string("malformed");
  }
  if (type == dns::Type::dnskey) {
    const auto key = dns::parse_dnskey(rdata);
    return key ? std::to_string(key->flags) + " algorithm " + std::to_string(key->algorithm) + " tag " +
                     std::to_string(key->key_tag)
               : std::string("malformed");
  }
  return std::to_string(rdata.size()) + " octets";
}

std::vector<std::string> values(dns::Type type, const dns::Answer& answer) {
  std::vector<std::string> out;
  // An AAAA record of ::ffff:192.0.2.1 has become IPv4
  for (const auto& address : answer.addresses)
    out.push_back((type == dns::Type::aaaa && address.is_v4() ? "::ffff:" : "") + address.text());
  for (const auto& text : answer.texts) out.push_back("\"" + printable(text, kTextShownMax) + "\"");
  std::vector<dns::Mx> exchanges = answer.mx;
  std::ranges::sort(exchanges);
  for (const auto& mx : exchanges) out.push_back(std::to_string(mx.preference) + " " + printable(mx.host.text()) + ".");
  for (const auto& name : answer.names) out.push_back(printable(name.text()) + ".");
  for (const auto& tlsa : answer.tlsa) out.push_back(dane::presentation(tlsa));
  for (const auto& rdata : answer.rdata) out.push_back(rdata_words(type, rdata));
  // Servers turn the order from answer to answer: two runs say the same of the same records.
  if (exchanges.empty()) std::ranges::sort(out);
  if (out.size() > kShownMax) {
    const std::size_t more = out.size() - kShownMax;
    out.resize(kShownMax);
    out.push_back("and " + std::to_string(more) + " more");
  }
  return out;
}

// RFC 1035 5.1: \DDD
std::string escaped(char c) {
  const auto octet = static_cast<unsigned char>(c);
  std::string out = "\\";
  for (const unsigned part : {octet / 100U, octet / 10U % 10U, octet % 10U}) out += static_cast<char>('0' + part);
  return out;
}

// What means something in a zone file is escaped.
std::string zone_name(const dns::Name& name) {
  std::string out;
  for (const char c : name.text()) {
    if (is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '*') {
      out += c;
    } else {
      out += escaped(c);
    }
  }
  return out + ".";
}

dns::PublicSuffixList any_suffixes() {
  auto list = dns::PublicSuffixList::latest();
  POSTERN_CHECK(list.has_value());  // libpsl has one built in
  return std::move(*list);
}

}  // namespace

Context::Context(const Options& run_options, dns::Resolver& resolver, dns::Budget& budget, Doors run_doors,
                 Observer* observer)
    : options(run_options),
      doors(std::move(run_doors)),
      resolver_(resolver),
      budget_(budget),
      observer_(observer),
      suffixes_(any_suffixes()) {}

Task<dns::AnswerPtr> Context::ask(dns::Name name, dns::Type type) {
  return telling_.query(std::move(name), type, budget_);
}

Task<dns::AnswerPtr> Context::Telling::query(dns::Name name, dns::Type type, dns::Budget& budget) {
  auto answer = co_await context_.resolver_.query(name, type, budget);
  if (is_bogus(*answer)) {
    context_.bogus_.insert(name);
    context_.tell_bogus(name, type, *answer);
  }
  co_return answer;
}

void Context::tell_bogus(const dns::Name& name, dns::Type type, const dns::Answer& answer) {
  const bool ours = name.is_within(target.domain) || (!zone.is_root() && name.is_within(zone));
  if (!ours || told_bogus_.size() == kBogusToldMax || std::ranges::find(told_bogus_, name) != told_bogus_.end()) return;
  // Of a zone that fails as a whole no further name says more, and stripped signatures are no fault of a zone
  if (domain_bogus || dns::are_signatures_stripped(answer)) return;
  told_bogus_.push_back(name);
  add("dnssec.domain", Outcome::fail, printable(name.text()), describe(name, type, answer),
      for_owner(*bogus_name(name, answer), kMendSignatures));
}

std::optional<dns::Name> Context::bogus_among(const std::vector<dns::Name>& names) const {
  const auto found = std::ranges::find_if(names, [&](const dns::Name& name) { return bogus_.contains(name); });
  return found == names.end() ? std::nullopt : std::optional(*found);
}

std::optional<dns::Name> Context::bogus_among(const std::vector<std::string>& names) const {
  std::vector<dns::Name> parsed;
  for (const std::string& text : names) {
    if (auto name = dns::Name::parse(text)) parsed.push_back(*std::move(name));
  }
  return bogus_among(parsed);
}

bool Context::is_foreign(const dns::Name& name) const {
  if (name.is_within(target.domain) || (!zone.is_root() && name.is_within(zone))) return false;
  const auto owner = suffixes_.registrable_domain(name);
  return !owner || owner != suffixes_.registrable_domain(target.domain);
}

std::string Context::for_owner(const dns::Name& name, std::string fix) const {
  if (!is_foreign(name)) return fix;
  static const auto kReverse = dns::Name::parse("arpa");
  if (name.is_within(*kReverse)) return "for whoever owns the network to do: " + std::move(fix);
  dns::Name place = name;  // without _dmarc and the like, which are no domains
  while (place.labels() > 1 && place.text().starts_with('_')) place = place.suffix(place.labels() - 1);
  const auto owner = suffixes_.registrable_domain(place);
  return "for whoever runs " + printable((owner ? *owner : place).text()) + " to do: " + std::move(fix);
}

bool Context::no_way_to(const std::vector<ip::Address>& addresses, const HttpsResult& result) const {
  if (result || result.error().certificate || !doors.has_way_to) return false;
  return std::ranges::none_of(addresses, doors.has_way_to);
}

void Context::add(Finding finding) {
  POSTERN_CHECK(find_check(finding.id) != nullptr);
  if (finding.evidence.size() > kEvidenceMax) {
    finding.evidence.resize(utf8_head(finding.evidence, kEvidenceMax - 3).size());
    finding.evidence += "...";
  }
  if (report.findings.size() >= kFindingsMax) {
    ++report.left_out;
    return;
  }
  if (observer_ != nullptr) observer_->found(finding);
  report.findings.push_back(std::move(finding));
}

void Context::add(std::string_view id, Outcome outcome, std::string subject, std::string evidence, std::string fix,
                  std::string record) {
  add(Finding{id, outcome, std::move(subject), std::move(evidence), std::move(fix), std::move(record)});
}

void Context::ends(Ending::What what, std::string subject, WallMs when) {
  if (report.calendar.size() < kEndingsMax) report.calendar.push_back({what, std::move(subject), when});
}

void Context::unknown(std::string_view id, const std::string& subject, const std::string& evidence,
                      const std::optional<dns::Name>& bogus) {
  if (bogus) return add(id, Outcome::fail, subject, evidence, for_owner(*bogus, kMendSignatures));
  if (budget().refused()) {
    return add(id, Outcome::not_tested, subject,
               evidence + ": all " + std::to_string(budget().asked()) + " look-ups of this run are spent",
               options.deep ? "" : "--deep has " + std::to_string(kLookupsDeepMax));
  }
  add(id, Outcome::not_tested, subject, evidence, "ask again later; where it stays so, look at the name servers");
}

std::optional<dns::Name> bogus_name(const dns::Name& asked, const dns::Answer& answer) {
  if (!is_bogus(answer)) return std::nullopt;
  return answer.canonical.is_root() ? asked : answer.canonical;
}

std::string describe(const dns::Name& name, dns::Type type, const dns::Answer& answer) {
  std::string out(dns::to_string(type));
  out += " " + (name.is_root() ? std::string(".") : printable(name.text())) + ": ";
  if (answer.status == dns::Status::ok) {
    out += join(values(type, answer));
    if (answer.canonical != name) out += " (of " + printable(answer.canonical.text()) + ", by CNAME)";
  } else {
    out += dns::to_string(answer.status);
    if (!answer.why.empty()) out += " (" + printable(answer.why) + ")";
  }
  if (answer.dropped > 0) out += ", " + std::to_string(answer.dropped) + " malformed";
  if (!dns::is_temporary(answer.status)) out += ", TTL " + std::to_string(answer.ttl);
  if (answer.security == dns::Security::secure) out += ", validated";
  return out;
}

std::string zone_record(const dns::Name& name, std::string_view type, std::string_view value) {
  return zone_name(name) + " IN " + std::string(type) + " " + std::string(value);
}

std::string zone_text(const dns::Name& name, std::string_view text) {
  constexpr std::size_t kStringMax = 255;  // RFC 1035 3.3
  std::string value;
  do {
    std::string piece(text.substr(0, kStringMax));
    text.remove_prefix(piece.size());
    if (!value.empty()) value += ' ';
    value += '"';
    for (const char c : piece) {
      if (c < ' ' || c >= 0x7F) {
        value += escaped(c);
        continue;
      }
      if (c == '"' || c == '\\') value += '\\';
      value += c;
    }
    value += '"';
  } while (!text.empty());
  return zone_record(name, "TXT", value);
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += separator;
    out += word;
  }
  return out;
}

std::string why_not_global(const ip::Address& address) {
  const auto& octets = address.octets();
  if (address.is_v6() && octets[0] == 0x20 && octets[1] == 0x02) return "is a 6to4 address (RFC 7526)";
  if (address.is_v6() && octets[0] == 0x20 && octets[1] == 1 && octets[2] == 0 && octets[3] == 0) {
    return "is a Teredo address (RFC 4380)";
  }
  if (address.is_global()) return {};
  // RFC 6052 2.1: 64:ff9b::/96
  static constexpr std::array<std::uint8_t, 12> kTranslated{0, 0x64, 0xFF, 0x9B};
  if (address.is_v6() && std::equal(kTranslated.begin(), kTranslated.end(), octets.begin())) {
    const auto inside = ip::Address::v4({octets[12], octets[13], octets[14], octets[15]});
    return "is " + inside.text() + " in NAT64 (RFC 6052), which " + why_not_global(inside);
  }
  if (address.is_loopback()) return "is a loopback address";
  if (address.is_any()) return "is the unspecified address";
  if (address.is_link_local()) return "is a link-local address";
  if (address.is_private()) return "is a private address (RFC 1918, 4193, 6598)";
  if (address.is_documentation()) return "is a documentation address";
  if (address.is_multicast()) return "is a multicast address";
  return "is in a special-purpose range (RFC 6890)";
}

}  // namespace postern::check
