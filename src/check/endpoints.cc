// Whether reports that are sent by HTTPS would arrive (checks.md 6.8-75): a handshake with the endpoint over each
// family, and nothing is said to it.
#include "base/text.h"
#include "check/places.h"
#include "tlsrpt/record.h"

namespace postern::check {

namespace {

constexpr std::size_t kEndpointsMax = 4;

struct Reached {
  bool tried = false, fine = false, no_way = false;
  std::string problem;
};

Task<Reached> shake_hands(Context& context, const Place& place, std::vector<ip::Address> addresses) {
  Reached out;
  if (addresses.empty()) co_return out;
  out.tried = true;
  outbound::HttpsRequest request = request_of(context, place, addresses, 0);
  request.handshake_only = true;
  const HttpsResult answer = co_await context.doors.fetch(std::move(request));
  out.fine = answer.has_value();
  out.no_way = context.no_way_to(addresses, answer);
  if (!answer) out.problem = printable(answer.error().what, 300);
  co_return out;
}

}  // namespace

Task<void> check_endpoints(Context& context, std::vector<std::string> uris) {
  std::size_t count = 0;
  for (const std::string& uri : uris) {
    if (!istarts_with(uri, "https:") || ++count > kEndpointsMax) continue;
    const std::string subject = printable(uri);
    const auto place = co_await find_place(context, "tls_rpt.endpoint", uri, "the endpoint");
    if (!place) continue;
    const Reached six = co_await shake_hands(context, *place, place->v6);
    const Reached four = co_await shake_hands(context, *place, place->v4);
    std::string words;
    bool bad = false;
    bool unknown = true;
    for (const auto& [found, family] : {std::pair{&six, "IPv6"}, std::pair{&four, "IPv4"}}) {
      const std::string what = !found->tried   ? "no address"
                               : found->fine   ? "a handshake with a certificate of its name"
                               : found->no_way ? "no way from here"
                                               : found->problem;
      words += (words.empty() ? "" : "; ") + std::string(family) + ": " + what;
      bad = bad || (found->tried && !found->fine && !found->no_way);
      unknown = unknown && !found->fine;
    }
    const Outcome outcome = bad ? Outcome::warn : unknown ? Outcome::not_tested : Outcome::pass;
    context.add(
        "tls_rpt.endpoint", outcome, subject, words,
        bad ? "let it answer over both families, with a certificate of its name; or name a mailto address" : "");
  }
}

}  // namespace postern::check
