#include "spf/evaluate.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "spf/identity.h"
#include "spf/macro.h"
#include "spf/ptr.h"
#include "spf/record.h"

namespace postern::spf {

namespace {

enum class Match : std::uint8_t { no, yes, temperror, permerror };

std::string_view to_string(Match match) {
  switch (match) {
    case Match::no:
      return "no match";
    case Match::yes:
      return "match";
    case Match::temperror:
      return "temperror";
    case Match::permerror:
      return "permerror";
  }
  return "";
}

// RFC 7208 4.6.4: the terms whose number is limited. A redirect is the other one.
bool asks_dns(TermKind kind) {
  return kind == TermKind::include || kind == TermKind::a || kind == TermKind::mx || kind == TermKind::ptr ||
         kind == TermKind::exists;
}

bool same_head(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b, unsigned bits) {
  const unsigned octets = bits / 8;
  if (!std::equal(a.begin(), a.begin() + octets, b.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a.at(octets) ^ b.at(octets)) >> (8U - rest)) == 0;
}

// RFC 7208 5: the high-order bits, compared within one family: an IPv4 client (v4-mapped ones are IPv4) never matches
// ip6, whatever the prefix.
bool covers(const Term& term, const std::array<std::uint8_t, 16>& network, const ip::Address& client) {
  return same_head(network, client.octets(), client.is_v4() ? 96U + term.cidr4 : term.cidr6);
}

std::string shown(std::string_view text) {
  return text.size() <= kTermShownMax ? std::string(text) : printable(text, kTermShownMax);
}

struct Hit {
  MatchedBy by = MatchedBy::nothing;
  std::uint8_t bits = 0;
};

// Of a term that matched, and is no include.
Hit hit_of(const Term& term, const ip::Address& client) {
  const auto all_bits = static_cast<std::uint8_t>(client.bits());
  const std::uint8_t cidr = client.is_v4() ? term.cidr4 : term.cidr6;
  switch (term.kind) {
    case TermKind::all:
      return {MatchedBy::all, 0};
    case TermKind::ip4:
    case TermKind::ip6:
      return {MatchedBy::network, cidr};
    case TermKind::a:
    case TermKind::mx:
      return {MatchedBy::host, cidr};
    case TermKind::exists:
      return {MatchedBy::exists, term.use.address ? all_bits : std::uint8_t{0}};
    case TermKind::ptr:
      return {MatchedBy::ptr, all_bits};
    default:
      return {};
  }
}

class Evaluator {
 public:
  Evaluator(const Query& query, dns::Resolver& resolver, dns::Budget& budget)
      : query_(query),
        resolver_(resolver),
        budget_(budget),
        sender_(sender_of(query)),
        reverse_(query.client, resolver, budget) {}

  Task<> run();
  Evaluation& evaluation() { return out_; }

 private:
  struct Domain {
    std::string text;  // as published, without a final dot: what %{d} shows
    dns::Name name;
  };
  enum class Target : std::uint8_t { ok, malformed, matches_nothing };
  struct StepId {
    std::size_t index = 0;
    std::uint64_t serial = 0;
  };

  Task<Outcome> check_host(Domain at, std::uint32_t depth);
  Task<Match> ask(const Term& term, const Domain& at, std::uint32_t depth);
  Task<Match> ask_include(const Term& term, const Domain& at, Domain target, std::uint32_t depth);
  Task<Match> ask_mx(const Term& term, const Domain& at, dns::Name target);
  Task<Match> ask_ptr(const Term& term, const Domain& at, dns::Name target);
  Task<> explain(const Term& term, const Domain& at);

  [[nodiscard]] MacroValues values(const Domain& at) const;
  // Of a term whose %{p}, if any, stands in validated_name_.
  [[nodiscard]] Target expand(const Term& term, const Domain& at, Domain& target) const;
  [[nodiscard]] bool matches_nothing(const MacroUse& use) const;
  [[nodiscard]] Match match_network(const Term& term) const;
  [[nodiscard]] dns::Type address_type() const { return query_.client.is_v4() ? dns::Type::a : dns::Type::aaaa; }
  void prefetch_includes(const Record& record, const Term& current);

  // True where the limit of 4.6.4 is exceeded.
  bool count_void(const dns::Answer& answer);
  StepId begin_step(const Domain& at, std::string_view term, std::uint32_t depth);
  void end_step(StepId step, const Domain& at, std::string_view term, std::uint32_t depth, std::string_view result);
  // The first problem is the cause; those who pass it on do not hide it.
  void problem(const Domain& at, std::string_view term, std::string_view reason);
  void problem(const Domain& at, std::string_view term, const dns::Name& name, dns::Type type,
               const dns::Answer& answer);
  Match too_many_voids(const Domain& at, std::string_view term);

  const Query& query_;
  dns::Resolver& resolver_;
  dns::Budget& budget_;
  Sender sender_;
  ReverseNames reverse_;
  std::string validated_name_;  // for the term that is being expanded
  std::uint32_t prefetches_left_ = kTermsMax;
  std::uint64_t steps_ = 0;
  Hit hit_;  // of the term that matched last
  Evaluation out_;
};

MacroValues Evaluator::values(const Domain& at) const {
  return {.sender = sender_.address,
          .local_part = sender_.local_part,
          .sender_domain = sender_.domain,
          .domain = at.text,
          .helo = sender_.helo,
          .receiver = query_.receiver,
          .validated_name = validated_name_,
          .client = query_.client,
          .now = query_.now};
}

// RFC 8616 4: terms with %{s} or %{l} match nothing where the local part has octets beyond ASCII. A HELO that no
// conversion makes ASCII is in the same case.
bool Evaluator::matches_nothing(const MacroUse& use) const {
  return (use.local_part && !sender_.local_part_ascii) || (use.helo && !sender_.helo_ascii);
}

Evaluator::Target Evaluator::expand(const Term& term, const Domain& at, Domain& target) const {
  if (term.domain_spec.empty()) {
    target = at;
    return Target::ok;
  }
  if (matches_nothing(term.use)) return Target::matches_nothing;
  auto text = expand_domain(term.domain_spec, term.use, values(at));
  if (!text) return Target::malformed;
  auto name = dns::Name::parse(*text);
  if (!name || name->is_root()) return Target::malformed;
  target.text = *std::move(text);
  target.name = *std::move(name);
  return Target::ok;
}

Match Evaluator::match_network(const Term& term) const {
  if (term.kind == TermKind::all) return Match::yes;
  if ((term.kind == TermKind::ip4) != query_.client.is_v4()) return Match::no;
  return covers(term, term.network, query_.client) ? Match::yes : Match::no;
}

// While the first look-up of a record waits, those of its other includes may be on their way.
void Evaluator::prefetch_includes(const Record& record, const Term& current) {
  for (std::size_t i = 0; i < record.include_count() && prefetches_left_ > 0; ++i) {
    const std::string_view domain = record.includes().at(i);
    if (domain.data() == current.domain_spec.data()) continue;
    const auto name = dns::Name::parse(domain);
    if (!name) continue;
    --prefetches_left_;
    resolver_.prefetch(*name, dns::Type::txt);
  }
}

bool Evaluator::count_void(const dns::Answer& answer) {
  if (dns::is_void(answer.status)) ++out_.void_lookups;
  return out_.void_lookups > kVoidMax;
}

Evaluator::StepId Evaluator::begin_step(const Domain& at, std::string_view term, std::uint32_t depth) {
  if (out_.trace.size() < Evaluation::kTraceMax) {
    out_.trace.emplace_back();
  }
  Step& step = out_.trace.back();
  step.domain = at.name.text();
  step.term = shown(term);
  step.result.clear();
  step.lookups = out_.lookups;
  step.depth = depth;
  return {out_.trace.size() - 1, ++steps_};
}

void Evaluator::end_step(StepId id, const Domain& at, std::string_view term, std::uint32_t depth,
                         std::string_view result) {
  // In a full trace the last place belongs to whatever came last.
  if (id.index + 1 == Evaluation::kTraceMax && id.serial != steps_) id = begin_step(at, term, depth);
  out_.trace[id.index].result = result;
}

void Evaluator::problem(const Domain& at, std::string_view term, std::string_view reason) {
  if (!out_.problem.empty()) return;
  out_.mechanism = printable(term, kTermShownMax);
  out_.mechanism_domain = at.name.text();
  out_.problem = printable(at.name.text());
  out_.problem += ": ";
  if (!term.empty()) {
    out_.problem += out_.mechanism;
    out_.problem += ": ";
  }
  out_.problem += reason;
}

void Evaluator::problem(const Domain& at, std::string_view term, const dns::Name& name, dns::Type type,
                        const dns::Answer& answer) {
  std::string reason(dns::to_string(type));
  reason += " of ";
  reason += printable(name.text());
  reason += ": ";
  reason += dns::to_string(answer.status);
  if (!answer.why.empty()) {
    reason += " (";
    reason += printable(answer.why);
    reason += ')';
  }
  problem(at, term, reason);
}

Match Evaluator::too_many_voids(const Domain& at, std::string_view term) {
  problem(at, term, "more than 2 terms asked DNS for what does not exist (RFC 7208 4.6.4)");
  return Match::permerror;
}

Task<> Evaluator::run() {
  if (!sender_.name) co_return;  // 4.3: none
  constexpr std::size_t kStepsOfMost = 24;
  out_.trace.reserve(kStepsOfMost);
  out_.domain = sender_.name->text();
  Domain at{sender_.domain, *sender_.name};
  out_.outcome = co_await check_host(std::move(at), 0);
}

// Redirects stay in this frame: they are no recursion (6.1).
Task<Outcome> Evaluator::check_host(Domain at, std::uint32_t depth) {
  std::string redirect;  // the term that led here, once there was one
  Domain from;           // and where it stands
  while (true) {
    const dns::AnswerPtr answer = co_await resolver_.query(at.name, dns::Type::txt, budget_);
    if (dns::is_temporary(answer->status)) {  // 4.4
      problem(at, {}, at.name, dns::Type::txt, *answer);
      co_return Outcome::temperror;
    }
    if (depth > 0 || !redirect.empty()) count_void(*answer);
    const std::string* text = nullptr;
    std::size_t found = 0;
    for (const std::string& candidate : answer->texts) {  // 4.5
      if (!is_spf_record(candidate)) continue;
      text = &candidate;
      ++found;
    }
    if (found == 0) {
      if (redirect.empty()) co_return Outcome::none;
      problem(from, redirect, printable(at.name.text()) + " has no SPF record (RFC 7208 6.1)");
      co_return Outcome::permerror;
    }
    if (found > 1) {
      problem(at, {}, "there are " + std::to_string(found) + " SPF records, and one is allowed (RFC 7208 4.5)");
      co_return Outcome::permerror;
    }
    auto record = Record::parse(*text);
    if (depth == 0 && redirect.empty()) out_.record = record ? *text : printable(*text, kRecordMax);
    if (!record) {  // 4.6: before anything of it is evaluated
      problem(at, record.error().term, record.error().reason);
      if (!record.error().term.empty()) {
        const std::string term = printable(record.error().term, kTermShownMax);
        end_step(begin_step(at, term, depth), at, term, depth, "permerror");
      }
      co_return Outcome::permerror;
    }
    bool prefetched = false;
    while (const auto term = record->next_mechanism()) {
      Match match = Match::no;
      const bool asks = asks_dns(term->kind);
      const bool spent = asks && out_.lookups == kTermsMax;
      if (asks && !spent) ++out_.lookups;
      const StepId step = begin_step(at, term->text, depth);
      if (spent) {
        problem(at, term->text, "more than 10 terms ask DNS (RFC 7208 4.6.4)");
        match = Match::permerror;
      } else if (asks) {
        if (!prefetched) prefetch_includes(*record, *term);
        prefetched = true;
        if (term->use.validated_name) validated_name_ = co_await reverse_.preferred(at.name);
        match = co_await ask(*term, at, depth);
      } else {
        match = match_network(*term);
      }
      end_step(step, at, term->text, depth, to_string(match));
      if (match == Match::no) continue;
      if (match == Match::temperror) co_return Outcome::temperror;
      if (match == Match::permerror) co_return Outcome::permerror;
      if (term->kind != TermKind::include)
        hit_ = hit_of(*term, query_.client);  // an include's is that of what is inside
      if (depth == 0) {
        out_.matched_by = hit_.by;
        out_.matched_bits = hit_.bits;
        out_.mechanism = shown(term->text);
        out_.mechanism_domain = at.name.text();
        // 6.2: the explanation of an included record is not used, that of a redirect's target is
        if (term->qualifier == Outcome::fail && record->explanation()) co_await explain(*record->explanation(), at);
      }
      co_return term->qualifier;
    }
    const auto& next = record->redirect();
    if (next) {
      const bool spent = out_.lookups == kTermsMax;
      if (!spent) ++out_.lookups;
      const StepId step = begin_step(at, next->text, depth);
      if (spent) {
        problem(at, next->text, "more than 10 terms ask DNS (RFC 7208 4.6.4)");
        end_step(step, at, next->text, depth, "permerror");
        co_return Outcome::permerror;
      }
      if (next->use.validated_name) validated_name_ = co_await reverse_.preferred(at.name);
      Domain target;
      const Target expanded = expand(*next, at, target);
      if (expanded == Target::malformed || (expanded == Target::ok && !target.name.text().contains('.'))) {
        problem(at, next->text, "what it expands to is no domain name (RFC 7208 6.1)");
        end_step(step, at, next->text, depth, "permerror");
        co_return Outcome::permerror;
      }
      if (expanded == Target::ok) {
        end_step(step, at, next->text, depth, "followed");
        redirect = next->text;
        from = std::exchange(at, std::move(target));
        continue;
      }
      end_step(step, at, next->text, depth, to_string(Match::no));
    }
    if (depth == 0) {
      out_.mechanism = "default";
      out_.mechanism_domain = at.name.text();
    }
    co_return Outcome::neutral;  // 4.7
  }
}

// include, a, mx, ptr, exists; the term is counted already.
Task<Match> Evaluator::ask(const Term& term, const Domain& at, std::uint32_t depth) {
  Domain target;
  const Target expanded = expand(term, at, target);
  if (expanded == Target::matches_nothing) co_return Match::no;
  if (expanded == Target::malformed) {
    // 4.8 leaves it open for the others: what is no name has no addresses, so nothing matches. For an include it is
    // the "none" of 4.3.
    if (term.kind != TermKind::include) co_return Match::no;
    problem(at, term.text, "what it expands to is no domain name (RFC 7208 4.3, 5.2)");
    co_return Match::permerror;
  }
  switch (term.kind) {
    case TermKind::include:
      co_return co_await ask_include(term, at, std::move(target), depth);
    case TermKind::mx:
      co_return co_await ask_mx(term, at, std::move(target.name));
    case TermKind::ptr:
      co_return co_await ask_ptr(term, at, std::move(target.name));
    default:
      break;
  }
  // 5.7: exists asks for A even where the client has IPv6
  const dns::Type type = term.kind == TermKind::exists ? dns::Type::a : address_type();
  const dns::AnswerPtr answer = co_await resolver_.query(target.name, type, budget_);
  if (dns::is_temporary(answer->status)) {
    problem(at, term.text, target.name, type, *answer);
    co_return Match::temperror;
  }
  if (count_void(*answer)) co_return too_many_voids(at, term.text);
  if (term.kind == TermKind::exists) co_return answer->addresses.empty() ? Match::no : Match::yes;
  for (const ip::Address& address : answer->addresses) {
    if (address.family() == query_.client.family() && covers(term, address.octets(), query_.client)) {
      co_return Match::yes;
    }
  }
  co_return Match::no;
}

Task<Match> Evaluator::ask_include(const Term& term, const Domain& at, Domain target, std::uint32_t depth) {
  const std::string name = target.name.text();
  Outcome outcome = Outcome::none;  // of what is no multi-label name, too (4.3)
  if (name.contains('.')) outcome = co_await check_host(std::move(target), depth + 1);
  switch (outcome) {  // the table of 5.2
    case Outcome::pass:
      co_return Match::yes;
    case Outcome::fail:
    case Outcome::softfail:
    case Outcome::neutral:
      co_return Match::no;
    case Outcome::temperror:
      co_return Match::temperror;
    case Outcome::permerror:
      co_return Match::permerror;
    case Outcome::none:
      break;
  }
  problem(at, term.text, printable(name) + " has no SPF record (RFC 7208 5.2)");
  co_return Match::permerror;
}

Task<Match> Evaluator::ask_mx(const Term& term, const Domain& at, dns::Name target) {
  const dns::AnswerPtr answer = co_await resolver_.query(target, dns::Type::mx, budget_);
  if (dns::is_temporary(answer->status)) {
    problem(at, term.text, target, dns::Type::mx, *answer);
    co_return Match::temperror;
  }
  // 4.6.4 limits terms that find nothing. Hosts without an address of the client's family do not make an mx one.
  if (count_void(*answer)) co_return too_many_voids(at, term.text);
  if (answer->mx.size() > kMxMax) {
    problem(at, term.text, printable(target.text()) + " has more than 10 MX hosts (RFC 7208 4.6.4)");
    co_return Match::permerror;
  }
  for (const dns::Mx& mx : answer->mx) {
    if (!mx.host.is_root()) resolver_.prefetch(mx.host, address_type());
  }
  for (const dns::Mx& mx : answer->mx) {
    if (mx.host.is_root()) continue;  // RFC 7505: there is no host
    const dns::AnswerPtr host = co_await resolver_.query(mx.host, address_type(), budget_);
    if (dns::is_temporary(host->status)) {
      problem(at, term.text, mx.host, address_type(), *host);
      co_return Match::temperror;
    }
    for (const ip::Address& address : host->addresses) {
      if (address.family() == query_.client.family() && covers(term, address.octets(), query_.client)) {
        co_return Match::yes;
      }
    }
  }
  co_return Match::no;
}

Task<Match> Evaluator::ask_ptr(const Term& term, const Domain& at, dns::Name target) {
  const dns::Status status = co_await reverse_.load();
  if (dns::is_void(status)) {
    ++out_.void_lookups;
    if (out_.void_lookups > kVoidMax) co_return too_many_voids(at, term.text);
    co_return Match::no;
  }
  const ReverseNames::Found found = co_await reverse_.within(std::move(target));
  if (found == ReverseNames::Found::yes) co_return Match::yes;
  if (found == ReverseNames::Found::no) co_return Match::no;  // a DNS error is no match, either (5.5)
  problem(at, term.text, budget_.cancelled() ? "cancelled" : "the look-ups of this message are spent");
  co_return Match::temperror;
}

// 6.2: whatever goes wrong here, there is no explanation, and the result stays.
Task<> Evaluator::explain(const Term& term, const Domain& at) {
  if (term.use.validated_name) validated_name_ = co_await reverse_.preferred(at.name);
  Domain target;
  if (expand(term, at, target) != Target::ok) co_return;
  const dns::AnswerPtr answer = co_await resolver_.query(std::move(target.name), dns::Type::txt, budget_);
  if (answer->status != dns::Status::ok || answer->texts.size() != 1) co_return;
  const std::string& text = answer->texts.front();
  if (text.size() > kRecordMax) co_return;
  const auto use = check_macro_string(text, MacroLetters::all, true);
  if (!use) co_return;
  if (use->validated_name) validated_name_ = co_await reverse_.preferred(at.name);
  std::string explanation = expand_text(text, values(at), kExplanationMax);
  // MUST be limited to US-ASCII: the sender or HELO may have brought something else into it.
  const auto is_printable = [](char c) { return c >= 0x20 && c < 0x7F; };
  if (std::ranges::all_of(explanation, is_printable)) out_.explanation = std::move(explanation);
}

}  // namespace

Task<Evaluation> check(Query query, dns::Resolver& resolver, dns::Budget& budget) {
  Evaluator evaluator(query, resolver, budget);
  co_await evaluator.run();
  co_return std::move(evaluator.evaluation());
}

}  // namespace postern::spf
