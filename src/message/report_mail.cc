#include "message/report_mail.h"

#include "base/base64_lines.h"

namespace postern::message {

std::string report_mail(const ReportMail& mail, std::string_view packed) {
  std::string out;
  const auto field = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  field("Date", rfc5322_date(mail.date));
  field("From", "<" + mail.from + ">");
  field("To", "<" + mail.to + ">");
  field("Subject",
        "Report Domain: " + mail.domain + "\r\n Submitter: " + mail.submitter + "\r\n Report-ID: <" + mail.id + ">");
  field("Message-ID", "<" + mail.message_id + ">");
  for (const auto& [name, value] : mail.fields) field(name, value);
  field("Auto-Submitted", "auto-generated");
  field("MIME-Version", "1.0");
  field("Content-Type", std::string(mail.content_type) + "\r\n boundary=\"" + mail.boundary + "\"");
  out += "\r\n--" + mail.boundary + "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n";
  out.append(mail.what).append(mail.submitter).append("\r\n").append(mail.about).append(mail.domain).append(".\r\n");
  out.append("\r\n--").append(mail.boundary).append("\r\nContent-Type: ").append(mail.packed_type).append("\r\n");
  out += "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename=\"" + mail.file +
         "\"\r\n\r\n";
  append_base64_lines(out, packed);
  out += "--" + mail.boundary + "--\r\n";
  return out;
}

}  // namespace postern::message
