#include "sasl/dovecot.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "sasl/scram.h"

namespace postern::sasl {

namespace {

// \001 stands before an escaped octet: 0 for NUL, 1 for itself, t, r, n.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\001' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case '0':
        out += '\0';
        break;
      case '1':
        out += '\001';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      default:
        out += text[i];
    }
  }
  return out;
}

std::optional<std::string_view> parameter(const std::vector<std::string_view>& words, std::string_view name) {
  for (const std::string_view word : words) {
    if (word.starts_with(name) && word.size() > name.size() && word[name.size()] == '=')
      return word.substr(name.size() + 1);
  }
  return std::nullopt;
}

bool is_base64(std::string_view text) { return from_base64(text).has_value(); }

constexpr std::string_view kId = "1";  // the one request of this connection

}  // namespace

DovecotClient::DovecotClient(Request request) : request_(std::move(request)) {
  output_ = "VERSION\t1\t1\nCPID\t" + std::to_string(request_.process) + "\n";
}

void DovecotClient::broken(std::string_view problem) {
  state_ = State::broken;
  problem_ = problem;
  std::string().swap(buffer_);
}

void DovecotClient::receive(std::string_view bytes) {
  if (state_ == State::handshake) {
    handshake_octets_ += bytes.size();
    if (handshake_octets_ > kDovecotHandshakeMax) return broken("its introduction does not end");
  }
  while (!bytes.empty() && state_ != State::broken) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (buffer_.size() + part.size() > kDovecotLineMax) return broken("a line is too long");
    buffer_ += part;
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    const std::string whole = std::exchange(buffer_, {});
    line(whole);
  }
}

void DovecotClient::line(std::string_view text) {
  const auto words = split(text, '\t');
  const std::string_view verb = words[0];
  if (state_ == State::handshake) {
    if (verb == "VERSION") {
      version_seen_ = words.size() > 1 && words[1] == "1";
      if (!version_seen_) broken("it speaks another version of the protocol");
    } else if (verb == "DONE") {
      if (!version_seen_) return broken("it did not say which version it speaks");
      send_request();
    }
    return;  // MECH, SPID, CUID, COOKIE and what later versions have
  }
  if (words.size() < 2 || words[1] != kId) return;
  if (verb == "CONT" || verb == "OK" || verb == "FAIL") {
    if (state_ != State::waiting) return broken("it speaks out of turn");
  }
  if (verb == "CONT") {
    if (words.size() < 3 || !is_base64(words[2])) return broken("its challenge is no base64");
    challenge_ = words[2];
    state_ = State::challenge;
  } else if (verb == "OK") {
    const auto user = parameter(words, "user");
    if (!user || user->empty() || user->size() > kNameMax) return broken("it lets somebody in without saying whom");
    login_ = unescaped(*user);
    const auto last = parameter(words, "resp");
    if (last && !last->empty()) {
      if (!is_base64(*last)) return broken("its last word is no base64");
      challenge_ = *last;
      last_word_ = true;
      state_ = State::challenge;
    } else {
      state_ = State::passed;
    }
  } else if (verb == "FAIL") {
    temporary_ = std::ranges::any_of(words, [](std::string_view word) { return word == "temp"; });
    state_ = State::refused;
  }
}

void DovecotClient::send_request() {
  output_ += "AUTH\t";
  output_ += kId;
  output_ += "\t" + request_.mechanism + "\tservice=smtp\tsecured\tlip=" + request_.server_address +
             "\trip=" + request_.client_address + "\tlport=" + std::to_string(request_.server_port) +
             "\trport=" + std::to_string(request_.client_port);
  // The last parameter, since all that follows belongs to it
  if (request_.initial) output_ += "\tresp=" + *request_.initial;
  output_ += '\n';
  state_ = State::waiting;
}

void DovecotClient::respond(std::string_view base64) {
  POSTERN_CHECK(state_ == State::challenge);
  if (last_word_) {
    // RFC 4954 has no room for it beside the success, so it went as a challenge, whose answer is empty
    state_ = base64.empty() ? State::passed : State::refused;
    return;
  }
  output_ += "CONT\t";
  output_ += kId;
  output_ += '\t';
  output_ += base64;
  output_ += '\n';
  state_ = State::waiting;
}

}  // namespace postern::sasl
