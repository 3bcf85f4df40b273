// The message that `postern send` sends, and the reading of its options.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "base/id.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/send.h"
#include "ip/address.h"

namespace postern::cli {

namespace {

constexpr std::size_t kDataMax = 1ULL << 30;  // of a --data file; it is held in memory

std::string crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r') {
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
      out += "\r\n";
    } else if (c == '\n') {
      out += "\r\n";
    } else {
      out.push_back(c);
    }
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

Result<std::string> read_file(const std::string& name) {
  struct Closer {
    void operator()(std::FILE* file) const {
      if (file != stdin) std::fclose(file);
    }
  };
  const std::unique_ptr<std::FILE, Closer> file(name == "-" ? stdin : std::fopen(name.c_str(), "rb"));
  if (!file) return fail_errno(ErrorKind::invalid, "--data: opening " + name, errno);
  std::string text;
  std::string block(64 * 1024, '\0');
  while (const std::size_t n = std::fread(block.data(), 1, block.size(), file.get())) {
    text.append(block, 0, n);
    if (text.size() > kDataMax) return fail(ErrorKind::limit, "--data: " + name + " is larger than 1 GiB");
  }
  if (std::ferror(file.get()) != 0) return fail_errno(ErrorKind::invalid, "--data: reading " + name, errno);
  return text;
}

bool given(const SendOptions& options, std::string_view name) {
  for (const std::string& header : options.headers) {
    if (iequals(trim(std::string_view(header).substr(0, header.find(':'))), name)) return true;
  }
  return false;
}

}  // namespace

std::string send_usage_error(const SendOptions& options) {
  if (options.server.empty()) return "--server HOST:PORT is missing";
  if (const auto server = parse_host_port(options.server); !server) return server.error().what;
  if (options.ipv4_only && options.ipv6_only) return "-4 and -6 exclude each other";
  if (static_cast<int>(options.tls) + static_cast<int>(options.tls_optional) +
          static_cast<int>(options.tls_on_connect) >
      1) {
    return "only one of --tls, --tls-optional and --tls-on-connect may be given";
  }
  const std::string& stage = options.quit_after;
  if (!stage.empty() && stage != "connect" && stage != "helo" && stage != "mail" && stage != "rcpt" &&
      stage != "data") {
    return "--quit-after " + printable(stage, 40) + ": write connect, helo, mail, rcpt or data";
  }
  if (options.to.empty() && stage != "connect" && stage != "helo" && stage != "mail") return "--to ADDRESS is missing";
  if (options.count == 0) return "--count must be 1 or more";
  if (options.count > 1 && !stage.empty()) return "--count and --quit-after exclude each other";
  if (options.timeout_ms <= 0) return "--timeout must be longer than 0";
  if (!options.data.empty() && (options.has_body || !options.headers.empty() || options.size != 0)) {
    return "--data gives the whole message: --header, --body and --size cannot go with it";
  }
  if (options.size > kDataMax) return "--size may be 1 GiB at most";
  for (const std::string& header : options.headers) {
    if (header.find(':') == std::string::npos) return "--header " + printable(header, 60) + ": write \"Name: value\"";
  }
  return {};
}

Result<std::string> send_message_text(const SendOptions& options, std::uint32_t number) {
  if (!options.data.empty()) {
    POSTERN_TRY(const std::string text, read_file(options.data));
    return crlf(text);
  }
  const WallMs now = wall_now();
  const std::string id = Id::make(now).text();
  std::string text;
  const auto field = [&](std::string_view name, std::string_view value) {
    if (given(options, name)) return;
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  };
  field("Date", rfc5322_date(now));
  field("From", "<" + options.from + ">");
  std::string to;
  for (const std::string& address : options.to) {
    if (!to.empty()) to += ",\r\n ";  // RFC 5322 2.1.1: lines stay short
    to += "<" + address + ">";
  }
  field("To", to);
  field("Subject", "test " + rfc5322_date(now) + (options.count > 1 ? " number " + std::to_string(number + 1) : ""));
  field("Message-ID", "<" + id + "@postern-send.invalid>");
  for (const std::string& header : options.headers) text += crlf(header);
  text += "\r\n";
  text += options.has_body ? crlf(options.body) : "This is a test message from postern send.\r\n";
  constexpr std::string_view kFiller =
      "Filler up to the size asked for, in lines of seventy-eight octets: 0123456789ab\r\n";
  while (text.size() < options.size) {
    const std::uint64_t left = options.size - text.size();
    if (left >= kFiller.size() + 3) {
      text += kFiller;
    } else {
      // The last line or two, so that the size is met to the octet
      const std::uint64_t line = left > kFiller.size() ? left / 2 : std::max<std::uint64_t>(left, 2);
      text += std::string(line - 2, 'x') + "\r\n";
    }
  }
  return text;
}

Result<HostPort> parse_host_port(const std::string& text) {
  HostPort out;
  std::string_view rest = text;
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos)
      return fail(ErrorKind::invalid, "--server " + printable(text, 80) + " has no ']'");
    out.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) {
      return fail(ErrorKind::invalid, "--server " + printable(text, 80) + ": write [ADDRESS]:PORT");
    }
    port = rest.empty() ? rest : rest.substr(1);
    if (!rest.empty() && port.empty())
      return fail(ErrorKind::invalid, "--server " + printable(text, 80) + " has no port");
  } else if (ip::Address::parse(rest)) {
    out.host = rest;  // a bare address, also an IPv6 one with its colons
    return out;
  } else {
    const auto colon = rest.rfind(':');
    out.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) {
      port = rest.substr(colon + 1);
      if (port.empty()) return fail(ErrorKind::invalid, "--server " + printable(text, 80) + " has no port");
    }
    if (out.host.find(':') != std::string::npos) {
      return fail(ErrorKind::invalid,
                  "--server " + printable(text, 80) + ": an IPv6 address with a port is written [ADDRESS]:PORT");
    }
  }
  if (out.host.empty()) return fail(ErrorKind::invalid, "--server " + printable(text, 80) + " names no host");
  if (!port.empty()) {
    const auto number = parse_unsigned(port, 65535);
    if (!number || *number == 0)
      return fail(ErrorKind::invalid, "--server " + printable(text, 80) + ": the port is 1 to 65535");
    out.port = static_cast<std::uint16_t>(*number);
  }
  return out;
}

}  // namespace postern::cli
