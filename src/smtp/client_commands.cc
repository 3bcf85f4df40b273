#include "smtp/client_commands.h"

#include <algorithm>

#include "base/text.h"

namespace postern::smtp {

namespace {

constexpr std::size_t kCommandPathMax = 998;
// RFC 3461 4.2, 4.4: at most 500 and 100 octets
constexpr std::size_t kOrcptMax = 500;
constexpr std::size_t kEnvidMax = 100;

// A parameter's value in its wire form: printable, and without the blank that would end it.
bool safe_value(std::string_view value, std::size_t max) {
  return !value.empty() && value.size() <= max &&
         std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

bool safe_path(std::string_view path) {
  if (path.size() > kCommandPathMax) return false;
  bool quoted = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto c = static_cast<unsigned char>(path[i]);
    if (c < 0x20 || c == 0x7F) return false;
    if (quoted) {
      if (c == '\\') {
        // RFC 5321 4.1.2 quoted-pairSMTP: a backslash takes one printable octet with it
        ++i;
        if (i == path.size() || path[i] < 0x20 || path[i] == 0x7F) return false;
      } else if (c == '"') {
        quoted = false;
      }
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '<' || c == '>' || c == ' ' || c == '\\') return false;
  }
  return !quoted;
}

std::string one_line(std::string text) {
  for (char& c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet <= 0x20 || octet == 0x7F) c = '?';
  }
  return text;
}

bool needs_utf8(const ClientMessage& message) {
  return message.utf8 || !is_ascii(message.reverse_path) ||
         std::ranges::any_of(message.forward_paths, [](const std::string& path) { return !is_ascii(path); });
}

std::optional<Reply> cannot_take(const ClientMessage& message, const ServerOffer& offer) {
  // RFC 1870 6.1: a message over the server's limit is not offered
  if (offer.size.value_or(0) != 0 && message.size > *offer.size) {
    return Reply(552, {5, 3, 4},
                 "message of " + std::to_string(message.size) + " octets is larger than the server takes (" +
                     std::to_string(*offer.size) + ")");
  }
  // RFC 6531 3.2, 3.5: not to a server that does not offer SMTPUTF8
  if (needs_utf8(message) && !offer.smtputf8) {
    return Reply(553, {5, 6, 7}, "server does not take internationalized mail (SMTPUTF8)");
  }
  // RFC 6152 3: a client must not send 8-bit text to a server that does not offer 8BITMIME; converting it would break
  // its signatures
  if (message.strict && message.eight_bit && !offer.eight_bit) {
    return Reply(554, {5, 6, 3}, "server does not take 8-bit text (8BITMIME), and it is not converted");
  }
  // RFC 8689 4.2.1: relayed only where the next server promises the same
  if (message.require_tls && !offer.require_tls) {
    return Reply(550, {5, 7, 30}, "the sender requires TLS all the way, and the server does not offer REQUIRETLS");
  }
  if (message.deliver_by && message.deliver_by->return_if_late) {
    // RFC 2852 4.1.4.1
    if (!offer.deliver_by) {
      return Reply(550, {5, 3, 3},
                   "the sender wants it delivered in time or returned, and the server has no DELIVERBY");
    }
    if (message.deliver_by->seconds <= 0 ||
        message.deliver_by->seconds < static_cast<std::int64_t>(*offer.deliver_by)) {
      return Reply(550, {5, 4, 7}, "cannot be delivered in the time that the sender allows");
    }
  }
  return std::nullopt;
}

std::string mail_command(const ClientMessage& message, const ServerOffer& offer) {
  std::string line = "MAIL FROM:<" + message.reverse_path + ">";
  const bool utf8 = needs_utf8(message);
  if (offer.size) line += " SIZE=" + std::to_string(message.size);
  if ((message.eight_bit || utf8) && offer.eight_bit) line += " BODY=8BITMIME";
  if (utf8) line += " SMTPUTF8";
  if (offer.dsn) {
    // RFC 3461 5.1: what the sender asked for travels unchanged
    if (message.ret == "FULL" || message.ret == "HDRS") line += " RET=" + message.ret;
    if (safe_value(message.envid, kEnvidMax)) line += " ENVID=" + message.envid;
  }
  if (message.require_tls && offer.require_tls) line += " REQUIRETLS";
  if (message.priority != 0 && offer.priority) line += " MT-PRIORITY=" + std::to_string(message.priority);
  if (message.deliver_by && offer.deliver_by) {
    line += " BY=" + std::to_string(message.deliver_by->seconds);
    line += message.deliver_by->return_if_late ? ";R" : ";N";
    if (message.deliver_by->trace) line += "T";
  }
  return line;
}

std::string rcpt_command(std::string_view forward_path, const RecipientParameters* parameters,
                         const ServerOffer& offer) {
  std::string line = "RCPT TO:<";
  line += forward_path;
  line += '>';
  if (parameters == nullptr || !offer.dsn) return line;
  if (safe_value(parameters->notify, kOrcptMax)) line += " NOTIFY=" + parameters->notify;
  if (safe_value(parameters->orcpt, kOrcptMax)) line += " ORCPT=" + parameters->orcpt;
  return line;
}

}  // namespace postern::smtp
