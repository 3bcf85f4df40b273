// A TLS report as a mail (RFC 8460 5.3). Not here: its DKIM signature, which the queue makes. Thread rule: pure
// function.
#pragma once

#include <string>

#include "tlsrpt/report.h"

namespace postern::tlsrpt {

struct MailOptions {
  std::string from;       // an address of ours
  std::string submitter;  // its domain
  std::string to;
  std::string domain;      // that the report is about
  std::string message_id;  // without its angle brackets
  std::string boundary;    // letters and digits, unlike anything in base64
  WallMs date = 0;
};

// The whole message, CRLF line ends, 7 bit. `packed` is the report as application/tlsrpt+gzip, `file` its name.
[[nodiscard]] std::string report_mail(const MailOptions& options, std::string_view packed, std::string_view file,
                                      std::string_view report_id);

}  // namespace postern::tlsrpt
