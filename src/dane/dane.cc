#include "dane/dane.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "base/text.h"

namespace postern::dane {

namespace {

constexpr std::size_t kSha256 = 32;
constexpr std::size_t kSha512 = 64;

// One DER SEQUENCE with a definite length that is exactly all there is (X.690 8.1.3, 10.1). What is inside is for who
// reads certificates.
bool is_der_sequence(std::string_view data) {
  if (data.size() < 2 || data[0] != 0x30) return false;
  const auto first = static_cast<std::uint8_t>(data[1]);
  if (first < 0x80) return data.size() == std::size_t{2} + first;
  const std::size_t octets = first & 0x7FU;
  if (octets == 0 || octets > 3 || data.size() < 2 + octets) return false;
  std::size_t length = 0;
  for (std::size_t i = 0; i < octets; ++i) length = (length << 8U) | static_cast<std::uint8_t>(data[2 + i]);
  return data.size() == 2 + octets + length;
}

std::string asked(const dns::Name& name, const dns::Answer& answer) {
  std::string out = "TLSA records of " + printable(name.text()) + ": " + std::string(dns::to_string(answer.status));
  if (!answer.why.empty()) out += " (" + printable(answer.why) + ")";
  return out;
}

// The names whose TLSA records count, in their order. nullopt: DNS did not say.
Task<std::optional<std::vector<dns::Name>>> candidates(const Question& question, dns::Resolver& resolver,
                                                       dns::Budget& budget, Decision& out) {
  dns::Name canonical = question.host;
  for (const dns::Type type : {dns::Type::aaaa, dns::Type::a}) {
    const dns::AnswerPtr answer = co_await resolver.query(question.host, type, budget);
    if (answer->status != dns::Status::ok) continue;
    canonical = answer->canonical;
    break;
  }
  const bool alias = canonical != question.host;
  if (question.addresses_secure) {
    if (alias) co_return std::vector<dns::Name>{canonical, question.host};
    co_return std::vector<dns::Name>{question.host};
  }
  if (!alias) co_return std::vector<dns::Name>{};
  // RFC 7672 2.2.2, insecure CNAME: the target cannot be validated, but the alias itself may be.
  const dns::AnswerPtr answer = co_await resolver.query(question.host, dns::Type::cname, budget);
  if (dns::is_temporary(answer->status)) {
    out.bogus = answer->status == dns::Status::bogus;
    out.why = "CNAME of " + printable(question.host.text()) + ": " + std::string(dns::to_string(answer->status));
    co_return std::nullopt;
  }
  if (answer->status == dns::Status::ok && answer->security == dns::Security::secure)
    co_return std::vector<dns::Name>{question.host};
  co_return std::vector<dns::Name>{};
}

}  // namespace

std::string_view to_string(Need need) {
  switch (need) {
    case Need::nothing:
      return "nothing";
    case Need::encrypt:
      return "encrypt";
    case Need::prove:
      return "prove";
    case Need::refuse:
      return "refuse";
  }
  return "nothing";
}

bool usable(const dns::Tlsa& record) {
  if (record.usage != 2 && record.usage != 3) return false;
  if (record.selector > 1) return false;
  switch (record.matching) {
    case 0:
      return is_der_sequence(record.data);
    case 1:
      return record.data.size() == kSha256;
    case 2:
      return record.data.size() == kSha512;
    default:
      return false;
  }
}

Task<Decision> discover(Question question, dns::Resolver& resolver, dns::Budget& budget) {
  Decision out;
  const auto names = co_await candidates(question, resolver, budget, out);
  if (!names) {
    out.need = Need::refuse;
    co_return out;
  }
  for (const dns::Name& base : *names) {
    const auto owner = base.below("_" + std::to_string(question.port) + "._tcp");
    if (!owner) continue;  // nobody can publish there
    const dns::AnswerPtr answer = co_await resolver.query(*owner, dns::Type::tlsa, budget);
    if (dns::is_temporary(answer->status)) {
      out.need = Need::refuse;
      out.bogus = answer->status == dns::Status::bogus;
      out.why = asked(*owner, *answer);
      co_return out;
    }
    if (answer->security != dns::Security::secure) continue;
    // A set whose records are all too short to be read is a set all the same: a commitment to TLS.
    if (answer->status != dns::Status::ok && answer->dropped == 0) continue;
    out.base = base;
    out.all = answer->tlsa;
    std::ranges::copy_if(answer->tlsa, std::back_inserter(out.records), usable);
    out.need = out.records.empty() ? Need::encrypt : Need::prove;
    if (out.records.empty()) out.why = "no TLSA record of " + printable(owner->text()) + " can be used";
    co_return out;
  }
  co_return out;
}

std::vector<std::string> reference_names(const dns::Name& next_hop, const dns::Name& canonical, const dns::Name& base) {
  std::vector<std::string> out;
  for (const dns::Name* name : {&next_hop, &canonical}) {
    if (name->is_root() || *name == base || std::ranges::find(out, name->text()) != out.end()) continue;
    out.push_back(name->text());
  }
  return out;
}

std::string presentation(const dns::Tlsa& record) {
  return std::to_string(record.usage) + ' ' + std::to_string(record.selector) + ' ' + std::to_string(record.matching) +
         ' ' + to_hex(record.data);
}

}  // namespace postern::dane
