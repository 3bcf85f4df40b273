#include "dmarc/evaluate.h"

#include <algorithm>

#include "base/text.h"
#include "dmarc/discovery.h"

namespace postern::dmarc {
namespace {

enum class Alignment : std::uint8_t { no, yes, unknown };

class Evaluator {
 public:
  Evaluator(Input input, dns::Resolver& resolver, dns::Budget& budget)
      : input_(std::move(input)), discovery_(resolver, budget) {}

  Task<Evaluation> run() {
    co_await judge();
    out_.walk = std::move(discovery_.asked());
    co_return std::move(out_);
  }

 private:
  Task<void> judge() {
    out_.author_domain = input_.author_domain;
    if (input_.author_domain.empty()) {
      out_.problem = "no author domain";
      co_return;
    }
    const auto author = dns::Name::from_unicode(input_.author_domain);
    if (!author || author->is_root()) {
      out_.outcome = Outcome::permerror;
      out_.problem = "the author domain is no domain name: " + printable(input_.author_domain, 80);
      co_return;
    }
    author_ = *author;
    out_.author_domain = author_.text();
    if (!co_await discover()) co_return;
    const bool policy_known = co_await choose_policy();
    co_await align_spf();
    co_await align_dkim();
    if (out_.spf_aligned || out_.dkim_aligned) {
      out_.outcome = Outcome::pass;
      // What could not be asked played no part.
      out_.problem.clear();
    } else if (unknown_ || !policy_known) {
      // RFC 9989 5.3.6: with a look-up that did not complete the message can neither pass nor fail
      out_.outcome = Outcome::temperror;
    } else {
      out_.outcome = Outcome::fail;
    }
  }

  void unknown(std::string why) {
    unknown_ = true;
    if (out_.problem.empty()) out_.problem = std::move(why);
  }

  // 4.10.1: the record of the author domain, else of its organizational domain, else of its public suffix. False: the
  // outcome is set, and there is nothing more to do.
  Task<bool> discover() {
    const Published* published = co_await discovery_.record_of(author_);
    dns::Name holder = author_;
    if (published->failure.empty() && !published->record) {
      const Walk* const walk = co_await discovery_.walk(author_);
      if (walk->failure.empty()) {
        out_.organizational_domain = walk->organization.text();
        organization_ = walk->organization;
        holder = walk->organization;
        const Published* candidate = discovery_.known(holder);
        // The organizational domain under a public suffix may have no record, or none that the walk came by.
        if (candidate == nullptr || !candidate->record) {
          holder = walk->public_suffix;
          candidate = discovery_.known(holder);
        }
        if (candidate == nullptr || !candidate->record) {
          out_.problem = published->remark.empty() ? "no DMARC record applies to the domain" : published->remark;
          co_return false;
        }
        published = candidate;
      } else {
        out_.outcome = Outcome::temperror;
        out_.problem = walk->failure;
        co_return false;
      }
    } else if (!published->failure.empty()) {
      out_.outcome = Outcome::temperror;
      out_.problem = published->failure;
      co_return false;
    }
    out_.record_text = published->text;
    if (!published->record->unusable.empty()) {
      // 4.10.1: no DMARC processing
      out_.problem =
          "the DMARC record of " + printable(holder.text()) + " cannot be used: " + published->record->unusable;
      co_return false;
    }
    holder_ = std::move(holder);
    out_.policy_domain = holder_.text();
    out_.record = published->record;
    out_.testing = published->record->testing;
    co_return true;
  }

  // 4.10.1: p where the record is the author domain's own, else np or sp. False: it hangs on something DNS did not say.
  Task<bool> choose_policy() {
    const Record& record = *out_.record;
    out_.policy = record.policy;
    out_.policy_tag = "p";
    if (holder_ == author_) co_return true;
    if (record.subdomain_policy) {
      out_.policy = *record.subdomain_policy;
      out_.policy_tag = "sp";
    }
    if (!record.absent_policy) co_return true;
    const dns::AnswerPtr answer = co_await existence();
    if (answer && dns::is_temporary(answer->status)) {
      if (*record.absent_policy == out_.policy) co_return true;
      out_.problem = printable(author_.text()) + ": " + std::string(dns::to_string(answer->status));
      co_return false;
    }
    // 3.2.13: NXDOMAIN is the only sign of a domain that does not exist. Behind a CNAME (RFC 6604 3) it is about the
    // target: the alias exists.
    const bool absent = answer && answer->status == dns::Status::nxdomain &&
                        (answer->canonical == author_ || answer->canonical.is_root());
    if (absent) {
      out_.policy = *record.absent_policy;
      out_.policy_tag = "np";
    }
    co_return true;
  }

  // What DNS says about the author domain itself; null where it is known to exist. NXDOMAIN for "_dmarc." in front says
  // nothing about it, but a "_dmarc" name that exists proves the domain above it (RFC 8020 2). Any type will do (A.4).
  Task<dns::AnswerPtr> existence() {
    const Published* const own = discovery_.known(author_);
    if (own != nullptr && !own->absent) co_return nullptr;
    discovery_.asked().push_back(author_.text());
    co_return co_await discovery_.resolver().query(author_, dns::Type::a, discovery_.budget());
  }

  // 4.10.2, relaxed: both have the same organizational domain.
  Task<Alignment> relaxed(dns::Name identifier) {
    // An organizational domain is made of the last labels of its domain, one at least.
    if (identifier.suffix(1) != author_.suffix(1)) co_return Alignment::no;
    if (!organization_) {
      const Walk* const walk = co_await discovery_.walk(author_);
      if (!walk->failure.empty()) {
        unknown(walk->failure);
        co_return Alignment::unknown;
      }
      organization_ = walk->organization;
      out_.organizational_domain = organization_->text();
    }
    if (!identifier.is_within(*organization_)) co_return Alignment::no;
    if (std::ranges::find(walked_, identifier) == walked_.end()) {
      if (walked_.size() >= kIdentifierWalksMax) {
        unknown("more than " + std::to_string(kIdentifierWalksMax) + " identifiers: not all were looked at");
        co_return Alignment::unknown;
      }
      walked_.push_back(identifier);
    }
    const Walk* const walk = co_await discovery_.walk(std::move(identifier));
    if (!walk->failure.empty()) {
      unknown(walk->failure);
      co_return Alignment::unknown;
    }
    co_return walk->organization == *organization_ ? Alignment::yes : Alignment::no;
  }

  Task<Alignment> aligned(dns::Name identifier, bool strict) {
    if (identifier == author_) co_return Alignment::yes;
    if (strict) co_return Alignment::no;
    co_return co_await relaxed(std::move(identifier));
  }

  // An identifier as a name; nullopt where it counts for nothing.
  static std::optional<dns::Name> name_of(const Identifier& identifier) {
    if (!identifier.pass && !identifier.temporary) return std::nullopt;
    auto name = dns::Name::from_unicode(identifier.domain);
    if (!name || name->is_root()) return std::nullopt;
    return name;
  }

  // True where it passed and is aligned. A temporary one is only asked after when nothing has passed.
  Task<bool> passes(const Identifier& identifier, dns::Name name, bool strict, std::string_view mechanism) {
    if (!identifier.pass && (out_.spf_aligned || out_.dkim_aligned)) co_return false;
    const Alignment alignment = co_await aligned(name, strict);
    if (alignment == Alignment::yes && !identifier.pass) {
      unknown(std::string(mechanism) + " could not be checked for " + printable(name.text()));
    }
    co_return alignment == Alignment::yes&& identifier.pass;
  }

  Task<void> align_spf() {
    const auto name = name_of(input_.spf);
    if (name) out_.spf_aligned = co_await passes(input_.spf, *name, out_.record->strict_spf, "SPF");
  }

  Task<void> align_dkim() {
    // Equal domains first, which cost nothing; then those that passed; then the unknown ones.
    for (const int round : {0, 1, 2}) {
      for (const Identifier& signature : input_.dkim) {
        const auto name = name_of(signature);
        const int turn = name && *name == author_ && signature.pass ? 0 : signature.pass ? 1 : 2;
        if (!name || turn != round) continue;
        if (!co_await passes(signature, *name, out_.record->strict_dkim, "DKIM")) continue;
        out_.dkim_aligned = true;
        out_.dkim_domain = name->text();
        co_return;
      }
    }
  }

  Input input_;
  Discovery discovery_;
  Evaluation out_;
  dns::Name author_, holder_;
  std::optional<dns::Name> organization_;
  std::vector<dns::Name> walked_;
  bool unknown_ = false;
};

Task<Organization> organization_in(Discovery& discovery, std::string domain) {
  const auto name = dns::Name::from_unicode(domain);
  if (!name || name->is_root()) co_return Organization{.domain = std::move(domain), .temporary = false};
  const Walk* const walk = co_await discovery.walk(*name);
  if (!walk->failure.empty()) co_return Organization{.domain = name->text(), .temporary = true};
  co_return Organization{.domain = walk->organization.text(), .temporary = false};
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return "pass";
    case Outcome::fail:
      return "fail";
    case Outcome::temperror:
      return "temperror";
    case Outcome::permerror:
      return "permerror";
    case Outcome::none:
      break;
  }
  return "none";
}

Policy effective_policy(const Evaluation& evaluation) {
  if (!evaluation.testing) return evaluation.policy;
  return evaluation.policy == Policy::reject ? Policy::quarantine : Policy::none;
}

Task<Evaluation> evaluate(Input input, dns::Resolver& resolver, dns::Budget& budget) {
  Evaluator evaluator(std::move(input), resolver, budget);
  co_return co_await evaluator.run();
}

Task<Organization> organizational_domain(std::string domain, dns::Resolver& resolver, dns::Budget& budget) {
  Discovery discovery(resolver, budget);
  co_return co_await organization_in(discovery, std::move(domain));
}

}  // namespace postern::dmarc
