#include "message/dsn.h"

#include "base/text.h"
#include "message/header_section.h"
#include "smtp/dsn_address.h"

namespace postern::message {

namespace {

// What a stranger wrote into a line of ours: no line ends, and ASCII where the report is. No escapes, which would
// change what is escaped already.
std::string safe(std::string_view text, bool utf8, std::size_t max = 800) {
  text = utf8_head(text, max);
  const bool wide = utf8 && is_utf8(text);
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    out.push_back(octet < ' ' || octet == 0x7F || (octet > 0x7F && !wide) ? '?' : c);
  }
  return out;
}

// An address for people
std::string shown(std::string_view address, bool utf8) {
  if (utf8 || is_ascii(address) || !is_utf8(address)) return safe(address, utf8);
  return safe(smtp::to_unitext(address, true), false);
}

std::string typed(std::string_view address, bool utf8) {
  if (is_ascii(address)) return "rfc822;" + std::string(address);
  return smtp::report_address("utf-8;" + std::string(address), utf8);
}

struct Wording {
  std::string_view subject;
  std::string one, many;  // what happened
};

Wording wording(const DsnReport& report) {
  const DsnAction action = report.recipients.empty() ? DsnAction::failed : report.recipients.front().action;
  switch (action) {
    case DsnAction::failed:
      return {"Undeliverable: your message was not delivered",
              "Your message could not be delivered to this recipient, and will not be tried again:",
              "Your message could not be delivered to these recipients, and will not be tried again:"};
    case DsnAction::delayed:
      return {"Delayed: your message has not been delivered yet",
              "Your message has not been delivered to this recipient yet. You need not do anything: it will be tried "
              "again.",
              "Your message has not been delivered to these recipients yet. You need not do anything: it will be tried "
              "again."};
    case DsnAction::delivered:
      return {"Delivered: your message has arrived",
              "As you asked to be told: your message was delivered to this "
              "mailbox:",
              "As you asked to be told: your message was delivered to these mailboxes:"};
    case DsnAction::relayed:
      return {"Relayed: your message was passed on",
              "Your message was passed on to a server that sends no notifications. It may say nothing more about this "
              "recipient:",
              "Your message was passed on to servers that send no notifications. They may say nothing more about these "
              "recipients:"};
    case DsnAction::expanded:
      break;
  }
  return {"Expanded: your message was passed on to a list of addresses",
          "This address of ours stands for several, and your message was passed on to each of them. There will be no "
          "word of what becomes of it there:",
          "These addresses of ours stand for several each, and your message was passed on to them. There will be no "
          "word of what becomes of it there:"};
}

// At most 76 columns, broken at spaces; `indent` before each line.
void append_wrapped(std::string& out, std::string_view text, std::string_view indent) {
  std::size_t column = 0;
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    if (column > 0 && column + 1 + word.size() > 76) {
      out += "\r\n";
      column = 0;
    }
    if (column == 0) {
      out += indent;
      column = indent.size();
    } else {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  out += "\r\n";
}

std::string human_part(const DsnReport& report) {
  const Wording words = wording(report);
  const bool several = report.recipients.size() > 1;
  std::string out = "This is the mail server " + report.reporting_mta + ".\r\n\r\n";
  append_wrapped(out, several ? words.many : words.one, "");
  for (const DsnRecipient& recipient : report.recipients) {
    out += "\r\n  <" + shown(recipient.address, report.utf8) + ">\r\n";
    if (!recipient.written.empty()) out += "    (you wrote to <" + shown(recipient.written, report.utf8) + ">)\r\n";
    if (!recipient.diagnostic.empty()) {
      const std::string said =
          recipient.remote_mta.empty() ? std::string() : safe(recipient.remote_mta, report.utf8) + " said: ";
      append_wrapped(out, said + safe(recipient.diagnostic, report.utf8), "    ");
    }
    if (recipient.action == DsnAction::delayed && recipient.will_retry_until > 0)
      out += "    It will be tried until " + rfc5322_date(recipient.will_retry_until) + ".\r\n";
    if (recipient.action == DsnAction::failed)
      append_wrapped(out, "What to do: " + std::string(advice(recipient.status)), "    ");
  }
  out += "\r\n";
  std::string end = "The message came in on " + rfc5322_date(report.arrived) + " and is named " +
                    report.original.text() + " in our logs.";
  if (!report.help.empty())
    end += " Whoever writes to <" + safe(report.help, report.utf8) + "> about it should name that.";
  append_wrapped(out, end, "");
  return out;
}

std::string status_part(const DsnReport& report) {
  std::string out;
  // RFC 3464 2.2: about the message
  if (!report.envid.empty()) out += "Original-Envelope-Id: " + safe(report.envid, report.utf8) + "\r\n";
  out += "Reporting-MTA: dns;" + report.reporting_mta + "\r\n";
  if (report.arrived > 0) out += "Arrival-Date: " + rfc5322_date(report.arrived) + "\r\n";
  if (report.deliver_by > 0) out += "Deliver-By-Date: " + rfc5322_date(report.deliver_by) + "\r\n";  // RFC 2852 5
  if (report.held_until > 0) out += "Future-Release-Request: until;" + iso8601(report.held_until) + "\r\n";
  out += "X-Postern-Id: " + report.original.text() + "\r\n";
  for (const DsnRecipient& recipient : report.recipients) {
    out += "\r\n";
    if (!recipient.original.empty())
      out += "Original-Recipient: " + safe(smtp::report_address(recipient.original, report.utf8), report.utf8) + "\r\n";
    out += "Final-Recipient: " + safe(typed(recipient.address, report.utf8), report.utf8) + "\r\n";
    out += "Action: " + std::string(to_string(recipient.action)) + "\r\n";
    out += "Status: " + recipient.status + "\r\n";
    if (!recipient.remote_mta.empty()) out += "Remote-MTA: dns;" + safe(recipient.remote_mta, report.utf8) + "\r\n";
    if (!recipient.diagnostic.empty()) {
      // RFC 3464 2.3.6: the type says whose words they are
      out += std::string("Diagnostic-Code: ") + (recipient.remote_mta.empty() ? "x-postern" : "smtp") + ";" +
             safe(recipient.diagnostic, report.utf8) + "\r\n";
    }
    if (recipient.last_attempt > 0) out += "Last-Attempt-Date: " + rfc5322_date(recipient.last_attempt) + "\r\n";
    if (recipient.will_retry_until > 0) out += "Will-Retry-Until: " + rfc5322_date(recipient.will_retry_until) + "\r\n";
  }
  return out;
}

// The Message-ID of the original, where it is one that can stand in a field of ours.
std::string message_id(std::string_view returned) {
  const HeaderSection header{std::string(returned.substr(0, kDsnHeaderMax))};
  const auto fields = header.all("Message-ID");
  if (fields.size() != 1) return {};
  const std::string flat = unfolded(fields.front()->body);
  const std::string_view id = trim(flat);
  const bool good = id.size() > 2 && id.size() < 250 && id.front() == '<' && id.back() == '>' && is_ascii(id) &&
                    id.find_first_of(" \t\r\n") == std::string_view::npos && printable(id) == id;
  return good ? std::string(id) : std::string();
}

std::string_view encoding_of(std::string_view part) { return is_ascii(part) ? "7bit" : "8bit"; }

}  // namespace

std::string_view to_string(DsnAction action) {
  switch (action) {
    case DsnAction::failed:
      return "failed";
    case DsnAction::delayed:
      return "delayed";
    case DsnAction::delivered:
      return "delivered";
    case DsnAction::relayed:
      return "relayed";
    case DsnAction::expanded:
      break;
  }
  return "expanded";
}

std::string_view advice(std::string_view status) {
  const std::string_view rest = status.size() > 2 ? status.substr(2) : std::string_view();
  if (rest == "1.1" || rest == "1.2" || rest == "1.3" || rest == "1.6" || rest == "1.10")
    return "check the address for typing errors; if it is right, the mailbox is gone: ask the recipient by other "
           "means.";
  if (rest == "2.2") return "the mailbox is full; tell the recipient by other means, and send the message again later.";
  if (rest == "3.4" || rest == "2.3")
    return "the message is too large for the recipient's server; send less, or a link.";
  if (rest == "4.7")
    return "the server could not take it in time; send it again later, or tell the recipient by other means.";
  if (rest.starts_with("4."))
    return "the recipient's server cannot be reached for good; ask its postmaster by other means.";
  if (rest.starts_with("6."))
    return "the recipient's server cannot take what is in the message; send it in another form.";
  if (rest.starts_with("7.")) return "the recipient's server refuses the message; its reply above says why.";
  return "the reply above says why; if it does not help, ask the recipient's postmaster.";
}

std::string write_dsn(const DsnReport& report) {
  const std::string boundary = "=_" + report.id.text();
  const std::string human = human_part(report);
  const std::string status = status_part(report);
  const bool eight = !is_ascii(human) || !is_ascii(status) || !is_ascii(report.returned);
  const std::string id = message_id(report.returned);

  std::string out;
  out.reserve(2048 + human.size() + status.size() + report.returned.size());
  out += "Date: " + rfc5322_date(report.now) + "\r\n";
  out += "From: Mail delivery system <" + report.from + ">\r\n";
  out += "To: <" + report.to + ">\r\n";
  out += "Subject: " + std::string(wording(report).subject) + "\r\n";
  out += "Message-ID: <" + report.id.text() + "@" + report.reporting_mta + ">\r\n";
  if (!id.empty()) out += "In-Reply-To: " + id + "\r\nReferences: " + id + "\r\n";
  // RFC 3834 5: nobody answers this by machine
  out += "Auto-Submitted: auto-replied\r\n";
  out += "MIME-Version: 1.0\r\n";
  // RFC 6522 3
  out += "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"" + boundary + "\"\r\n";
  if (eight) out += "Content-Transfer-Encoding: 8bit\r\n";
  out += "\r\nThis is a delivery status notification (RFC 3464) in MIME format.\r\n";

  const auto part = [&](std::string_view type, std::string_view description, std::string_view body) {
    out += "\r\n--" + boundary + "\r\nContent-Type: " + std::string(type) +
           "\r\nContent-Description: " + std::string(description) +
           "\r\nContent-Transfer-Encoding: " + std::string(encoding_of(body)) + "\r\n\r\n";
    out += body;
    if (!body.ends_with("\r\n")) out += "\r\n";
  };
  part(is_ascii(human) ? "text/plain; charset=us-ascii" : "text/plain; charset=utf-8", "What happened", human);
  // RFC 6533 4.2 and 4.3: what may hold UTF-8 has types of its own
  part(report.utf8 ? "message/global-delivery-status" : "message/delivery-status", "For programs", status);
  const std::string_view whole = report.utf8 ? "message/global" : "message/rfc822";
  const std::string_view header = report.utf8 ? "message/global-headers" : "text/rfc822-headers";
  part(report.returned_whole ? whole : header, report.returned_whole ? "Your message" : "The header of your message",
       report.returned);
  out += "\r\n--" + boundary + "--\r\n";
  return out;
}

}  // namespace postern::message
