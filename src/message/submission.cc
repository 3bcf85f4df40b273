#include "message/submission.h"

#include "base/text.h"

namespace postern::message {

bool is_blind_copy(const Field& field) { return iequals(field.name, "Bcc") || iequals(field.name, "Resent-Bcc"); }

std::string missing_fields(const HeaderSection& header, WallMs now, const Id& id, std::string_view hostname) {
  std::string out;
  // RFC 6409 8.2 and 8.3
  if (header.count("Date") == 0) out += "Date: " + rfc5322_date(now) + "\r\n";
  if (header.count("Message-ID") == 0) {
    out += "Message-ID: <" + id.text() + "@";
    out += hostname;
    out += ">\r\n";
  }
  return out;
}

}  // namespace postern::message
