#include "base/text.h"
#include "directory/directory.h"
#include "ip/address.h"

namespace postern::directory {

namespace {

constexpr std::string_view kForms =
    "write \"maildir:PATH/{domain}/{user}\", \"lmtp:[::1]:24\", \"lmtp:unix:/PATH\", \"smtp:[2001:db8::5]:25\" or "
    "\"sink:\"";

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(ErrorKind::invalid, "\"" + printable(text) + "\" " + std::string(why) + "; " + std::string(kForms));
}

bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  }
  return false;
}

// Braces may only stand around the two names that delivery fills in: a typing error must not become a folder.
bool good_template(std::string_view path) {
  while (true) {
    const std::size_t brace = path.find_first_of("{}");
    if (brace == std::string_view::npos) return true;
    path.remove_prefix(brace);
    if (path.starts_with("{user}")) {
      path.remove_prefix(6);
    } else if (path.starts_with("{domain}")) {
      path.remove_prefix(8);
    } else {
      return false;
    }
  }
}

Result<Transport> with_endpoint(Transport::Kind kind, std::string_view text, std::string_view rest) {
  auto endpoint = ip::Endpoint::parse(rest);
  if (!endpoint) return bad(text, "does not name an address and port (" + endpoint.error().what + ")");
  if (endpoint->port == 0) return bad(text, "names port 0");
  return Transport{kind, endpoint->text()};
}

}  // namespace

Result<Transport> Transport::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return bad(text, "is not a way of delivery");
  const std::string_view kind = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 1);
  if (has_control(rest)) return bad(text, "contains a control character");
  if (kind == "maildir") {
    if (rest.empty()) return bad(text, "names no folder");
    if (!good_template(rest)) return bad(text, "has braces that are neither {user} nor {domain}");
    return Transport{Kind::maildir, std::string(rest)};
  }
  if (kind == "lmtp") {
    if (!rest.starts_with("unix:")) return with_endpoint(Kind::lmtp_tcp, text, rest);
    const std::string_view path = rest.substr(5);
    if (path.empty()) return bad(text, "names no socket");
    // unix(7): sun_path has 108 octets with its final NUL
    if (path.size() > 107) return bad(text, "names a socket path over 107 octets, which no unix socket can have");
    return Transport{Kind::lmtp_unix, std::string(path)};
  }
  if (kind == "smtp") return with_endpoint(Kind::smtp, text, rest);
  if (kind == "sink") {
    if (!rest.empty()) return bad(text, "has something after \"sink:\"");
    return Transport{Kind::sink, {}};
  }
  return bad(text, "is not a way of delivery");
}

std::string Transport::text() const {
  switch (kind) {
    case Kind::maildir:
      return "maildir:" + target;
    case Kind::lmtp_tcp:
      return "lmtp:" + target;
    case Kind::lmtp_unix:
      return "lmtp:unix:" + target;
    case Kind::smtp:
      return "smtp:" + target;
    case Kind::sink:
      break;
  }
  return "sink:";
}

}  // namespace postern::directory
