#include "message/report_mail.h"

#include <gtest/gtest.h>

namespace postern::message {
namespace {

TEST(ReportMail, IsThisMessage) {
  const ReportMail mail{.date = 1'795'392'000'000,
                        .from = "reports@mx.example.org",
                        .to = "tls@example.net",
                        .domain = "example.net",
                        .submitter = "mx.example.org",
                        .id = "2026-11-22T00",
                        .message_id = "a.b@mx.example.org",
                        .fields = {{"TLS-Required", "No"}},
                        .content_type = "multipart/mixed;",
                        .boundary = "xyz",
                        .what = "This is a report of ",
                        .about = "about mail to ",
                        .packed_type = "application/gzip",
                        .file = "report.gz"};
  EXPECT_EQ(report_mail(mail, "packed"),
            "Date: Mon, 23 Nov 2026 00:00:00 +0000\r\n"
            "From: <reports@mx.example.org>\r\n"
            "To: <tls@example.net>\r\n"
            "Subject: Report Domain: example.net\r\n"
            " Submitter: mx.example.org\r\n"
            " Report-ID: <2026-11-22T00>\r\n"
            "Message-ID: <a.b@mx.example.org>\r\n"
            "TLS-Required: No\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed;\r\n"
            " boundary=\"xyz\"\r\n"
            "\r\n"
            "--xyz\r\n"
            "Content-Type: text/plain; charset=us-ascii\r\n"
            "\r\n"
            "This is a report of mx.example.org\r\n"
            "about mail to example.net.\r\n"
            "\r\n"
            "--xyz\r\n"
            "Content-Type: application/gzip\r\n"
            "Content-Transfer-Encoding: base64\r\n"
            "Content-Disposition: attachment;\r\n"
            " filename=\"report.gz\"\r\n"
            "\r\n"
            "cGFja2Vk\r\n"
            "--xyz--\r\n");
}

}  // namespace
}  // namespace postern::message
