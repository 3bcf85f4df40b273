#include "directory/builder.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "base/text.h"
#include "directory/mailbox_file.h"

namespace postern::directory {

namespace {

constexpr std::size_t kSuggestFrom = 1000;  // names looked at for "did you mean": it compares with each of them

std::string quoted(std::string_view text) { return "\"" + printable(text) + "\""; }

}  // namespace

void Builder::problem(const DomainEntry& entry, std::string what) {
  problems_.push_back({entry.line, "domain " + entry.name + ": " + std::move(what)});
}

std::string Builder::suggestion(const DomainEntry& entry, std::string_view local) {
  std::vector<std::string> names = entry.mailboxes.names(kSuggestFrom);
  for (const AliasEntry& alias : entry.aliases) {
    if (names.size() >= 2 * kSuggestFrom) break;
    names.push_back(alias.name);
  }
  const auto near = nearest(local, names);
  return near ? "did you mean " + quoted(*near) + "?" : "add it to mailboxes, or name one of those";
}

void Builder::build(const std::vector<DomainOptions>& domains) {
  const std::size_t before = problems_.size();
  for (const DomainOptions& options : domains) add(options);
  if (problems_.size() != before) return;  // following aliases through broken domains would only report the same again
  for (DomainEntry& entry : entries_) {
    for (AliasEntry& alias : entry.aliases) {
      std::vector<Step> path;
      if (!visits_.contains(&alias)) follow(entry, alias, path);
    }
    set_role_targets(entry);
  }
  set_role_targets_of_traps();
}

void Builder::add(const DomainOptions& options) {
  auto domain = smtp::parse_domain(options.name, true);
  if (!domain || domain->empty()) {
    problems_.push_back({options.line, "domain " + quoted(options.name) + " is not a domain name" +
                                           (domain ? std::string() : ": " + domain.error().what)});
    return;
  }
  DomainEntry& entry = entries_.emplace_back();
  entry.name = domain->text();
  entry.domain = std::move(*domain);
  entry.deliver = options.deliver;
  entry.plus = options.plus;
  entry.case_sensitive = options.case_sensitive;
  entry.line = options.line;
  const auto [it, added] = index_.try_emplace(entry.name, &entry);
  if (!added) {
    problem(entry, "is configured twice" +
                       (it->second->line > 0 ? ", first at line " + std::to_string(it->second->line) : std::string()) +
                       "; join the two");
  }
  add_mailboxes(entry, options);
  add_aliases(entry, options);
  add_traps(entry, options);
  if (options.mailboxes.empty() && options.aliases.empty() && options.mailboxes_file.empty() && !options.trap) {
    problem(entry,
            "has no mailbox and no alias, so that all its mail would be refused; give mailboxes = [\"NAME\"], "
            "mailboxes_file or mailboxes = [\"*\"] for any");
  }
}

void Builder::add_mailboxes(DomainEntry& entry, const DomainOptions& options) {
  for (const std::string& name : options.mailboxes) {
    if (name == "*") {
      entry.any = true;
      continue;
    }
    const auto local = parse_local_part(name);
    if (local)
      entry.mailboxes.insert(entry.fold(*local));
    else
      problem(entry, "mailboxes: " + local.error().what);
  }
  if (!options.mailboxes_file.empty()) {
    std::vector<Error> errors;
    read_mailboxes(
        options.mailboxes_file,
        [&](std::string_view local) {
          if (local == "*")
            entry.any = true;
          else
            entry.mailboxes.insert(entry.fold(local));
        },
        errors);
    for (Error& error : errors) {
      if (error.what.starts_with(options.mailboxes_file + ":"))
        problems_.push_back({0, std::move(error.what)});  // has a place of its own, in that file
      else
        problem(entry, std::move(error.what));
    }
  }
  entry.mailboxes.shrink();
}

void Builder::add_aliases(DomainEntry& entry, const DomainOptions& options) {
  for (const auto& [name, targets] : options.aliases) {
    std::string key = "*";
    if (name != "*") {
      const auto local = parse_local_part(name);
      if (!local) {
        problem(entry, "aliases: " + local.error().what);
        continue;
      }
      key = entry.fold(*local);
    }
    AliasEntry& alias = entry.aliases.emplace_back();
    alias.name = name;
    alias.written = targets;
    if (targets.empty()) {
      problem(entry, "alias " + quoted(name) + " names nobody; give it at least one address, or remove it");
    }
    if (key == "*") {
      if (entry.catch_all != nullptr) problem(entry, "alias \"*\" is given twice");
      if (entry.any) problem(entry, "has \"*\" as mailbox and as alias; one of them can take the rest, not both");
      entry.catch_all = &alias;
      continue;
    }
    if (!entry.alias_index.try_emplace(std::move(key), &alias).second) {
      problem(entry, "alias " + quoted(name) + " is given twice" +
                         (entry.case_sensitive ? "" : " (case does not count)") + "; join the two lists");
    }
  }
}

void Builder::add_traps(DomainEntry& entry, const DomainOptions& options) {
  entry.trap = options.trap;
  entry.trap_after = options.trap_after_ms;
  if (entry.trap && (entry.any || entry.catch_all != nullptr)) {
    problem(entry, "has trap = true and takes any address with \"*\"; one of them can take the rest, not both");
  }
  // The folded local part, where a trap may have that name.
  const auto usable = [&](const std::string& name, const std::string& key) -> std::optional<std::string> {
    const auto local = parse_local_part(name);
    if (!local) {
      problem(entry, key + ": " + local.error().what);
      return std::nullopt;
    }
    std::string folded = entry.fold(*local);
    std::string_view base = folded;
    if (!entry.plus.empty() && folded.find(entry.plus) != 0) base = base.substr(0, folded.find(entry.plus));
    if (folded == "*") {
      problem(entry, key + ": \"*\" is no local part; for a domain that is all traps write trap = true");
    } else if (is_role(base)) {  // design invariant 4
      problem(entry, key + ": " + quoted(name) + " is a role account, which is always reachable; take it out");
    } else if (entry.alias_index.contains(folded) || entry.mailboxes.contains(folded)) {
      problem(entry, key + ": " + quoted(name) + " is " +
                         (entry.mailboxes.contains(folded) ? "a mailbox too" : "an alias too") +
                         ", whose mail would go on; take it out of one of them");
    } else if (entry.traps.contains(folded) || entry.retired.contains(folded)) {
      problem(entry, key + ": " + quoted(name) + " is given twice; take one of them out");
    } else {
      return folded;
    }
    return std::nullopt;
  };
  for (const std::string& name : options.traps) {
    if (const auto folded = usable(name, "traps")) entry.traps.insert(*folded);
  }
  for (const auto& [name, since] : options.retired) {
    if (auto folded = usable(name, "retired")) entry.retired.try_emplace(std::move(*folded), since);
  }
  entry.traps.shrink();
}

Builder::Visit Builder::follow(const DomainEntry& domain, AliasEntry& alias, std::vector<Step>& path) {
  visits_[&alias] = Visit{State::visiting, 0};
  path.push_back({&domain, &alias});
  Visit result{State::good, 1};
  std::vector<Target> targets;
  if (path.size() > kAliasDepthMax) {
    problem(*path.front().domain, "alias " + quoted(path.front().alias->name) + " leads through more than " +
                                      std::to_string(kAliasDepthMax) + " aliases; name its ends directly");
    result.state = State::bad;
  } else {
    for (const std::string& written : alias.written) {
      std::size_t height = 0;
      if (!follow_one(domain, alias, written, path, height, targets)) result.state = State::bad;
      result.height = std::max(result.height, height + 1);
    }
  }
  path.pop_back();

  if (result.state == State::good && result.height > kAliasDepthMax) {
    problem(domain, "alias " + quoted(alias.name) + " leads through more than " + std::to_string(kAliasDepthMax) +
                        " aliases; name its ends directly");
    result.state = State::bad;
  }
  std::unordered_set<std::string> seen;
  for (Target& target : targets) {
    if (seen.insert(target.mailbox.text()).second) alias.targets.push_back(std::move(target));
  }
  if (alias.targets.size() > kAliasTargetsMax) {
    problem(domain, "alias " + quoted(alias.name) + " leads to " + std::to_string(alias.targets.size()) +
                        " addresses; at most " + std::to_string(kAliasTargetsMax) + " are allowed");
    alias.targets.clear();
    result.state = State::bad;
  }
  visits_[&alias] = result;
  return result;
}

bool Builder::follow_one(const DomainEntry& domain, AliasEntry& alias, const std::string& written,
                         std::vector<Step>& path, std::size_t& height, std::vector<Target>& out) {
  const auto complain = [&](std::string what) {
    problem(domain, "alias " + quoted(alias.name) + " names " + quoted(written) + ", " + std::move(what));
    return false;
  };
  if (written == "*") return complain("which is not an address");
  const DomainEntry* home = &domain;
  std::string local;
  // A quoted local part may hold an @, so only what cannot be a local part alone is read as an address.
  if (auto alone = parse_local_part(written)) {
    local = std::move(*alone);
  } else {
    auto mailbox = smtp::parse_mailbox(written, true);
    if (!mailbox) return complain("which is neither a local part nor an address: " + mailbox.error().what);
    const auto found = index_.find(mailbox->domain.text());
    if (found == index_.end()) {
      out.push_back(Target{std::move(*mailbox), nullptr});
      return true;
    }
    home = found->second;
    local = std::move(mailbox->local);
  }
  const std::string folded = home->fold(local);
  const Found found = home->find(folded);
  if (!found.leads_somewhere()) {
    return complain("which is neither a mailbox nor an alias of " + home->name + "; " + suggestion(*home, local));
  }
  if (found.what == Found::What::mailbox) {
    out.push_back(home->target(found.local));
    return true;
  }
  if (found.alias == &alias) {
    if (const std::string_view own = home->mailboxes.find(folded); !own.empty()) {
      out.push_back(home->target(own));
      return true;
    }
    if (home->any) {
      out.push_back(home->target(folded));
      return true;
    }
    return complain("which is itself, and there is no mailbox of that name; " +
                    std::string("add the mailbox, or name another"));
  }
  AliasEntry& next = *found.alias;
  const auto visited = visits_.find(&next);
  if (visited == visits_.end()) {
    const Visit visit = follow(*home, next, path);
    if (visit.state != State::good) return false;
    height = visit.height;
  } else if (visited->second.state == State::visiting) {
    std::string loop;
    bool inside = false;
    for (const Step& step : path) {
      if (step.alias == &next) inside = true;
      if (inside) loop += step.alias->name + "@" + step.domain->name + " -> ";
    }
    return complain("which is a loop: " + loop + next.name + "@" + home->name + "; take one of them out");
  } else if (visited->second.state == State::bad) {
    return false;  // told already
  } else {
    height = visited->second.height;
  }
  out.insert(out.end(), next.targets.begin(), next.targets.end());
  return true;
}

void Builder::set_role_targets(DomainEntry& entry) {
  if (const std::string_view first = entry.mailboxes.first(); !first.empty()) {
    entry.role_targets.push_back(entry.target(first));
  } else if (!entry.aliases.empty()) {
    entry.role_targets = entry.aliases.front().targets;
  }
}

// A domain of traps alone has nobody, and its role accounts are reachable all the same: those of another domain.
void Builder::set_role_targets_of_traps() {
  for (DomainEntry& entry : entries_) {
    if (!entry.trap || !entry.role_targets.empty()) continue;
    for (const DomainEntry& other : entries_) {
      const Found found = other.find("postmaster");
      if (found.what == Found::What::alias)
        entry.role_targets = found.alias->targets;
      else if (found.what == Found::What::mailbox)
        entry.role_targets = {other.target(found.local)};
      else if (!other.trap)
        entry.role_targets = other.role_targets;
      if (!entry.role_targets.empty()) break;
    }
    if (entry.role_targets.empty()) {
      problem(entry, "nobody would get the mail to its postmaster; write aliases = { postmaster = [\"ADDRESS\"] }");
    }
  }
}

}  // namespace postern::directory
