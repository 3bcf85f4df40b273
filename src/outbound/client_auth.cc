#include "outbound/client_auth.h"

#include <algorithm>

#include "base/text.h"

namespace postern::outbound {

namespace {

bool offers(const smtp::ServerOffer& offer, std::string_view mechanism) {
  return std::ranges::any_of(split(offer.auth, ' '), [&](std::string_view word) { return iequals(word, mechanism); });
}

}  // namespace

Task<Result<void>> authenticate(delivery::Conversation& conversation, std::string user, std::string password) {
  if (conversation.stream().tls() == nullptr) {
    co_return fail(ErrorKind::refused, "the server offers no TLS, and the password is not sent in clear");
  }
  smtp::ClientMachine& machine = conversation.machine();
  if (offers(machine.offer(), "PLAIN")) {
    // RFC 4616 2: authzid NUL authcid NUL passwd
    std::string response;
    response += '\0';
    response += user;
    response += '\0';
    response += password;
    const auto said = co_await conversation.auth("PLAIN", to_base64(response));
    if (!said) co_return said;
  } else if (offers(machine.offer(), "LOGIN")) {
    // Nowhere specified: user and password each answer a challenge, whatever that says
    const auto begun = co_await conversation.auth("LOGIN", "");
    if (!begun) co_return begun;
    for (const std::string* const part : {&user, &password}) {
      if (machine.state() != smtp::ClientMachine::State::auth) break;
      const auto said = co_await conversation.auth_response(to_base64(*part));
      if (!said) co_return said;
    }
  } else {
    co_return fail(ErrorKind::refused, "the server offers neither AUTH PLAIN nor AUTH LOGIN");
  }
  if (machine.state() == smtp::ClientMachine::State::auth) {
    // More challenges than the mechanism has: "*" ends it (RFC 4954 4)
    const auto said = co_await conversation.auth_response("*");
    if (!said) co_return said;
  }
  if (machine.last_reply().code != 235) {
    co_return fail(ErrorKind::refused, "reply to AUTH: " + machine.last_reply().line());
  }
  co_return Result<void>{};
}

}  // namespace postern::outbound
