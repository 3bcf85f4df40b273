#include "spf/identity.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace postern::spf {

namespace {

constexpr std::string_view kPostmaster = "postmaster";

// RFC 5322 3.2.3 specials stand in no host name, nor do spaces and controls; "[192.0.2.1]" is thus none (RFC 7208 2.3).
bool may_stand_in_domain(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet > 0x20 && octet != 0x7F && !std::string_view("()<>[]:;@\\,\"").contains(c);
}

// The domain as names in DNS have it, and its Name.
void set_domain(Sender& sender, std::string_view text) {
  sender.domain = text;
  if (!std::ranges::all_of(text, may_stand_in_domain)) return;
  auto name = dns::Name::from_unicode(text);
  if (!name) return;
  if (!is_ascii(text)) {
    sender.domain = name->text();
  } else if (text.ends_with('.')) {
    sender.domain.pop_back();
  }
  if (name->text().contains('.')) sender.name = *std::move(name);  // RFC 7208 4.3: a multi-label domain name
}

// RFC 5321 4.1.2, appendix C: "@one.example,@two.example:" in front of the mailbox means nothing any more.
std::string_view without_source_route(std::string_view path) {
  if (!path.starts_with('@')) return path;
  const std::size_t colon = path.find(':');
  if (colon == std::string_view::npos || path.substr(0, colon).contains('[')) return path;
  return path.substr(colon + 1);
}

}  // namespace

Sender sender_of(const Query& query) {
  Sender sender;
  sender.helo = query.helo;
  if (!is_ascii(query.helo)) {
    const auto name = dns::Name::from_unicode(query.helo);
    sender.helo_ascii = name.has_value();
    if (name) sender.helo = name->text();
  }
  std::string_view path = query.identity == Identity::helo ? std::string_view() : std::string_view(query.mail_from);
  if (path.starts_with('<') && path.ends_with('>')) path = path.substr(1, path.size() - 2);
  if (path.empty()) {
    // 2.3, 2.4: HELO is checked as postmaster@helo, and so is the null reverse-path
    sender.local_part = kPostmaster;
    set_domain(sender, query.helo);
  } else {
    path = without_source_route(path);
    const std::size_t at = path.rfind('@');  // a quoted local part may have others
    // 4.3: the sender without a local part
    sender.local_part = at == 0 || at == std::string_view::npos ? kPostmaster : path.substr(0, at);
    set_domain(sender, at == std::string_view::npos ? path : path.substr(at + 1));
  }
  sender.local_part_ascii = is_ascii(sender.local_part);
  sender.address.reserve(sender.local_part.size() + 1 + sender.domain.size());
  sender.address += sender.local_part;
  sender.address += '@';
  sender.address += sender.domain;
  return sender;
}

std::string domain_of(const Query& query) {
  const Sender sender = sender_of(query);
  return sender.name ? sender.name->text() : std::string();
}

}  // namespace postern::spf
