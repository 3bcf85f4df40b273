#include "load/options.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

namespace smtpload {
namespace {

constexpr char kUsage[] =
    "usage: smtpload [--mode send|reject|connect|hold] [--tls off|full|resumed] [--sessions N] [--concurrency N]\n"
    "                [--messages N] [--size OCTETS] [--from ADDRESS] [--to ADDRESS] [--limit SECONDS]\n"
    "                [--proxy ADDRESSES] [--domains N] HOST:PORT\n";

bool read_number(std::string_view text, long min, long max, long& out) {
  const auto [end, error] = std::from_chars(text.begin(), text.end(), out);
  return error == std::errc() && end == text.end() && out >= min && out <= max;
}

// "127.0.0.1:25" or "[::1]:25"; loopback only.
bool read_target(std::string_view text, Options& options) {
  const std::size_t colon = text.rfind(':');
  long port = 0;
  if (colon == std::string_view::npos || !read_number(text.substr(colon + 1), 1, 65535, port)) return false;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<std::uint16_t>(port));
    const std::string name(host.substr(1, host.size() - 2));
    if (inet_pton(AF_INET6, name.c_str(), &address.sin6_addr) != 1) return false;
    if (!IN6_IS_ADDR_LOOPBACK(&address.sin6_addr)) return false;
    std::memcpy(&options.target, &address, sizeof address);
    options.target_size = sizeof address;
    return true;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (inet_pton(AF_INET, std::string(host).c_str(), &address.sin_addr) != 1) return false;
  if ((ntohl(address.sin_addr.s_addr) >> 24) != 127) return false;
  std::memcpy(&options.target, &address, sizeof address);
  options.target_size = sizeof address;
  return true;
}

bool read_mode(std::string_view text, Mode& mode) {
  if (text == "send")
    mode = Mode::send;
  else if (text == "reject")
    mode = Mode::reject;
  else if (text == "connect")
    mode = Mode::connect;
  else if (text == "hold")
    mode = Mode::hold;
  else
    return false;
  return true;
}

bool read_tls(std::string_view text, Tls& tls) {
  if (text == "off")
    tls = Tls::off;
  else if (text == "full")
    tls = Tls::full;
  else if (text == "resumed")
    tls = Tls::resumed;
  else
    return false;
  return true;
}

bool read_option(std::string_view name, std::string_view value, Options& options) {
  long number = 0;
  if (name == "--mode") return read_mode(value, options.mode);
  if (name == "--tls") return read_tls(value, options.tls);
  if (name == "--sessions") return read_number(value, 1, 100'000'000, options.sessions);
  if (name == "--concurrency") return read_number(value, 1, 60'000, options.concurrency);
  if (name == "--messages") return read_number(value, 1, 1'000'000, options.messages);
  if (name == "--proxy") return read_number(value, 1, 1L << 32, options.proxy);
  if (name == "--domains") return read_number(value, 1, 1'000'000, options.domains);
  if (name == "--from") return options.from = value, true;
  if (name == "--to") return options.to = value, true;
  if (name == "--size") {
    if (!read_number(value, 0, 64 << 20, number)) return false;
    options.size = static_cast<std::size_t>(number);
    return true;
  }
  if (name == "--limit") {
    if (!read_number(value, 1, 86'400, number)) return false;
    options.limit_seconds = static_cast<double>(number);
    return true;
  }
  return false;
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word.starts_with("--")) {
      if (i + 1 < arguments.size() && read_option(word, arguments[i + 1], options)) {
        ++i;
        continue;
      }
      std::fprintf(stderr, "smtpload: %s: no such option, or a value out of range\n%s", arguments[i], kUsage);
      return std::nullopt;
    }
    if (!read_target(word, options)) {
      std::fprintf(stderr, "smtpload: %s: need a numeric loopback address and a port, 127.0.0.1:2525 or [::1]:2525\n",
                   arguments[i]);
      return std::nullopt;
    }
  }
  if (options.target_size == 0) {
    std::fprintf(stderr, "smtpload: no target\n%s", kUsage);
    return std::nullopt;
  }
  if (options.mode == Mode::hold) options.sessions = options.concurrency;
  return options;
}

}  // namespace smtpload
