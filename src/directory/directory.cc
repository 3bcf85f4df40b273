#include "directory/directory.h"

#include <deque>

#include "base/text.h"
#include "directory/builder.h"
#include "directory/domain_entry.h"

namespace postern::directory {

struct Directory::Impl {
  std::deque<DomainEntry> domains;  // their addresses are in targets
  TextMap<const DomainEntry*> index;
  std::vector<std::string> files;

  [[nodiscard]] const DomainEntry* find(const smtp::Domain& domain) const {
    // RFC 5321 4.5.1: <postmaster> without a domain
    if (domain.empty()) return domains.empty() ? nullptr : &domains.front();
    const auto it = domain.literal ? index.find(domain.text()) : index.find(domain.name);
    return it == index.end() ? nullptr : it->second;
  }
};

Directory::Directory() : impl_(std::make_unique<Impl>()) {}
Directory::~Directory() = default;

std::shared_ptr<const Directory> Directory::build(const std::vector<DomainOptions>& domains,
                                                  std::vector<Problem>& problems) {
  const std::shared_ptr<Directory> directory(new Directory());
  const std::size_t before = problems.size();
  Builder(directory->impl_->domains, directory->impl_->index, problems).build(domains);
  if (problems.size() != before) return nullptr;
  for (const DomainOptions& options : domains) {
    if (!options.mailboxes_file.empty()) directory->impl_->files.push_back(options.mailboxes_file);
  }
  return directory;
}

Result<std::shared_ptr<const Directory>> Directory::build(const std::vector<DomainOptions>& domains) {
  std::vector<Problem> problems;
  auto directory = build(domains, problems);
  if (directory) return directory;
  std::string what = std::move(problems.front().what);
  if (problems.front().line > 0) what = "line " + std::to_string(problems.front().line) + ": " + what;
  if (problems.size() > 1) what += " (and " + std::to_string(problems.size() - 1) + " more problems)";
  return fail(ErrorKind::invalid, std::move(what));
}

Resolution Directory::resolve(const smtp::Mailbox& mailbox, WallMs now) const {
  Resolution resolution;
  resolution.address = mailbox.text();
  const DomainEntry* const entry = impl_->find(mailbox.domain);
  if (entry == nullptr) return resolution;
  resolution.role_account = is_role(mailbox.local);
  const std::string folded = entry->fold(mailbox.local);
  const Found found = entry->find(folded);
  // What is put behind a role account's name makes no role account of it, and must not look like one
  if (resolution.role_account || (found.what != Found::What::nothing && !is_role(found.name))) {
    const std::string_view name = resolution.role_account ? std::string_view(folded) : found.name;
    resolution.address = smtp::Mailbox{std::string(name), entry->domain}.text();
  }
  if (found.what == Found::What::alias) {
    resolution.targets = found.alias->targets;
  } else if (found.what == Found::What::mailbox) {
    resolution.targets.push_back(entry->target(found.local));
  } else if (resolution.role_account) {
    resolution.targets = entry->role_targets;  // design invariant 4: always reachable
  } else if (found.what == Found::What::trap) {
    resolution.disposition = Disposition::trap;
    return resolution;
  } else if (found.what == Found::What::retired) {
    const bool long_gone = entry->trap_after > 0 && now >= found.since + entry->trap_after;
    resolution.disposition = long_gone ? Disposition::trap : Disposition::retired;
    return resolution;
  }
  resolution.disposition = resolution.targets.empty() ? Disposition::unknown_user : Disposition::local;
  return resolution;
}

bool Directory::has_domain(std::string_view canonical_name) const { return impl_->index.contains(canonical_name); }

const Transport* Directory::transport(const smtp::Mailbox& mailbox) const {
  const DomainEntry* const entry = impl_->find(mailbox.domain);
  return entry == nullptr ? nullptr : &entry->deliver;
}

std::size_t Directory::mailbox_count() const {
  std::size_t count = 0;
  for (const DomainEntry& entry : impl_->domains) count += entry.mailboxes.size();
  return count;
}

std::size_t Directory::memory() const {
  std::size_t octets = 0;
  for (const DomainEntry& entry : impl_->domains) octets += entry.mailboxes.memory() + entry.traps.memory();
  return octets;
}

std::vector<std::string> Directory::watched_files() const { return impl_->files; }

}  // namespace postern::directory
