#include "signals/lists.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "signals/reverse_dns.h"

namespace postern::signals {

namespace {

constexpr std::size_t kListNameMax = 64;
constexpr std::size_t kZoneMax = dns::kNameMax - 64;  // 32 nibbles with their dots stand before it

std::unexpected<Error> wrong(const ListOptions& list, std::string_view reason) {
  return fail(ErrorKind::invalid, "list \"" + printable(list.name, kListNameMax) + "\": " + std::string(reason));
}

bool is_list_name(std::string_view name) {
  return !name.empty() && name.size() <= kListNameMax &&
         std::ranges::all_of(name, [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_'; });
}

bool is_weight(ListKind kind, int weight) {
  return weight <= kListWeightMax && weight >= (kind == ListKind::address_deny ? 0 : -kListWeightMax);
}

constexpr std::string_view kWeightRemedy =
    "weights go from 0 to 1000 points, from -1000 for domains; a list of good senders is of the kind address_allow";

int points_of(ListKind kind, int weight) { return kind == ListKind::address_allow ? -std::abs(weight) : weight; }

bool asks_about(const ListOptions& list, Subject subject) {
  return (list.subjects & static_cast<std::uint8_t>(subject)) != 0;
}

// What an answer says where it is none about the thing that was asked; "" where it is one.
std::string_view refusal_of(const ip::Address& answer, ListKind kind, bool wants_first) {
  if (!answer.is_v4()) return "no_list";
  const auto octets = answer.v4_octets();
  if (octets[0] != 127) return "no_list";
  if (octets[1] == 255 && octets[2] == 255) {
    switch (octets[3]) {
      case 252:
        return "mistyped";
      case 254:
        return "public_resolver";
      case 255:
        return "rate_limited";
      default:
        return "refused";
    }
  }
  // No list may have 127.0.0.1 in it (RFC 5782 5); several say with it that they do not serve who asks.
  if (answer == ip::Address::loopback(ip::Family::v4) && !wants_first) return "refused";
  if (kind == ListKind::address_allow && answer == ip::Address::v4({127, 0, 0, 255})) return "refused";
  return {};
}

}  // namespace

std::uint32_t ListVerdicts::answered() const {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < lists.size(); ++i)
    if (lists[i].listed || (lists[i].answered && lists[i].problem.empty())) bits |= 1U << i;
  return bits;
}

std::uint32_t ListVerdicts::listed() const {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < lists.size(); ++i)
    if (lists[i].listed) bits |= 1U << i;
  return bits;
}

Result<Lists> Lists::compile(std::vector<ListOptions> options) {
  if (options.size() > evidence::kListsMax) {
    return fail(ErrorKind::invalid, "there are " + std::to_string(options.size()) + " DNS lists; at most " +
                                        std::to_string(evidence::kListsMax) + " can be asked");
  }
  Lists out;
  for (ListOptions& given : options) {
    if (!is_list_name(given.name)) {
      return wrong(given, "a name is 1 to 64 letters, digits, '-' and '_'");
    }
    const auto same_name = [&](const List& other) { return other.options.name == given.name; };
    if (std::ranges::any_of(out.lists_, same_name)) return wrong(given, "the name is there twice; rename one of them");
    List list;
    const auto zone = dns::Name::from_unicode(given.zone);
    if (!zone || !is_host_name(*zone) || zone->text().size() > kZoneMax) {
      return wrong(given, "zone \"" + printable(given.zone, kZoneMax) + "\" is no domain name such as zen.example.org");
    }
    list.zone = *zone;
    if (!is_weight(given.kind, given.weight)) return wrong(given, kWeightRemedy);
    if (given.answers.size() > kAnswerRulesMax) return wrong(given, "it has more than 64 answers");
    for (const AnswerWeight& answer : given.answers) {
      auto pattern = AnswerPattern::parse(answer.answer);
      if (!pattern) return wrong(given, pattern.error().what);
      if (!is_weight(given.kind, answer.weight)) return wrong(given, kWeightRemedy);
      list.rules.push_back({*std::move(pattern), answer.weight});
    }
    constexpr std::uint8_t kAllSubjects = 7;
    if (given.kind == ListKind::domain && (given.subjects == 0 || given.subjects > kAllSubjects)) {
      return wrong(given, "it is asked about nothing; name rdns_name, helo, sender_domain or several of them");
    }
    list.options = std::move(given);
    out.lists_.push_back(std::move(list));
  }
  return out;
}

evidence::ListNames Lists::names() const {
  evidence::ListNames out;
  for (const List& list : lists_) out.push_back(list.options.name);
  return out;
}

std::uint32_t Lists::queries_max(ip::Family family) const {
  std::uint32_t out = 0;
  for (const List& list : lists_) {
    std::uint32_t questions = 1;
    if (list.options.kind == ListKind::domain) {
      questions = static_cast<std::uint32_t>(std::popcount(list.options.subjects));
    } else if (family == ip::Family::v6 && list.options.ipv6 == Ipv6Query::off) {
      questions = 0;
    }
    out += questions;
    if (list.options.text && questions > 0) ++out;
  }
  return out;
}

// Of a list of good senders: the most that it takes off.
std::int64_t Lists::best_points(const List& list) {
  std::int64_t best = list.rules.empty() ? points_of(list.options.kind, list.options.weight) : 0;
  for (const Rule& rule : list.rules) best = std::min<std::int64_t>(best, points_of(list.options.kind, rule.weight));
  return best;
}

std::int64_t Lists::score(const ListVerdicts& verdicts) const {
  std::int64_t out = 0;
  for (std::size_t i = 0; i < std::min(lists_.size(), verdicts.lists.size()); ++i) {
    const List& list = lists_[i];
    const ListVerdict& verdict = verdicts.lists[i];
    if (verdict.asked && !verdict.answered && list.options.kind == ListKind::address_allow) out += best_points(list);
    if (!verdict.listed) continue;
    if (list.rules.empty()) out += points_of(list.options.kind, list.options.weight);
    for (std::size_t rule = 0; rule < list.rules.size(); ++rule)
      if ((verdict.rules >> rule & 1U) != 0) out += points_of(list.options.kind, list.rules[rule].weight);
  }
  return out;
}

std::optional<dns::Name> Lists::query_name(std::size_t list, const ip::Address& client) const {
  const List& asked = lists_.at(list);
  if (asked.options.kind == ListKind::domain) return std::nullopt;
  if (client.is_loopback() || client.is_any() || client.is_link_local() || client.is_private()) return std::nullopt;
  const std::string reverse = client.reverse_name();
  std::string_view labels = reverse;
  if (client.is_v4()) {
    labels.remove_suffix(std::string_view(".in-addr.arpa").size());
    return asked.zone.below(labels);
  }
  labels.remove_suffix(std::string_view(".ip6.arpa").size());
  constexpr std::size_t kInterface = 32;  // octets of 16 nibbles with their dots
  switch (asked.options.ipv6) {
    case Ipv6Query::off:
      return std::nullopt;
    case Ipv6Query::net64:
      return asked.zone.below(labels.substr(kInterface));
    case Ipv6Query::address:
      break;
  }
  return asked.zone.below(labels);
}

std::optional<dns::Name> Lists::query_name(std::size_t list, const dns::Name& subject,
                                           const dns::PublicSuffixList& suffixes) const {
  const List& asked = lists_.at(list);
  if (asked.options.kind != ListKind::domain || !is_host_name(subject)) return std::nullopt;
  const auto organisation = suffixes.registrable_domain(subject);
  if (!organisation) return std::nullopt;  // a public suffix is nobody's
  return asked.zone.below(asked.options.full_name ? subject.text() : organisation->text());
}

std::vector<Lists::Question> Lists::questions(const ListSubjects& subjects,
                                              const dns::PublicSuffixList& suffixes) const {
  std::vector<Question> out;
  for (std::size_t i = 0; i < lists_.size(); ++i) {
    const auto add = [&out, i](std::optional<dns::Name> name) {
      if (!name) return;
      const auto same = [&](const Question& other) { return other.list == i && other.name == *name; };
      if (std::ranges::none_of(out, same)) out.push_back({i, *std::move(name)});
    };
    if (subjects.client) add(query_name(i, *subjects.client));
    for (const auto& [subject, name] :
         {std::pair(Subject::rdns_name, &subjects.rdns_name), std::pair(Subject::helo, &subjects.helo),
          std::pair(Subject::sender_domain, &subjects.sender_domain)}) {
      if (*name && asks_about(lists_[i].options, subject)) add(query_name(i, **name, suffixes));
    }
  }
  return out;
}

void Lists::prefetch(const ListSubjects& subjects, const dns::PublicSuffixList& suffixes,
                     dns::Resolver& resolver) const {
  for (const Question& question : questions(subjects, suffixes)) resolver.prefetch(question.name, dns::Type::a);
}

void Lists::judge(std::size_t list, const dns::Answer& answer, ListVerdict& verdict) const {
  const List& asked = lists_.at(list);
  if (dns::is_temporary(answer.status)) {
    verdict.problem = problem_word(answer.status);
    return;
  }
  const auto is_first = [](const Rule& rule) { return rule.pattern.text() == "127.0.0.1"; };
  const bool wants_first = std::ranges::any_of(asked.rules, is_first);
  for (const ip::Address& said : answer.addresses) {
    const std::string_view refusal = refusal_of(said, asked.options.kind, wants_first);
    if (refusal.empty()) continue;
    verdict.problem = refusal;  // whatever else it says
    return;
  }
  verdict.answered = true;
  std::uint64_t matched = !answer.addresses.empty() && asked.rules.empty() ? 1 : 0;
  for (const ip::Address& said : answer.addresses) {
    for (std::size_t rule = 0; rule < asked.rules.size(); ++rule)
      if (asked.rules[rule].pattern.matches(said)) matched |= std::uint64_t{1} << rule;
  }
  if (matched == 0) return;
  verdict.listed = true;
  verdict.rules |= matched;
  for (const ip::Address& said : answer.addresses) {
    if (verdict.said.size() == ListVerdict::kSaidMax) break;
    if (std::ranges::find(verdict.said, said) == verdict.said.end()) verdict.said.push_back(said);
  }
}

void ListVerdict::add(const ListVerdict& other) {
  asked = asked || other.asked;
  answered = answered || other.answered;
  listed = listed || other.listed;
  rules |= other.rules;
  if (problem.empty()) problem = other.problem;
  for (const ip::Address& address : other.said)
    if (said.size() < kSaidMax && std::ranges::find(said, address) == said.end()) said.push_back(address);
  if (text.empty()) text = other.text;
}

std::vector<Lists::Question> Lists::begin(const ListSubjects& subjects, const dns::PublicSuffixList& suffixes,
                                          dns::Resolver& resolver, ListVerdicts& verdicts) const {
  verdicts.lists.resize(lists_.size());
  std::vector<Question> asked = questions(subjects, suffixes);
  for (const Question& question : asked) {
    resolver.prefetch(question.name, dns::Type::a);
    verdicts.lists[question.list].asked = true;
  }
  return asked;
}

Task<> Lists::ask_one(Question question, dns::Resolver& resolver, dns::Budget& budget, ListVerdict& verdict) const {
  const dns::AnswerPtr answer = co_await resolver.query(question.name, dns::Type::a, budget);
  const bool before = verdict.listed;
  judge(question.list, *answer, verdict);
  if (before || !verdict.listed || !lists_[question.list].options.text) co_return;
  const dns::AnswerPtr text = co_await resolver.query(question.name, dns::Type::txt, budget);
  if (!text->texts.empty()) verdict.text = printable(text->texts.front(), evidence::kTextMax);
}

Task<> Lists::ask(ListSubjects subjects, const dns::PublicSuffixList& suffixes, dns::Resolver& resolver,
                  dns::Budget& budget, ListVerdicts& verdicts) const {
  std::vector<Question> asked = begin(subjects, suffixes, resolver, verdicts);
  for (Question& question : asked) {
    ListVerdict& verdict = verdicts.lists[question.list];
    co_await ask_one(std::move(question), resolver, budget, verdict);
  }
}

}  // namespace postern::signals
