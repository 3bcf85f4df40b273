#include "check/security_txt.h"

#include <algorithm>

#include "base/text.h"
#include "check/context.h"

namespace postern::check {

namespace {

constexpr std::int64_t kFetchMs = 10'000, kDayMs = 86'400'000;
constexpr std::string_view kPath = "/.well-known/security.txt";

std::string example(const std::string& domain, WallMs now) {
  return "Contact: mailto:security@" + domain + ", Expires: " + iso8601(now + 180 * kDayMs).substr(0, 10) +
         "T00:00:00Z";
}

}  // namespace

std::optional<WallMs> parse_rfc3339(std::string_view text) {
  std::string time = upper(trim(text));
  if (time.size() < 20 || time.size() > 40) return std::nullopt;
  std::int64_t offset = 0;
  if (!time.ends_with('Z')) {
    const std::string zone = time.substr(time.size() - 6);  // "+01:00"
    if ((zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
    const auto hours = parse_unsigned(std::string_view(zone).substr(1, 2), 23);
    const auto minutes = parse_unsigned(std::string_view(zone).substr(4, 2), 59);
    if (!hours || !minutes) return std::nullopt;
    offset = static_cast<std::int64_t>(*hours * 60 + *minutes) * 60'000 * (zone[0] == '-' ? -1 : 1);
    time.replace(time.size() - 6, 6, "Z");
  }
  // Fractions of a second have any length there
  if (const std::size_t dot = time.find('.'); dot != std::string::npos) {
    if (!std::ranges::all_of(std::string_view(time).substr(dot + 1, time.size() - dot - 2), is_digit))
      return std::nullopt;
    time = time.substr(0, dot) + "Z";
  }
  const auto utc = parse_iso8601(time);
  return utc ? std::optional(*utc - offset) : std::nullopt;
}

SecurityTxt parse_security_txt(std::string_view text) {
  SecurityTxt out;
  bool head = false;  // of the OpenPGP frame
  std::size_t expires = 0;
  for (std::string_view line : split(text.substr(0, kSecurityTxtMax), '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line == "-----BEGIN PGP SIGNED MESSAGE-----") {
      out.is_signed = head = true;
      continue;
    }
    if (line.starts_with("-----BEGIN PGP SIGNATURE-----")) break;
    if (head) {
      head = !line.empty();
      continue;
    }
    if (out.is_signed && line.starts_with("- ")) line.remove_prefix(2);  // RFC 9580 7.2: dash-escaped
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = trim(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    if (iequals(name, "contact")) {
      const bool uri = istarts_with(value, "mailto:") || istarts_with(value, "https://") || istarts_with(value, "tel:");
      if (!uri) out.problems.push_back("Contact is no https, mailto or tel address: " + printable(value, 80));
      if (uri && out.contacts.size() < kSecurityContactsMax) out.contacts.push_back(printable(value, 200));
    } else if (iequals(name, "expires")) {
      ++expires;
      out.expires = parse_rfc3339(value);
      if (!out.expires) out.problems.push_back("Expires is no time of RFC 3339: " + printable(value, 60));
    }
    if (out.problems.size() > kSecurityContactsMax) break;
  }
  if (out.contacts.empty()) out.problems.emplace_back("no Contact");
  if (expires == 0) out.problems.emplace_back("no Expires");
  if (expires > 1) out.problems.emplace_back("several Expires");
  return out;
}

// The host is the domain's own, as that of its MTA-STS policy is: one GET, whoever asks.
Task<void> check_security_txt(Context& context) {
  const std::string domain = context.report.domain;
  std::vector<ip::Address> addresses;
  bool unknown = false;
  for (const dns::Type type : {dns::Type::aaaa, dns::Type::a}) {
    const auto answer = co_await context.ask(context.target.domain, type);
    unknown = unknown || is_temporary(answer->status);
    for (const auto& address : answer->addresses) {
      if (why_not_global(address).empty() || context.options.allow_private) addresses.push_back(address);
    }
  }
  const std::string where = "https://" + domain + std::string(kPath);
  const std::string fix = "publish it: " + example(domain, context.options.now);
  if (addresses.empty() && unknown)
    co_return context.unknown("name.security_txt", where, "DNS did not say where it is",
                              context.bogus_among(std::vector{context.target.domain}));
  if (addresses.empty())
    co_return context.add("name.security_txt", Outcome::info, where, "the domain has no web server: no address", "");
  outbound::HttpsRequest request{.host = context.target.domain.text(),
                                 .port = context.options.https_port,
                                 .path = std::string(kPath),
                                 .addresses = addresses,
                                 .ca_file = context.options.ca_file,
                                 .deadline_ms = kFetchMs,
                                 .body_max = kSecurityTxtMax,
                                 .body = {},
                                 .content_type = {}};
  const HttpsResult answer = co_await context.doors.fetch(std::move(request));
  if (!answer) {
    const bool no_way = context.no_way_to(addresses, answer);
    co_return context.add("name.security_txt", no_way ? Outcome::not_tested : Outcome::info, where,
                          (no_way ? "no way from here: " : "") + printable(answer.error().what, 300), fix);
  }
  if (answer->status / 100 == 3) {
    co_return context.add("name.security_txt", Outcome::not_tested, where,
                          "the server answered " + std::to_string(answer->status) +
                              ": it is somewhere else, and no redirect is followed from here",
                          "serve it here as well");
  }
  if (answer->status != 200) {
    co_return context.add("name.security_txt", Outcome::info, where,
                          "the server answered " + std::to_string(answer->status), fix);
  }
  // Many servers answer every path with their front page
  if (!istarts_with(trim(answer->content_type), "text/plain")) {
    co_return context.add("name.security_txt", Outcome::info, where,
                          "what is there is " + printable(answer->content_type, 80) + ", not text/plain", fix);
  }
  SecurityTxt found = parse_security_txt(answer->body);
  if (found.expires) {
    context.ends(Ending::What::security_txt, where, *found.expires);
    if (*found.expires <= context.options.now)
      found.problems.push_back("it ended on " + iso8601(*found.expires).substr(0, 10) + ": nobody need heed it");
  }
  if (!found.problems.empty()) {
    co_return context.add("name.security_txt", Outcome::warn, where, join(found.problems, "; "),
                          "put it right: " + example(domain, context.options.now));
  }
  context.add("name.security_txt", Outcome::pass, where,
              join(found.contacts) + ", until " + iso8601(*found.expires).substr(0, 10));
}

}  // namespace postern::check
