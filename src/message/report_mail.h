// The message in which a report goes to a program of others: a few words for who looks at it, and the report as a
// packed file (RFC 8460 5.3, RFC 9990). CRLF line ends, 7 bit. Thread rule: pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace postern::message {

struct ReportMail {
  WallMs date = 0;
  std::string from, to;                                          // addresses
  std::string domain, submitter, id;                             // of the report: about whom, by whom, its own
  std::string message_id;                                        // without its angle brackets
  std::vector<std::pair<std::string_view, std::string>> fields;  // further ones
  std::string_view content_type;                                 // "multipart/mixed;", up to the boundary
  std::string boundary;                                          // letters and digits, unlike anything in base64
  std::string_view what;                                         // "This is a DMARC aggregate report (RFC 9990) of "
  std::string_view about;                                        // "about mail to "
  std::string_view packed_type;                                  // "application/gzip"
  std::string file;                                              // the name of the packed file
};
[[nodiscard]] std::string report_mail(const ReportMail& mail, std::string_view packed);

}  // namespace postern::message
