#include "smtp/server_offer.h"

#include "base/text.h"

namespace postern::smtp {

namespace {

// RFC 9422 3: "RCPTMAX=100 MAILMAX=20"; what is not known is passed over, and so is a limit that makes no sense.
void read_limits(ServerOffer& offer, std::string_view text) {
  for (const std::string_view item : split(text, ' ')) {
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name = upper(item.substr(0, equals));
    const std::uint64_t value = parse_unsigned(item.substr(equals + 1), 999'999).value_or(0);
    if (name == "RCPTMAX") offer.recipients_max = value;
    if (name == "MAILMAX") offer.messages_max = value;
  }
}

}  // namespace

ServerOffer parse_offer(const Reply& reply) {
  ServerOffer offer;
  bool first = true;
  for (const std::string_view line : split(reply.text, '\n')) {
    offer.lines.emplace_back(line);
    if (first) {
      first = false;
      continue;
    }
    // RFC 5321 4.1.1.1: ehlo-keyword *( SP ehlo-param ), in any case. "AUTH=" is what clients before RFC 2554 wanted.
    const std::size_t end = std::min(line.find_first_of(" ="), line.size());
    const std::string keyword = upper(line.substr(0, end));
    const std::string_view rest = trim(line.substr(std::min(end + 1, line.size())));
    if (keyword == "STARTTLS") offer.starttls = true;
    if (keyword == "PIPELINING") offer.pipelining = true;
    if (keyword == "8BITMIME") offer.eight_bit = true;
    if (keyword == "SMTPUTF8") offer.smtputf8 = true;
    if (keyword == "CHUNKING") offer.chunking = true;
    if (keyword == "DSN") offer.dsn = true;
    if (keyword == "REQUIRETLS") offer.require_tls = true;
    if (keyword == "MT-PRIORITY") offer.priority = true;
    if (keyword == "DELIVERBY") offer.deliver_by = parse_unsigned(rest).value_or(0);
    if (keyword == "LIMITS") read_limits(offer, rest);
    // RFC 1870 4: without a number, or with 0, no limit is stated
    if (keyword == "SIZE") offer.size = parse_unsigned(rest).value_or(0);
    if (keyword == "AUTH" && offer.auth.empty()) offer.auth = rest;
  }
  return offer;
}

}  // namespace postern::smtp
