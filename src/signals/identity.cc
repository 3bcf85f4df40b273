#include "signals/identity.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "ip/translated.h"

namespace postern::signals {

using evidence::value::Rdns;

namespace {

// A pass by a term that tells this domain's machines from others.
bool is_telling(const spf::Evaluation& spf, const ip::Address& client) {
  if (spf.outcome != spf::Outcome::pass || spf.domain.empty()) return false;
  switch (spf.matched_by) {
    case spf::MatchedBy::network:
    case spf::MatchedBy::host:
    case spf::MatchedBy::exists:
      return spf.matched_bits >= (client.is_v4() ? kIdentityBitsMinV4 : kIdentityBitsMinV6);
    case spf::MatchedBy::nothing:
    case spf::MatchedBy::all:
    case spf::MatchedBy::ptr:
      break;
  }
  return false;
}

// BATV: draft-levine-smtp-batv's prvs=TAG=user, and what others made of it.
std::string_view without_tag(std::string_view local) {
  for (const std::string_view scheme : {"prvs=", "msprvs1="}) {
    if (!local.starts_with(scheme)) continue;
    const std::size_t user = local.find('=', scheme.size());
    return user == std::string_view::npos ? local : local.substr(user + 1);
  }
  constexpr std::string_view kBarracuda = "btv1==";
  if (!local.starts_with(kBarracuda)) return local;
  const std::size_t user = local.find("==", kBarracuda.size());
  return user == std::string_view::npos ? local : local.substr(user + 2);
}

struct Rewritten {
  std::string_view local, domain;  // of the sender before a forwarder rewrote it
};

// SRS0=HASH=TIME=domain=local, with '=', '+' or '-' behind the 0; SRS1=HASH=forwarder==HASH=TIME=domain=local.
std::optional<Rewritten> rewritten(std::string_view local) {
  if (local.size() < 5 || !local.starts_with("srs")) return std::nullopt;
  if (std::string_view("=+-").find(local[4]) == std::string_view::npos) return std::nullopt;
  if (local[3] == '1') {
    const std::size_t inner = local.find("==", 5);
    if (inner == std::string_view::npos) return std::nullopt;
    local.remove_prefix(inner + 2);
  } else if (local[3] == '0') {
    local.remove_prefix(5);
  } else {
    return std::nullopt;
  }
  for (int field = 0; field < 2; ++field) {  // hash and time
    const std::size_t end = local.find('=');
    if (end == std::string_view::npos) return std::nullopt;
    local.remove_prefix(end + 1);
  }
  const std::size_t end = local.find('=');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  return Rewritten{.local = local.substr(end + 1), .domain = local.substr(0, end)};
}

constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }

// A word that a program has drawn: long with digits in it, or a group of hexadecimal digits as in UUIDs.
bool is_token(std::string_view word) {
  const auto digits = std::ranges::count_if(word, is_digit);
  if (word.size() >= kTokenMin && digits >= 2) return true;
  const auto is_hex = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
  return word.size() >= kHexTokenMin && digits >= 1 && std::ranges::all_of(word, is_hex);
}

void append_without_numbers(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (!is_alnum(text[i])) {
      out += text[i++];
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && is_alnum(text[i])) ++i;
    const std::string_view word = text.substr(begin, i - begin);
    if (is_token(word)) {
      out += '#';
      continue;
    }
    bool in_number = false;
    for (const char c : word) {
      if (!is_digit(c)) {
        out += c;
      } else if (!in_number) {
        out += '#';
      }
      in_number = is_digit(c);
    }
  }
}

void append_part(std::string& out, std::string_view part) {
  out += std::to_string(part.size());
  out += ':';
  out += part;
}

}  // namespace

Identity network_identity(const ip::Address& from) {
  const ip::Address client = ip::untranslated(from);
  const ip::Prefix prefix(client, client.is_v4() ? kIdentityPrefixV4 : kIdentityPrefixV6);
  return {.kind = IdentityKind::net, .text = "net:" + prefix.text()};
}

Identity identity_of(const ip::Address& client, const spf::Evaluation* spf, const ReverseDns& reverse) {
  if (spf != nullptr && is_telling(*spf, client)) {
    return {.kind = IdentityKind::spf, .text = "spf:" + lower(spf->domain)};
  }
  if (reverse.state == Rdns::mail && reverse.organisation) {
    return {.kind = IdentityKind::rdns, .text = "rdns:" + reverse.organisation->text()};
  }
  if (reverse.state == Rdns::confirmed && !reverse.name.is_root()) {
    return {.kind = IdentityKind::name, .text = "name:" + reverse.name.text()};
  }
  return network_identity(client);
}

std::string normalised_sender(const smtp::Path& reverse_path) {
  if (reverse_path.null) return {};
  const std::string lowered = lower(reverse_path.mailbox.local);
  std::string_view local = without_tag(lowered);
  std::string_view before;  // the domain that a forwarder wrote into the local part
  if (const auto found = rewritten(local)) {
    local = found->local;
    before = found->domain;
  }
  std::string out;
  append_without_numbers(out, local.substr(0, local.find_first_of("+=")));
  if (!before.empty()) {
    out += '@';
    append_without_numbers(out, before.substr(0, before.find('+')));
  }
  out += '@';
  out += lower(reverse_path.mailbox.domain.text());
  return out;
}

std::string correspondent(std::string_view mailbox) {
  const std::string lowered = lower(mailbox);
  return std::string(without_tag(lowered));
}

std::string strong_key_text(const Identity& identity, const smtp::Path& reverse_path, std::string_view recipient) {
  std::string out = "strong,";
  append_part(out, identity.text);
  append_part(out, normalised_sender(reverse_path));
  append_part(out, lower(recipient));
  return out;
}

std::string weak_key_text(const smtp::Path& reverse_path, std::string_view recipient) {
  std::string out = "weak,";
  append_part(out, normalised_sender(reverse_path));
  append_part(out, lower(recipient));
  return out;
}

}  // namespace postern::signals
