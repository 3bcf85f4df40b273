#include "tlsrpt/mail.h"

#include "message/report_mail.h"

namespace postern::tlsrpt {

std::string report_mail(const MailOptions& options, std::string_view packed, std::string_view file,
                        std::string_view report_id) {
  return message::report_mail({.date = options.date,
                               .from = options.from,
                               .to = options.to,
                               .domain = options.domain,
                               .submitter = options.submitter,
                               .id = std::string(report_id),
                               .message_id = options.message_id,
                               .fields = {{"TLS-Report-Domain", options.domain},
                                          {"TLS-Report-Submitter", options.submitter},
                                          // RFC 8460 3: delivered despite what it tells of
                                          {"TLS-Required", "No"}},
                               .content_type = "multipart/report; report-type=\"tlsrpt\";",
                               .boundary = options.boundary,
                               .what = "This is an aggregate TLS report (RFC 8460) of ",
                               .about = "about mail to ",
                               .packed_type = "application/tlsrpt+gzip",
                               .file = std::string(file)},
                              packed);
}

}  // namespace postern::tlsrpt
