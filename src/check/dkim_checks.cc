// DKIM keys as they are published (checks.md 6.10). Selectors cannot be listed: those that were given are asked for,
// and those that many senders use.
#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "check/context.h"
#include "crypto/digest.h"
#include "dkim/key_record.h"
#include "dkim/tag_list.h"

namespace postern::check {

namespace {

using dns::Status;
using dns::Type;

constexpr std::array<std::string_view, 42> kCommon{
    "default",  "dkim",     "mail",    "google",     "selector1",   "selector2",
    "s1",       "s2",       "k1",      "k2",         "k3",          "dkim1",
    "dkim2",    "key1",     "key2",    "20230601",   "20240101",    "20250101",
    "20260101", "mx",       "smtp",    "email",      "mta",         "sig1",
    "fm1",      "fm2",      "fm3",     "protonmail", "protonmail2", "protonmail3",
    "zoho",     "mandrill", "mailjet", "pm",         "mxvault",     "everlytickey1",
    "postern",  "postern1", "rsa",     "ed25519",    "2026",        "cm"};
constexpr int kBitsGood = 2048;

// Answers have their records in turns.
bool same_texts(const dns::Answer& one, const dns::Answer& other) {
  std::vector<std::string> left = one.texts, right = other.texts;
  std::ranges::sort(left);
  std::ranges::sort(right);
  return left == right;
}

struct Selector {
  std::string name;
  bool given = false;
};

void judge_flags(Context& context, const std::string& subject, const dkim::KeyRecord& record) {
  const std::string unsuitable = dkim::unsuitable(record, record.key.algorithm());
  if (!unsuitable.empty()) {
    context.add("dkim.flags", Outcome::fail, subject, unsuitable, "publish the key without h= and s=");
  } else if (record.testing) {
    context.add("dkim.flags", Outcome::warn, subject, "t=y: a test, so that signatures count as if there were none",
                "take t=y away");
  } else {
    context.add("dkim.flags", Outcome::pass, subject, "for mail, with SHA-256");
  }
}

void judge_key(Context& context, const Selector& selector, const dns::Name& name, const dns::Answer& answer) {
  const std::string subject = printable(name.text());
  const std::string evidence = describe(name, Type::txt, answer);
  if (answer.texts.size() > 1) {
    context.add("dkim.single", Outcome::fail, subject, evidence,
                "leave one record: which of them is used is undefined");
  } else {
    context.add("dkim.single", Outcome::pass, subject, "one record");
  }
  for (const std::string& text : answer.texts) {
    const auto tags = dkim::TagList::parse(text);
    const auto version = tags ? tags->get("v") : std::nullopt;
    const auto record = dkim::parse_key(text);
    if (!record) {
      if (record.error().kind == ErrorKind::refused) {
        context.dkim_given = true;
        context.add("dkim.record", Outcome::info, subject, "a revoked key (p= is empty)");
      } else if (selector.given || istarts_with(text, "v=DKIM") || (tags && tags->get("p"))) {
        context.add("dkim.record", Outcome::fail, subject, printable(text, 200) + ": " + record.error().what,
                    "publish the key as the signer wrote it", zone_text(name, "v=DKIM1; k=rsa; p=BASE64-OF-THE-KEY"));
      }
      continue;
    }
    ++context.dkim_keys;
    if (context.report.keys.size() < kKeysMax) {
      const std::string_view key = tags ? tags->get("p").value_or("") : std::string_view();
      context.report.keys.push_back(
          {subject, to_hex(crypto::view_of(crypto::Sha256::of(key))), context.options.now, false});
    }
    if (version && tags->tags().front().name != "v") {
      context.add("dkim.record", Outcome::fail, subject, "v= stands behind other tags: " + printable(text, 100),
                  "v=DKIM1 comes first (RFC 6376 3.6.1)");
    } else {
      context.add("dkim.record", Outcome::pass, subject, evidence);
    }
    const bool rsa = record->key.algorithm() == crypto::Algorithm::rsa;
    const std::string kind = rsa ? "RSA, " + std::to_string(record->key.bits()) + " bits" : std::string("Ed25519");
    if (rsa && record->key.bits() < kBitsGood) {
      context.add("dkim.key", dkim::is_short(*record) ? Outcome::fail : Outcome::warn, subject, kind,
                  "make a key of 2048 bits (postern keygen dkim), under a new selector");
    } else {
      context.add("dkim.key", Outcome::pass, subject, kind);
    }
    judge_flags(context, subject, *record);
  }
}

}  // namespace

bool is_revoked(const std::string& text) {
  const auto key = dkim::parse_key(text);
  return !key && key.error().kind == ErrorKind::refused;
}

Task<void> check_dkim(Context& context) {
  const std::string domain = context.report.domain;
  const auto parent = context.target.domain.below("_domainkey");
  const auto nobody = context.target.domain.below(kNobodysSelector);
  if (!parent || !nobody) co_return;
  const auto names = co_await context.ask(*parent, Type::txt);
  const std::string evidence = describe(*parent, Type::txt, *names);
  if (names->status == Status::nxdomain) {
    context.add("dkim.names", Outcome::info, domain,
                evidence + ": there are no keys, or the server does not know empty non-terminals (RFC 8020)");
  } else if (is_temporary(names->status)) {
    context.unknown("dkim.names", domain, evidence, bogus_name(*parent, *names));
  } else {
    context.dkim_given = true;
    context.add("dkim.names", Outcome::pass, domain, evidence);
  }
  std::vector<Selector> selectors;
  for (const std::string& given : context.options.selectors) selectors.push_back({given, true});
  // Where a wildcard answers, every common selector would seem to be there. A key that is revoked at all others (p= is
  // empty) hides none.
  const auto wildcard = co_await context.ask(*nobody, Type::txt);
  const bool tries = wildcard->status != Status::ok || std::ranges::all_of(wildcard->texts, is_revoked);
  if (tries) {
    for (const std::string_view common : kCommon) {
      if (std::ranges::find(context.options.selectors, common) == context.options.selectors.end())
        selectors.push_back({std::string(common), false});
    }
  }
  for (const Selector& selector : selectors) {
    if (const auto name = parent->below(selector.name)) context.prefetch(*name, Type::txt);
  }
  std::vector<std::string> found, silent;
  std::optional<dns::Name> bogus;
  for (const Selector& selector : selectors) {
    const auto name = parent->below(selector.name);
    if (!name) continue;
    const auto answer = co_await context.ask(*name, Type::txt);
    const std::string subject = printable(name->text());
    if (!selector.given && is_temporary(answer->status)) {
      silent.push_back(describe(*name, Type::txt, *answer));
      if (!bogus) bogus = bogus_name(*name, *answer);
    }
    if (!selector.given && wildcard->status == Status::ok && same_texts(*answer, *wildcard)) continue;
    if (answer->status == Status::ok) {
      found.push_back(selector.name);
      judge_key(context, selector, *name, *answer);
    } else if (selector.given && is_temporary(answer->status)) {
      context.unknown("dkim.record", subject, describe(*name, Type::txt, *answer), bogus_name(*name, *answer));
    } else if (selector.given) {
      context.add("dkim.record", Outcome::fail, subject, describe(*name, Type::txt, *answer),
                  "publish the key that mail is signed with", zone_text(*name, "v=DKIM1; k=rsa; p=BASE64-OF-THE-KEY"));
    }
  }
  if (!found.empty() || !context.options.selectors.empty() || context.target.hosts.empty()) co_return;
  const std::string all = std::to_string(kCommon.size()) + " common selectors";
  if (!tries) {
    context.add("dkim.record", Outcome::info, domain, "a wildcard answers at every selector: none was tried",
                "name yours with --selector");
  } else if (!silent.empty()) {
    context.unknown("dkim.record", domain,
                    "DNS did not say of " + std::to_string(silent.size()) + " of " + all + ": " + silent.front(),
                    bogus);
  } else {
    context.add("dkim.record", Outcome::info, domain, "none of " + all + " has a key",
                "name yours with --selector; `postern keygen dkim` makes one where there is none");
  }
}

}  // namespace postern::check
