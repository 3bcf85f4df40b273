#include "srs/rewriter.h"

#include <array>
#include <optional>

#include "base/text.h"
#include "crypto/hmac.h"

namespace postern::srs {

namespace {

constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";  // RFC 4648 6
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
constexpr std::int64_t kDays = 1024;  // two characters

constexpr bool is_separator(char c) { return c == '=' || c == '+' || c == '-'; }

std::string stamp(std::int64_t day) {
  const auto value = static_cast<std::size_t>(((day % kDays) + kDays) % kDays);
  return {kBase32[value / 32], kBase32[value % 32]};
}

std::optional<std::int64_t> read_stamp(std::string_view text) {
  if (text.size() != 2) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : upper(text)) {
    const std::size_t digit = kBase32.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    value = value * 32 + static_cast<std::int64_t>(digit);
  }
  return value;
}

// Takes what stands in front of the next '=' off `text`, and that.
std::optional<std::string_view> take(std::string_view& text) {
  const std::size_t at = text.find('=');
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(at + 1);
  return out;
}

// "host=REST" of a sender that is rewritten already: of SRS0 the host is his domain, of SRS1 the first one, which
// stays. nullopt for all others, malformed ones among them, which are senders like any other.
std::optional<std::string> hop_of(std::string_view local, std::string_view domain) {
  if (!is_rewritten(local)) return std::nullopt;
  if (local[3] == '0') return std::string(domain) + "=" + std::string(local.substr(4));
  std::string_view fields = local.substr(5);
  const auto hash = take(fields);
  const std::string_view hop = fields;
  const auto host = hash ? take(fields) : std::nullopt;
  // What stands behind the host goes behind "SRS0" on the way back, so it begins as that does
  if (!host || fields.empty() || !is_separator(fields.front())) return std::nullopt;
  if (!smtp::parse_domain(*host, false)) return std::nullopt;
  return std::string(hop);
}

std::optional<smtp::Mailbox> mailbox_of(std::string_view local, std::string_view domain) {
  auto parsed = smtp::parse_domain(domain, false);
  if (!parsed) return std::nullopt;
  smtp::Mailbox mailbox{.local = std::string(local), .domain = std::move(*parsed)};
  // Quoting and lengths are the address's own matter
  auto whole = smtp::parse_mailbox(mailbox.text(), true);
  if (!whole) return std::nullopt;
  return std::move(*whole);
}

}  // namespace

Rewriter::Rewriter(std::string secret, std::string domain) : secret_(std::move(secret)), domain_(std::move(domain)) {
  POSTERN_CHECK(secret_.size() >= kSecretMin);
}

std::string Rewriter::hash(std::string_view what) const {
  const crypto::Digest digest = crypto::hmac_sha256(secret_, lower(what));
  std::string out;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 5; ++i) bits = (bits << 8U) | digest.at(i);
  for (int shift = 35; shift >= 0; shift -= 5) out.push_back(kBase32[(bits >> static_cast<unsigned>(shift)) & 31U]);
  return out;
}

std::string Rewriter::forward(const smtp::Mailbox& sender, WallMs now) const {
  std::string local;
  const std::string domain = sender.domain.text();
  if (const auto hop = hop_of(sender.local, domain)) {
    local = "SRS1=" + hash(*hop) + "=" + *hop;
  } else {
    const std::string what = stamp(now / kDayMs) + "=" + domain + "=" + sender.local;
    local = "SRS0=" + hash(what) + "=" + what;
  }
  const smtp::Mailbox mailbox{.local = std::move(local), .domain = {.name = domain_}};
  std::string text = mailbox.text();
  // With its angle brackets it must be a path (RFC 5321 4.5.3.1.3)
  return text.size() + 2 <= smtp::kPathMax ? text : sender.text();
}

Reversed Rewriter::reverse(const smtp::Mailbox& recipient, WallMs now) const {
  if (!is_rewritten(recipient.local)) return {};
  Reversed out{.state = State::forged, .sender = {}};
  std::string_view rest = std::string_view(recipient.local).substr(5);
  const auto signature = take(rest);
  if (!signature || !equal_constant_time(upper(*signature), hash(rest))) return out;
  if (recipient.local[3] == '1') {
    const auto host = take(rest);
    if (!host) return out;
    auto sender = mailbox_of("SRS0" + std::string(rest), *host);
    if (!sender) return out;
    return {.state = State::good, .sender = std::move(*sender)};
  }
  const auto day = take(rest);
  const auto domain = day ? take(rest) : std::nullopt;
  const auto then = day ? read_stamp(*day) : std::nullopt;
  if (!domain || !then) return out;
  auto sender = mailbox_of(rest, *domain);
  if (!sender) return out;
  const std::int64_t today = ((now / kDayMs) % kDays + kDays) % kDays;
  const std::int64_t age = ((today - *then) % kDays + kDays) % kDays;
  out.state = age <= kDaysMax ? State::good : State::expired;
  out.sender = std::move(*sender);
  return out;
}

bool is_rewritten(std::string_view local) {
  return local.size() > 5 && (istarts_with(local, "SRS0") || istarts_with(local, "SRS1")) && is_separator(local[4]);
}

}  // namespace postern::srs
