// How the visits themselves went: what is ours (politeness), and what a server that puts strangers off means by it.
// Nothing here is ever a failure: 4xx says "not now", and of a limit nobody knows whether others meet it.
#include "base/text.h"
#include "check/etiquette.h"
#include "check/probe.h"

namespace postern::check {

namespace {

Finding visits(const std::string& subject, const ServerFacts& facts, WallMs now) {
  if (facts.recalled) {
    return {"reach.visits",
            Outcome::info,
            subject,
            "not connected to: seen " + human_duration(std::max<std::int64_t>(now - facts.visited, 0)) +
                " ago, for another domain or another run",
            "what has been mended since shows ten minutes after the visit",
            ""};
  }
  if (facts.visited == 0) return {"reach.visits", Outcome::not_tested, subject, facts.problem, "", ""};
  return {"reach.visits",
          Outcome::pass,
          subject,
          std::to_string(facts.connections) +
              (facts.connections == 1 ? " connection" : " connections, never two at a time") +
              (facts.connected ? ", EHLO and QUIT" : ", not accepted"),
          "",
          ""};
}

Finding visitor(const std::string& subject, const ServerFacts& facts, const std::string& helo) {
  const std::string words = "EHLO " + printable(helo, 200) + " from " + facts.visitor;
  if (!facts.visitor_named) {
    return {"reach.visitor",
            Outcome::not_tested,
            subject,
            words + ": the address is translated on the way, or DNS did not say who it is",
            "",
            ""};
  }
  if (*facts.visitor_named)
    return {"reach.visitor", Outcome::pass, subject, words + ", which is that address's name", "", ""};
  return {"reach.visitor",
          Outcome::info,
          subject,
          words + ", which is not that address's name: a refusal may be of us, and not of others",
          "check from a host with reverse DNS, and name it with --helo or hostname",
          ""};
}

Finding greylisting(const std::string& subject, const ServerFacts& facts) {
  const Putting now = put_off(facts);
  const std::string later = " " + human_duration(facts.again_after_ms) + " later";
  if (now.kind == PutOff::no) {
    if (facts.put_off_before.empty())
      return {"smtp.greylisting", Outcome::pass, subject, "nothing was put off", "", ""};
    const bool cut = facts.our_side || (facts.deep && facts.probes.empty());
    if (!facts.connected || cut)
      return {"smtp.greylisting",
              Outcome::not_tested,
              subject,
              facts.put_off_before + "; no answer" + later + ": " +
                  (facts.problem.empty() ? facts.deep_ended : facts.problem),
              "check again later",
              ""};
    return {"smtp.greylisting", Outcome::pass, subject, facts.put_off_before + "; taken" + later, "", ""};
  }
  const std::string looks = " (looks like " + std::string(to_string(now.kind)) + ")";
  if (facts.put_off_before.empty()) {
    return {"smtp.greylisting",
            Outcome::info,
            subject,
            now.words + looks,
            "what it kept from being seen is not tested: ask again in some minutes, or with --retry-greylisted",
            ""};
  }
  return {"smtp.greylisting",
          Outcome::warn,
          subject,
          now.words + looks + "; the same" + later + " as at first",
          "see why who comes back after " + human_duration(facts.again_after_ms) +
              " is put off again: some senders give up within hours",
          ""};
}

}  // namespace

std::vector<Finding> judge_patience(const Target& target, const Options& options) {
  std::vector<Finding> out;
  const WallMs now = wall_now();
  for (const MailHost& host : target.hosts) {
    for (const Address& address : host.addresses) {
      if (!address.server) continue;
      const ServerFacts& facts = *address.server;
      const std::string subject = host.name.text() + " [" + address.address.text() + "]";
      out.push_back(visits(subject, facts, now));
      if (!facts.visitor.empty()) out.push_back(visitor(subject, facts, options.helo));
      if (facts.banner_code != 0 || !facts.put_off_before.empty()) out.push_back(greylisting(subject, facts));
    }
  }
  return out;
}

}  // namespace postern::check
