// DNS lists of others (RFC 5782): what the operator's own lists say of the mail hosts' addresses and of the domain.
#include "signals/lists.h"

#include "base/text.h"
#include "check/context.h"

namespace postern::check {

namespace {

constexpr std::size_t kAddressesMax = 60;

// "zen (zen.example.org): 127.0.0.2, \"see example.org\""
std::string in_words(const signals::ListOptions& list, const signals::ListVerdict& verdict) {
  std::vector<std::string> said;
  for (const ip::Address& answer : verdict.said) said.push_back(answer.text());
  if (!verdict.text.empty()) said.push_back('"' + printable(verdict.text, 200) + '"');
  return list.name + " (" + list.zone + "): " + join(said);
}

// `subjects` is the address of a mail host or the domain; lists that vouch are not asked for blame.
Task<void> judge_listed(Context& context, std::string subject, signals::ListSubjects subjects) {
  const signals::Lists& lists = *context.options.lists;
  signals::ListVerdicts verdicts;
  co_await lists.ask(std::move(subjects), context.suffixes(), context.resolver(), context.budget(), verdicts);
  std::vector<std::string> listed, clean, silent;
  for (std::size_t i = 0; i < verdicts.lists.size(); ++i) {
    const signals::ListOptions& list = lists.options(i);
    const signals::ListVerdict& verdict = verdicts.lists[i];
    if (!verdict.asked || list.kind == signals::ListKind::address_allow) continue;
    if (verdict.listed) {
      listed.push_back(in_words(list, verdict));
    } else if (verdict.problem.empty() && verdict.answered) {
      clean.push_back(list.name);
    } else {
      silent.push_back(list.name + ": " + std::string(verdict.problem));
    }
  }
  const std::string unknown = silent.empty() ? std::string() : "; not told by " + join(silent);
  if (!listed.empty()) {
    context.add("reverse.lists", Outcome::warn, std::move(subject), join(listed, "; ") + unknown,
                "find out from the list why, mend that, and ask it to be taken off: who uses the list refuses this");
  } else if (!clean.empty()) {
    context.add("reverse.lists", Outcome::pass, std::move(subject), "not listed by " + join(clean) + unknown);
  } else if (!silent.empty()) {
    context.unknown("reverse.lists", subject, "not told by " + join(silent));
  }
}

}  // namespace

Task<void> check_lists(Context& context) {
  if (!context.options.lists) co_return;
  co_await judge_listed(context, context.report.domain, {.sender_domain = context.target.domain});
  std::size_t left = kAddressesMax;
  for (std::size_t i = 0; i < context.target.hosts.size(); ++i) {
    const MailHost& host = context.target.hosts[i];
    for (std::size_t k = 0; k < host.addresses.size() && left > 0; ++k, --left) {
      const ip::Address& address = host.addresses[k].address;
      co_await judge_listed(context, printable(host.name.text()) + " [" + address.text() + "]", {.client = address});
    }
  }
}

}  // namespace postern::check
