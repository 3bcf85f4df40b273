// A hostile server: its octets are the input, in pieces of any size. Whatever it says, the client stays whole and what
// it sends is well-formed: CRLF lines, no bare CR or LF, commands of its own only, and the message's text dot-stuffed.
#include <cstdint>
#include <string>
#include <string_view>

#include "smtp/client_machine.h"

using namespace postern;
using State = smtp::ClientMachine::State;

namespace {

// Of a strict message, which goes unchanged or not at all.
constexpr std::string_view kClean = "A: b\r\n\r\n.dot\r\n.\r\nQUIT\r\n";
constexpr std::string_view kBody = "A: b\r\n\r\n.dot\r\n.\r\nQUIT\r\n\n.\nbare\rend.";

void check_lines(std::string_view wire) {
  bool in_text = false;
  while (!wire.empty()) {
    const auto end = wire.find("\r\n");
    POSTERN_CHECK(end != std::string_view::npos);
    const std::string_view line = wire.substr(0, end);
    wire.remove_prefix(end + 2);
    POSTERN_CHECK(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    if (line.starts_with("BDAT ")) {
      POSTERN_CHECK(line == "BDAT " + std::to_string(kClean.size()) + " LAST" && wire.starts_with(kClean));
      wire.remove_prefix(kClean.size());
      continue;
    }
    if (line == "A: b") in_text = true;
    if (!in_text) {
      const std::string_view verb = line.substr(0, line.find(' '));
      POSTERN_CHECK(verb == "EHLO" || verb == "HELO" || verb == "LHLO" || verb == "MAIL" || verb == "RCPT" ||
                    verb == "DATA" || verb == "RSET" || verb == "QUIT" || verb == "STARTTLS" || verb == ".");
    } else if (line == ".") {
      in_text = false;
    } else {
      POSTERN_CHECK(!line.starts_with('.') || line.starts_with(".."));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string input(data, data + size);
  const auto flags = static_cast<unsigned char>(input[0]);
  const std::size_t step = 1 + static_cast<unsigned char>(input[1]) % 64;
  std::string_view rest = std::string_view(input).substr(2);
  smtp::ClientMachine machine((flags & 1U) != 0 ? smtp::ClientDialect::lmtp : smtp::ClientDialect::smtp,
                              "fuzz.example");
  if ((flags & 2U) != 0) machine.forgo_pipelining();
  smtp::ClientMessage message;
  message.reverse_path = "s@example.org";
  message.forward_paths = {"a@example.org", "b@example.org\r\nRSET", "c@example.org"};
  message.strict = (flags & 16U) != 0;
  const std::string_view body = message.strict ? kClean : kBody;
  message.size = body.size();
  message.require_tls = (flags & 32U) != 0;
  message.parameters = {{"NEVER", "rfc822;a"}, {"x y", ""}, {"", "rfc822;c\r\nRSET"}};
  message.envid = "id>\r\nDATA";
  message.ret = "HDRS";
  message.eight_bit = (flags & 4U) != 0;
  bool want_tls = (flags & 8U) != 0;
  std::string wire;
  int messages = 0;
  bool alive = true;
  while (alive) {
    wire += machine.output();
    machine.output().clear();
    switch (machine.state()) {
      case State::ready:
        if (want_tls && machine.offer().starttls) {
          want_tls = false;
          machine.starttls();
          continue;
        }
        if (messages++ < 3) {
          const bool sent = machine.send_message(message).has_value();
          POSTERN_CHECK(machine.results().size() == 3);
          POSTERN_CHECK(!machine.results()[1].positive());
          if (!sent) messages = 3;
          continue;
        }
        machine.quit();
        continue;
      case State::tls:
        if (rest.empty()) break;
        POSTERN_CHECK(machine.tls_started().has_value());
        continue;
      case State::body:
        for (std::size_t at = 0; at < body.size(); at += step) machine.body(body.substr(at, step));
        machine.end_body();
        continue;
      default:
        break;
    }
    if (rest.empty() || machine.state() == State::closed) break;
    const std::string_view piece = rest.substr(0, step);
    rest.remove_prefix(piece.size());
    alive = machine.receive(piece).has_value();
  }
  wire += machine.output();
  check_lines(wire);
  for (const smtp::Reply& reply : machine.results()) POSTERN_CHECK(reply.code >= 200 && reply.code <= 599);
  return 0;
}
