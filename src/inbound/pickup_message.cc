#include "inbound/pickup_message.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "inbound/demands.h"
#include "message/submission.h"
#include "smtp/address.h"

namespace postern::inbound {

namespace {

Result<smtp::Mailbox> complete(const Settings& settings, std::string_view address) {
  return complete_address(address, pickup_domain(settings));
}

// A display name as a quoted string (RFC 5322 3.2.4)
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

void add_recipient(spool::Envelope& envelope, spool::Recipient recipient) {
  const auto same = std::ranges::find(envelope.recipients, recipient.forward_path, &spool::Recipient::forward_path);
  if (same == envelope.recipients.end()) envelope.recipients.push_back(std::move(recipient));
}

}  // namespace

const std::string& pickup_domain(const Settings& settings) {
  return settings.submission.domain.empty() ? settings.hostname : settings.submission.domain;
}

MendedHeader mend_pickup_header(const PickupContext& context, const PickupHead& pickup, Head& head,
                                std::uint64_t header_octets) {
  const Settings& settings = context.settings;
  const std::string& authserv = settings.authserv_id.empty() ? settings.hostname : settings.authserv_id;
  const Head::Parted parted = head.part(header_octets, authserv, /*submitted=*/true);
  std::string out = "Received: by " + settings.hostname + " (Postern, from uid " + std::to_string(context.owner) +
                    ")\r\n\tid " + context.id.text() + ";\r\n\t" + rfc5322_date(context.now) + "\r\n";
  out += message::missing_fields(parted.header, context.now, context.id, settings.hostname);
  if (parted.header.count("From") == 0 && !pickup.reverse_path.empty()) {
    const auto sender = complete(settings, pickup.reverse_path);
    if (sender) {
      out += pickup.full_name.empty() ? "From: " + sender->text()
                                      : "From: " + quoted(pickup.full_name) + " <" + sender->text() + ">";
      out += "\r\n";
    }
  }
  const auto& fields = parted.header.fields();
  // A message that begins with its body: what looks like none of a header stays below an empty line
  if (fields.empty() && !parted.kept.starts_with("\r\n")) out += "\r\n";
  out += parted.kept;
  out += parted.body;
  return {.text = std::move(out), .tls_optional = says_tls_optional(parted.header)};
}

Result<spool::Envelope> make_pickup_envelope(const PickupContext& context, const PickupHead& pickup) {
  const Settings& settings = context.settings;
  spool::Envelope envelope;
  envelope.id = context.id;
  envelope.arrived = envelope.next_attempt = context.now;
  envelope.origin = spool::Origin::local;
  envelope.envid = pickup.envid;
  envelope.ret = pickup.ret;
  if (!pickup.reverse_path.empty()) {
    POSTERN_TRY(const smtp::Mailbox sender, complete(settings, pickup.reverse_path));
    envelope.reverse_path = sender.text();
    envelope.utf8 = sender.needs_utf8();
  }
  for (const std::string& written : pickup.recipients) {
    spool::Recipient recipient;
    recipient.notify = pickup.notify;
    const auto mailbox = complete(settings, written);
    if (!mailbox) {
      // One address that nobody can read must not cost the others their mail
      recipient.forward_path = written;
      add_recipient(envelope, std::move(recipient));
      continue;
    }
    envelope.utf8 = envelope.utf8 || mailbox->needs_utf8();
    const std::string original = mailbox->text();
    const directory::Resolution found = settings.directory->resolve(*mailbox, context.now);
    recipient.forward_path = original;
    if (found.targets.empty()) {
      add_recipient(envelope, std::move(recipient));
      continue;
    }
    for (const directory::Target& target : found.targets) {
      spool::Recipient one = recipient;
      one.forward_path = target.mailbox.text();
      if (one.forward_path != original) one.original = original;
      add_recipient(envelope, std::move(one));
    }
  }
  if (envelope.recipients.size() > spool::Envelope::kRecipientsMax)
    return fail(ErrorKind::invalid, "has recipients who expand to too many mailboxes");
  return envelope;
}

void refuse_all(spool::Envelope& envelope, std::string_view reply) {
  for (spool::Recipient& recipient : envelope.recipients) recipient.last_reply = reply;
}

}  // namespace postern::inbound
