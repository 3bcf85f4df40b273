#include "message/trace.h"

#include "base/text.h"

namespace postern::message {

namespace {

// What the client said in HELO goes into a structured field, so only what cannot break its syntax is kept: letters,
// digits, dots, hyphens, underscores and the octets of an address literal. Others become '?'.
std::string safe_helo(std::string_view helo, bool utf8) {
  if (helo.empty()) return "unknown";
  std::string out;
  for (const char c : helo.substr(0, 255)) {
    const bool plain =
        is_alpha(c) || is_digit(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
    const bool wide = utf8 && static_cast<unsigned char>(c) >= 0x80;
    out.push_back(plain || wide ? c : '?');
  }
  if (utf8 && !is_utf8(out)) return safe_helo(helo, false);
  return out;
}

}  // namespace

std::string_view with_protocol(const ReceivedInfo& info) {
  if (info.lmtp) return info.tls ? (info.authenticated ? "LMTPSA" : "LMTPS") : (info.authenticated ? "LMTPA" : "LMTP");
  if (info.utf8) {
    if (info.tls) return info.authenticated ? "UTF8SMTPSA" : "UTF8SMTPS";
    return info.authenticated ? "UTF8SMTPA" : "UTF8SMTP";
  }
  if (!info.extended) return "SMTP";
  if (info.tls) return info.authenticated ? "ESMTPSA" : "ESMTPS";
  return info.authenticated ? "ESMTPA" : "ESMTP";
}

std::string received_field(const ReceivedInfo& info) {
  std::string out;
  out.reserve(384);
  // RFC 5321 4.4: FROM carries the HELO name and, in the comment, the address it came from
  out += "Received: ";
  if (!info.hide_client) {
    out += "from ";
    out += safe_helo(info.helo, info.utf8);
    out += " ([";
    out += info.client.smtp_literal();
    out += "])\r\n\t";
  }
  out += "by ";
  out += info.by;
  out += " with ";
  out += with_protocol(info);
  out += " id ";
  out += info.id.text();
  if (info.tls) {
    out += "\r\n\t(";
    out += info.tls_version;
    out += ' ';
    out += info.tls_cipher;
    out += ')';
  }
  if (!info.for_path.empty()) {
    out += "\r\n\tfor <";
    out += info.for_path;
    out += '>';
  }
  out += ";\r\n\t";
  out += rfc5322_date(info.time);
  out += "\r\n";
  return out;
}

}  // namespace postern::message
