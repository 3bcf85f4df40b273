#include "resolver/translate.h"

#include <unbound.h>

#include "base/text.h"
#include "dns/wire.h"

namespace postern::resolver {

namespace {

constexpr int kRcodeServfail = 2;
constexpr std::size_t kWhyMax = 300;

dns::Answer failed(dns::Status status, std::string why) { return *dns::failed_answer(status, std::move(why)); }

}  // namespace

dns::Answer translate(const dns::Name& name, dns::Type type, int error, const ub_result* result,
                      const Context& context) {
  using dns::Status;
  if (error != 0 || result == nullptr) {
    return failed(Status::servfail, std::string("libunbound: ") + ub_strerror(error));
  }
  if (result->bogus != 0) {
    const std::string_view why = result->why_bogus != nullptr ? result->why_bogus : "no reason given";
    return failed(Status::bogus, printable(why, kWhyMax));
  }
  std::optional<dns::Reply> reply;
  if (result->answer_packet != nullptr && result->answer_len > 0) {
    reply = dns::parse_reply(
        {static_cast<const char*>(result->answer_packet), static_cast<std::size_t>(result->answer_len)}, name, type);
  }
  if (!reply) return failed(Status::servfail, "the answer cannot be parsed");
  dns::Answer& answer = reply->answer;
  bool secure = result->secure != 0;
  if (result->rcode == kRcodeServfail && answer.status != Status::servfail) {
    // A record without data, which libunbound cannot hand over: it stops before it tells whether the answer is bogus.
    // AD is there where it is secure; under no trust anchor nothing is bogus; else nobody knows.
    const bool validates = context.validates(name) || context.validates(answer.canonical);
    secure = validates && reply->authentic;
    if (validates && !secure) return failed(Status::servfail, "the answer has a record without data");
  }
  if (answer.status == Status::servfail && answer.why.empty()) answer.why = "SERVFAIL";
  if (answer.status == Status::refused) answer.why = "response code " + std::to_string(reply->rcode);
  if (!is_temporary(answer.status) && secure) answer.security = dns::Security::secure;
  return std::move(answer);
}

}  // namespace postern::resolver
