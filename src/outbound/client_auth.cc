#include "outbound/client_auth.h"

#include <memory>

#include "base/text.h"
#include "crypto/hmac.h"
#include "sasl/client.h"

namespace postern::outbound {

namespace {

using State = smtp::ClientMachine::State;
constexpr std::size_t kNonceOctets = 18;

}  // namespace

Task<Result<void>> authenticate(delivery::Conversation& conversation, io::BlockingPool& pool, std::string user,
                                std::string password) {
  if (conversation.stream().tls() == nullptr) {
    co_return fail(ErrorKind::refused, "the server offers no TLS, and the password is not sent in clear");
  }
  smtp::ClientMachine& machine = conversation.machine();
  const auto mechanism = sasl::choose_mechanism(machine.offer().auth);
  if (!mechanism) {
    co_return fail(ErrorKind::refused, "the server offers none of AUTH SCRAM-SHA-256, PLAIN and LOGIN");
  }
  auto exchange = std::make_shared<sasl::ClientExchange>(
      *mechanism, sasl::Credentials{.name = std::move(user), .password = std::move(password)},
      to_base64(crypto::random_octets(kNonceOctets)));
  auto said = co_await conversation.auth(std::string(sasl::to_string(*mechanism)), exchange->initial());
  if (!said) co_return said;
  Result<void> given_up;
  while (machine.state() == State::auth) {
    std::string line = "*";  // RFC 4954 4: ends it
    if (given_up) {
      std::move_only_function<Result<std::string>()> work =
          [exchange, challenge = std::string(trim(machine.last_reply().text))] { return exchange->respond(challenge); };
      auto answer = co_await pool.run<Result<std::string>>(std::move(work));
      if (answer)
        line = std::move(*answer);
      else
        given_up = std::unexpected(answer.error());
    }
    said = co_await conversation.auth_response(line);
    if (!said) co_return said;
  }
  if (!given_up) co_return given_up;
  if (machine.last_reply().code != 235) {
    co_return fail(ErrorKind::refused, "reply to AUTH: " + machine.last_reply().line());
  }
  if (!exchange->finished()) {
    co_return fail(ErrorKind::refused, "the server said 235 and has not proven that it knows the password");
  }
  co_return Result<void>{};
}

}  // namespace postern::outbound
