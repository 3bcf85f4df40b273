// SYNs and ClientHellos, made up octet by octet; and facts from a signature.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "fingerprint/syn.h"

namespace postern::fingerprint::test {

inline std::string be(std::uint64_t value, int octets) {
  std::string out;
  for (int i = octets - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}
inline std::string vector(int width, const std::string& content) { return be(content.size(), width) + content; }

// TCP options as they come on the wire.
inline std::string mss(unsigned value = 1460) { return std::string("\x02\x04", 2) + be(value, 2); }
inline std::string sack_permitted() { return std::string("\x04\x02", 2); }
inline std::string timestamps(std::uint32_t own = 12345, std::uint32_t peer = 0) {
  return std::string("\x08\x0a", 2) + be(own, 4) + be(peer, 4);
}
inline std::string nop(std::size_t count = 1) { return std::string(count, '\1'); }
inline std::string scale(unsigned shift) { return std::string("\x03\x03", 2) + be(shift, 1); }
inline std::string linux_options() { return mss() + sack_permitted() + timestamps() + nop() + scale(7); }

struct Tcp {
  std::string options = linux_options();
  unsigned window = 64240;
  unsigned flags = 0x02;
  unsigned reserved = 0;  // the four bits behind the data offset
  std::uint32_t sequence = 0x01020304;
  std::uint32_t acknowledgement = 0;
  unsigned urgent = 0;
  int offset = -1;  // in words; computed
  [[nodiscard]] std::string text() const {
    const unsigned words = offset >= 0 ? static_cast<unsigned>(offset) : 5 + static_cast<unsigned>(options.size() / 4);
    return be(40000, 2) + be(25, 2) + be(sequence, 4) + be(acknowledgement, 4) + be(words << 4U | reserved, 1) +
           be(flags, 1) + be(window, 2) + be(0, 2) + be(urgent, 2) + options;
  }
};

struct Ipv4 {
  unsigned ttl = 64;
  unsigned tos = 0;
  unsigned id = 1;
  unsigned fragment = 0x4000;  // df
  unsigned protocol = 6;
  std::string options;
  int total = -1;
  [[nodiscard]] std::string text(const std::string& tcp) const {
    const std::size_t length = 20 + options.size() + tcp.size();
    return be(0x40 | (5 + options.size() / 4), 1) + be(tos, 1) +
           be(total >= 0 ? static_cast<unsigned>(total) : length, 2) + be(id, 2) + be(fragment, 2) + be(ttl, 1) +
           be(protocol, 1) + be(0, 2) + be(0xC0000201, 4) + be(0xC6336402, 4) + options + tcp;
  }
};

struct Ipv6 {
  unsigned hops = 64;
  unsigned traffic_class = 0;
  std::uint32_t flow = 0;
  unsigned next = 6;
  std::string extensions;
  int payload = -1;
  [[nodiscard]] std::string text(const std::string& tcp) const {
    const std::size_t length = extensions.size() + tcp.size();
    return be(6U << 28U | traffic_class << 20U | flow, 4) +
           be(payload >= 0 ? static_cast<unsigned>(payload) : length, 2) + be(next, 1) + be(hops, 1) +
           std::string(32, '\x20') + extensions + tcp;
  }
};

inline std::string signature_of(const std::string& saved) {
  const auto syn = parse_syn(saved);
  return syn ? signature(*syn) : syn.error().what;
}

// Facts that have this signature. The window is a number or mss*N.
inline SynFacts facts(std::string_view text) {
  const auto parts = split(text, ':');
  SynFacts out;
  if (parts.size() != 8) {
    ADD_FAILURE() << text;
    return out;
  }
  const auto number = [&](std::string_view digits) {
    const auto value = parse_unsigned(digits, 65535);
    if (!value) ADD_FAILURE() << text;
    return value.value_or(0);
  };
  out.family = parts[0] == "6" ? ip::Family::v6 : ip::Family::v4;
  out.ttl = static_cast<std::uint8_t>(number(parts[1].substr(0, parts[1].find('+'))));
  out.ip_options_length = static_cast<std::uint16_t>(number(parts[2]));
  out.mss = static_cast<std::uint16_t>(number(parts[3]));
  const auto window = split(parts[4], ',');
  out.window = static_cast<std::uint16_t>(window[0].starts_with("mss*") ? number(window[0].substr(4)) * out.mss
                                                                        : number(window[0]));
  out.window_scale = static_cast<std::uint8_t>(number(window[1]));
  const auto layout = OptionLayout::parse(parts[5]);
  EXPECT_TRUE(layout.has_value()) << text;
  if (layout) out.options = *layout;
  if (!parts[6].empty()) {
    for (const auto name : split(parts[6], ',')) {
      const auto quirk = Quirks::parse(name);
      EXPECT_TRUE(quirk.has_value()) << text;
      if (quirk) out.quirks.set(*quirk);
    }
  }
  out.payload = parts[7] == "+";
  return out;
}

// A ClientHello message.
struct Hello {
  unsigned version = 0x0303;
  std::vector<unsigned> ciphers = {0x1301};
  std::string session_id = std::string(32, 's');
  std::vector<std::pair<unsigned, std::string>> extensions;
  bool with_extensions = true;
  [[nodiscard]] std::string text() const {
    std::string list;
    for (const unsigned cipher : ciphers) list += be(cipher, 2);
    std::string body = be(version, 2) + std::string(32, 'r') + vector(1, session_id) + vector(2, list) +
                       vector(1, std::string(1, '\0'));
    std::string all;
    for (const auto& [type, content] : extensions) all += be(type, 2) + vector(2, content);
    if (with_extensions) body += vector(2, all);
    return "\1" + vector(3, body);
  }
};
inline std::string numbers(int width, const std::vector<unsigned>& values) {
  std::string list;
  for (const unsigned value : values) list += be(value, 2);
  return vector(width, list);
}
inline std::string alpn(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += vector(1, name);
  return vector(2, list);
}
inline std::string server_name(const std::string& name) { return vector(2, std::string(1, '\0') + vector(2, name)); }

}  // namespace postern::fingerprint::test
