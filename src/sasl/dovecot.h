// DovecotClient: the client's side of Dovecot's authentication protocol, version 1 (doc/wiki/Design.AuthProtocol.txt of
// Dovecot), for one connection and one request, without IO: lines in, lines out. Dovecot's auth process knows the users
// and speaks the mechanisms; what passes here is their base64.
//
// Who answers is a program of this machine that the operator named; its lines are bounded all the same. Thread rule:
// one connection, one thread. Memory: one line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::sasl {

inline constexpr std::size_t kDovecotLineMax = 8192;  // as Dovecot's own AUTH_CLIENT_MAX_LINE_LENGTH, and base64 within
inline constexpr std::size_t kDovecotHandshakeMax = 64 * 1024;

class DovecotClient {
 public:
  struct Request {
    std::string mechanism;
    std::string client_address, server_address;  // "192.0.2.1", "2001:db8::1"
    std::uint16_t client_port = 0, server_port = 0;
    std::optional<std::string> initial;  // base64
    std::uint32_t process = 1;           // our process id, which Dovecot wants to be unique among its clients
  };
  enum class State : std::uint8_t {
    handshake,  // Dovecot introduces itself
    waiting,    // for its word about our request
    challenge,  // answer challenge() with respond(), or give up
    passed,     // login() is the user, as Dovecot names it
    refused,    // temporary(): not because of the password
    broken,     // problem() says why
  };

  explicit DovecotClient(Request request);
  // Any octets, in any split.
  void receive(std::string_view bytes);
  void respond(std::string_view base64);
  [[nodiscard]] std::string& output() { return output_; }  // to be written, then clear()
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::string& challenge() const { return challenge_; }  // base64
  [[nodiscard]] const std::string& login() const { return login_; }
  [[nodiscard]] bool temporary() const { return temporary_; }
  [[nodiscard]] std::string_view problem() const { return problem_; }

 private:
  void line(std::string_view text);
  void send_request();
  void broken(std::string_view problem);

  Request request_;
  State state_ = State::handshake;
  std::string output_, buffer_, challenge_, login_;
  std::size_t handshake_octets_ = 0;
  bool version_seen_ = false;
  bool last_word_ = false;  // a challenge that came with the success: its answer ends the exchange
  bool temporary_ = false;
  std::string_view problem_;
};

}  // namespace postern::sasl
