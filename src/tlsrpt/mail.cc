#include "tlsrpt/mail.h"

#include "base/base64_lines.h"
#include "base/text.h"

namespace postern::tlsrpt {

std::string report_mail(const MailOptions& options, std::string_view packed, std::string_view file,
                        std::string_view report_id) {
  std::string out;
  const auto field = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  field("Date", rfc5322_date(options.date));
  field("From", "<" + options.from + ">");
  field("To", "<" + options.to + ">");
  field("Subject", "Report Domain: " + options.domain + "\r\n Submitter: " + options.submitter + "\r\n Report-ID: <" +
                       std::string(report_id) + ">");
  field("Message-ID", "<" + options.message_id + ">");
  field("TLS-Report-Domain", options.domain);
  field("TLS-Report-Submitter", options.submitter);
  field("TLS-Required", "No");  // RFC 8460 3: delivered despite what it tells of
  field("Auto-Submitted", "auto-generated");
  field("MIME-Version", "1.0");
  field("Content-Type", "multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"" + options.boundary + "\"");
  out += "\r\n--" + options.boundary + "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n";
  out += "This is an aggregate TLS report (RFC 8460) of " + options.submitter + "\r\nabout mail to " + options.domain +
         ".\r\n";
  out += "\r\n--" + options.boundary + "\r\nContent-Type: application/tlsrpt+gzip\r\n";
  out += "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename=\"" + std::string(file) +
         "\"\r\n\r\n";
  append_base64_lines(out, packed);
  out += "--" + options.boundary + "--\r\n";
  return out;
}

}  // namespace postern::tlsrpt
