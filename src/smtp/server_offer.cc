#include "smtp/server_offer.h"

#include "base/text.h"

namespace postern::smtp {

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
    // RFC 1870 4: without a number, or with 0, no limit is stated
    if (keyword == "SIZE") offer.size = parse_unsigned(rest).value_or(0);
    if (keyword == "AUTH" && offer.auth.empty()) offer.auth = rest;
  }
  return offer;
}

}  // namespace postern::smtp
