#include "web/reason_texts.h"

#include <array>

namespace postern::web {

namespace {

// clang-format off
constexpr std::array kTexts = {
    ReasonText{"too_many_sessions", "Too many connections at once", "Your server, or its network, had more connections open here than one sender may have.",
               "Nothing, as a rule: your server tries again. Let it keep fewer connections open to one host."},
    ReasonText{"drain", "The server was restarting", "Mail was not taken at that moment.", "Nothing: your server tries again by itself."},
    ReasonText{"timeout", "The connection was silent for too long", "No command came in time.", "Nothing, if it happened once. If it stays, look for a firewall that drops idle connections."},
    ReasonText{"data_timeout", "The message stopped arriving", "Your server began to send a message and did not go on.",
               "If it stays, look for a path MTU problem: ICMP \"packet too big\" must reach your server."},
    ReasonText{"session_timeout", "The session took too long", "A session may last for a limited time.", "Nothing: your server connects again and goes on."},
    ReasonText{"unknown_user", "This mailbox does not exist", "Nobody here has the address that was written to.", "Check the spelling of the address, and take it off lists where it is dead."},
    ReasonText{"relay_denied", "This server does not take mail for that domain", "The recipient's domain is not one of ours.",
               "Check the domain's MX records and your server's routing. Users of this server have to log in before they send."},
    ReasonText{"storage_full", "No room for mail", "The server's storage was full; its operator has been told.", "Nothing: your server tries again by itself."},
    ReasonText{"storage", "The storage failed", "The message could not be stored safely, so it was not taken.", "Nothing: your server tries again by itself."},
    ReasonText{"bytes_in_flight", "Too much mail at once", "The server was taking as much mail as it could.", "Nothing: your server tries again by itself."},
    ReasonText{"tls_unavailable", "Encryption was not available", "The server could not offer TLS at that moment.", "Nothing: your server tries again by itself."},
    ReasonText{"bare_carriage_return", "The message has a bare CR", "A carriage return that ends no line can smuggle a second message past filters (RFC 5321 2.3.8).",
               "Update the software that made the message: lines end with CR and LF together."},
    ReasonText{"bare_line_feed", "The message has a bare LF", "A line feed without a carriage return can smuggle a second message past filters (RFC 5321 2.3.8).",
               "Update the software that made the message: lines end with CR and LF together."},
    ReasonText{"nul", "The message has a NUL octet", "Mail is text; octets of zero are not allowed in it (RFC 5321 4.1.1.4).", "Send such content in base64, as mail programs do."},
    ReasonText{"line_too_long", "A line of the message is too long", "Lines of a message have at most 998 characters (RFC 5322 2.1.1); this server takes somewhat more.",
               "Encode the body in quoted-printable or base64."},
    ReasonText{"too_large", "The message is too large", "It is larger than the size that this server announces.", "Send a smaller message, or a link to the file."},
    ReasonText{"loop", "The message goes in circles", "It has passed so many servers that they must be sending it to each other.", "Look at its Received fields, and at forwarding and MX records on the way."},
    ReasonText{"header_too_large", "The header of the message is too large", "It has more or longer fields than this server takes.", "Send fewer or shorter header fields."},
    ReasonText{"too_many_recipients", "Too many recipients", "The message had more recipients than are taken at once.", "Nothing: your server sends to the rest in another transaction."},
    ReasonText{"other_next_hop", "The recipients are on different servers", "This recipient is answered by another server than those before.", "Nothing: your server sends to this recipient separately."},
    ReasonText{"next_hop", "The mailbox's own server refused the message", "The message was shown to the server behind this one, which did not take it.", "The text of the refusal has its reason."},
    ReasonText{"next_hop_silent", "The mailbox's own server did not answer", "The server behind this one gave no answer in time.", "Nothing: your server tries again by itself."},
    ReasonText{"hold_too_long", "Held for too long", "The message asked to be held longer than is offered.", "Ask for a shorter time."},
    ReasonText{"hold_beyond_by", "Held beyond its own deadline", "The message would have been held past the time by which it wants to be delivered.", "Ask for one of the two."},
    ReasonText{"srs_forged", "A return path that was not made here", "The address looks like one that this server made for forwarded mail, but it was not.", "Write to the sender himself."},
    ReasonText{"srs_expired", "A return path that has expired", "Return paths of forwarded mail are valid for three weeks.", "Write to the sender himself."},
    ReasonText{"login_failed", "The login failed", "User name and password did not match.", "Check both in your mail program. If you do not send through this server, nothing is wrong at your side."},
    ReasonText{"login_malformed", "The login could not be read", "What the client sent as its login is malformed.", "Update the mail program."},
    ReasonText{"login_unavailable", "Passwords could not be checked", "That was a trouble of this server.", "Try again in a minute."},
    ReasonText{"login_budget", "Too many failed logins", "Too much went wrong from your network of late.", "Correct the password in every device, and wait a while."},
    ReasonText{"sender_not_yours", "Not an address of your account", "Users may send as themselves.", "Choose your own address as the sender, or ask the operator for the other one."},
    ReasonText{"author_not_yours", "Not an address of your account", "From and Sender must name an address of the account.", "Choose your own address, or ask the operator for the other one."},
    ReasonText{"author_missing", "The message names no author", "It has no address in its From field.", "Put your address in the From field."},
    ReasonText{"author_twice", "Several From fields", "A message has one From field (RFC 5322 3.6).", "Update the software that made the message."},
    ReasonText{"author_malformed", "From or Sender cannot be read", "They are no list of addresses (RFC 5322 3.4).", "Update the software that made the message."},
    ReasonText{"user_messages", "Too many messages", "Your account has sent as much as it may for now.", "Wait, or ask the operator. If you did not send that much, change your password."},
    ReasonText{"user_recipients", "Too many new recipients", "Your account has written to as many new people as it may for now.", "Wait, or ask the operator. If it was not you, change your password."},
    ReasonText{"budget", "Your network has sent enough for now", "Each network may send so much here in a time; yours has used that up.", "Nothing: your server tries again by itself. If it stays, look for a machine in your network that sends what it should not."},
    ReasonText{"rule", "A rule of this server", "The operator of this server has set a rule that this mail met.", "Write to the postmaster, and give the id of this page."},
    ReasonText{"history", "Your server could not be recognised", "DNS did not tell at that moment who your server is.", "Nothing: your server tries again. If it stays, check that the name servers of your domain and of your addresses answer."},
    ReasonText{"greylisted", "Please try again", "This server asks senders whom it does not know yet to come again.", "Nothing: a mail server tries again by itself, and is let in. If your program does not, send through your provider's mail server."},
    ReasonText{"operator_deny", "Denied by the operator", "The operator of this server has denied your server or domain.", "Write to the postmaster, and give the id of this page."},
    ReasonText{"country", "Mail from there is not expected", "This server takes mail from the countries its users deal with.", "Write to the postmaster, who can let your server in."},
    ReasonText{"evidence_score", "What is known of your server speaks against it", "Several things together that a well-kept mail server has were missing or wrong.",
               "Set up what receivers look for: a reverse DNS name that points back, a HELO that is that name, SPF and DKIM for your domain, and TLS. Then write to the postmaster if it stays."},
    ReasonText{"evidence", "What is known of your server speaks against it", "Several things together that a well-kept mail server has were missing or wrong.",
               "Set up what receivers look for: a reverse DNS name that points back, a HELO that is that name, SPF and DKIM for your domain, and TLS. Then write to the postmaster if it stays."},
    ReasonText{"dmarc", "The author's domain does not vouch for this mail", "Neither SPF nor DKIM confirmed the domain in From, and that domain asks receivers to refuse such mail (DMARC, RFC 9989).",
               "Send through the domain's own servers, or let its owner publish SPF and DKIM for the server that you use. Forwarders should keep the message unchanged."},
    ReasonText{"reverse_dns", "No reverse DNS name", "Your server's address has no name that points back to it.", "Ask whoever gives you the address for a PTR record, and publish an address record for its name."},
    ReasonText{"protocol", "Your client does not speak SMTP as mail servers do", "It did not wait for its turn (RFC 5321 4.3.1).", "Send through a mail server, not directly from a program or a device."},
    ReasonText{"forged_helo", "A HELO that claims to be this server", "Your server greeted with our name.", "Let it greet with its own name."},
    ReasonText{"list", "Your server is on a DNS list", "A list of senders names your address; the refusal says which.", "Ask that list to take the address off, once the cause is mended."},
    ReasonText{"tls_required", "Encryption is required", "Mail is taken here after STARTTLS alone.", "Let your server use TLS when it sends."},
    ReasonText{"authentication_required", "A login is required", "This mail is taken from users who have logged in.", "Set up your mail program with user name and password."},
    ReasonText{"trap", "Your server sends to addresses that never asked for mail", "It wrote to an address that nobody has ever used.", "Find out where your list of addresses comes from, and write only to people who asked for it."},
    ReasonText{"other_policy", "The recipients have different rules", "This recipient's mail is judged by other rules than that of those before.", "Nothing: your server sends to this recipient separately."},
    // Faults of a session as a whole
    ReasonText{"too_many_errors", "Too many errors", "The session had too many faulty commands.", "Update or mend the sending software."},
    ReasonText{"too_many_commands", "Too many commands", "A session may have a limited number of commands.", "Nothing: your server connects again."},
    ReasonText{"too_many_empty_commands", "Too many commands without mail", "The session went on without sending mail.", "Connect when there is mail."},
    ReasonText{"too_many_transactions", "Too many messages in one session", "A session may bring a limited number of messages.", "Nothing: your server connects again."},
    ReasonText{"too_many_refused_recipients", "Too many addresses that do not exist", "Too many recipients of one session were refused.", "Take dead addresses off your lists."},
    ReasonText{"endless_line", "A command that does not end", "Commands end with CRLF.", "Mend the sending software."},
    ReasonText{"chunk_size_overflow", "A chunk of impossible size", "The size of a BDAT chunk was no number.", "Mend the sending software."},
    ReasonText{"speaks_http", "This is a mail server", "The client spoke HTTP.", "Connect to another port."},
    ReasonText{"speaks_tls", "TLS begins with STARTTLS here", "The client began with a TLS handshake.", "Use STARTTLS on this port."},
};
// clang-format on

constexpr ReasonText kUnknown{"", "This mail was not taken", "The text of the refusal says why.",
                              "Do what the refusal says, or write to the postmaster with the id of this page."};

}  // namespace

std::span<const ReasonText> reason_texts() { return kTexts; }

const ReasonText& reason_text(std::string_view word) {
  for (const ReasonText& text : kTexts)
    if (text.word == word) return text;
  return kUnknown;
}

}  // namespace postern::web
