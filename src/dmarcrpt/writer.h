// Our own aggregate report as XML and as a mail (RFC 9990 3.1, 3.5). Not here: counting (day.h), whom it may go to
// (dmarc/evaluate.h), the DKIM signature, which the queue makes. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "dmarcrpt/report.h"

namespace postern::dmarcrpt {

inline constexpr std::size_t kXmlMax = 10 << 20;  // octets of a report of ours; rows that do not fit are left out

struct Written {
  std::string xml;
  std::size_t rows = 0;  // that are in it: the first ones
};
// The schema of RFC 9990 A. What strangers chose is put into plain ASCII, words that the schema does not know become
// the nearest it does. Rows that are left out for `max` are told of in <error>.
[[nodiscard]] Written to_xml(const Report& report, std::size_t max = kXmlMax);

// 3.5.2: "mx.example.org!example.com!1013662812!1013749130!ID.xml.gz"
[[nodiscard]] std::string file_name(std::string_view submitter, const Report& report);

struct MailOptions {
  std::string from;       // an address of ours
  std::string submitter;  // its domain
  std::string to;
  std::string message_id;  // without its angle brackets
  std::string boundary;    // letters and digits, unlike anything in base64
  WallMs date = 0;
};
// The whole message, CRLF line ends, 7 bit. `packed` is the XML in gzip.
[[nodiscard]] std::string report_mail(const MailOptions& options, const Report& report, std::string_view packed);

}  // namespace postern::dmarcrpt
