#include "inbound/sender_identity.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "dmarc/evaluate.h"
#include "message/author.h"

namespace postern::inbound {

namespace {

// In the one form in which addresses are compared: the domain's A-labels, all in lower case.
std::string canonical(std::string_view address) {
  const auto mailbox = smtp::parse_mailbox(address, true);
  return lower(mailbox ? mailbox->text() : std::string(address));
}

}  // namespace

SenderIdentity::SenderIdentity(const directory::Directory& directory, const SubmissionOptions& options,
                               std::string_view login, WallMs now)
    : directory_(directory), options_(options), login_(canonical(login)), now_(now) {}

bool SenderIdentity::owns(const smtp::Mailbox& address) const {
  const std::string wanted = lower(address.text());
  if (wanted == login_) return true;
  if (const auto user = options_.users.find(login_); user != options_.users.end()) {
    for (const std::string& identity : user->second.identities) {
      if (identity == "*" || identity == wanted) return true;
      if (identity.starts_with("*@") && identity.substr(2) == lower(address.domain.text())) return true;
    }
  }
  // <postmaster> alone is nobody's address to write from
  if (address.domain.empty()) return false;
  const directory::Resolution found = directory_.resolve(address, now_);
  return found.disposition == directory::Disposition::local &&
         std::ranges::any_of(
             found.targets, [this](const directory::Target& target) { return lower(target.mailbox.text()) == login_; });
}

SenderIdentity::Authors SenderIdentity::check_field(std::string_view body) const {
  using Fault = Authors::Fault;
  const auto authors = message::parse_addresses(body);
  if (!authors) return {.fault = Fault::malformed, .address = {}};
  if (authors->empty()) return {.fault = Fault::missing, .address = {}};
  for (const message::Address& author : *authors) {
    auto domain = smtp::parse_domain(author.domain, true);
    const std::string written = author.local + "@" + author.domain;
    if (!domain) return {.fault = Fault::foreign, .address = written};
    const smtp::Mailbox mailbox{.local = author.local, .domain = std::move(*domain)};
    if (!owns(mailbox)) return {.fault = Fault::foreign, .address = written};
  }
  return {};
}

SenderIdentity::Authors SenderIdentity::check(const message::HeaderSection& header) const {
  const auto from = header.all("From");
  if (from.empty()) return {.fault = Authors::Fault::missing, .address = {}};
  // What some reader may take for a From field counts as one
  const auto named = std::ranges::count_if(header.fields(), dmarc::looks_like_from);
  if (from.size() > 1 || named > 1) return {.fault = Authors::Fault::several, .address = {}};
  Authors found = check_field(from.front()->body);
  for (const message::Field* const sender : header.all("Sender")) {
    if (found.fault == Authors::Fault::none) found = check_field(sender->body);
  }
  return found;
}

}  // namespace postern::inbound
