// What an operator may write, and one line of the file.
#include <algorithm>
#include <utility>

#include "access/operator_list.h"
#include "base/text.h"
#include "smtp/address.h"

namespace postern::access {

namespace {

using evidence::value::Operator;

constexpr std::size_t kSubjectMax = 320;  // octets: a mailbox at its limits

std::string quoted(std::string_view text) { return "\"" + printable(text, 80) + "\""; }

Result<Entry> parse_client(std::string_view text) {
  POSTERN_TRY(const ip::Prefix prefix, ip::Prefix::parse(text));
  return Entry{.kind = Kind::prefix, .subject = prefix.text()};
}

Result<Entry> parse_sender(std::string_view text) {
  const auto mailbox = smtp::parse_mailbox(text, true);
  if (!mailbox || mailbox->domain.empty()) {
    return fail(ErrorKind::invalid, quoted(text) + " is no address of a sender" +
                                        (mailbox ? "" : ": " + mailbox.error().what) +
                                        "; write it like bob@example.org");
  }
  // The local part too: an operator who writes an address means all its spellings.
  return Entry{.kind = Kind::address, .subject = lower(mailbox->text())};
}

Result<Entry> parse_name(std::string_view text) {
  if (text.starts_with('@')) text.remove_prefix(1);
  const auto domain = smtp::parse_domain(text, true);
  const std::string_view last =
      domain ? std::string_view(domain->name).substr(domain->name.rfind('.') + 1) : std::string_view();
  const bool number = std::ranges::all_of(last, is_digit);
  if (domain && !domain->literal && !number) return Entry{.kind = Kind::domain, .subject = domain->name};
  std::string remedy = "; write an address or prefix of a client, a domain, or a sender's address";
  if (text.starts_with("*.") || text.starts_with(".")) {
    remedy = "; write " + printable(text.substr(text.find('.') + 1), 80) + ", which stands for all below it too";
  } else if (text.starts_with('[')) {
    remedy = "; write the address without brackets";
  }
  return fail(ErrorKind::invalid, quoted(text) + " is neither an address nor a domain" + remedy);
}

Result<void> check_note(std::string_view note) {
  const bool plain = is_utf8(note) && std::ranges::none_of(note, [](char c) {
                       return static_cast<unsigned char>(c) < 0x20 || c == '\x7F';
                     });
  if (note.size() <= kNoteMax && plain) return {};
  return fail(ErrorKind::invalid, "the note must be one line of at most " + std::to_string(kNoteMax) + " octets");
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::prefix:
      return "prefix";
    case Kind::domain:
      return "domain";
    case Kind::address:
      break;
  }
  return "address";
}

Result<Entry> parse_subject(std::string_view text) {
  if (text.size() > kSubjectMax) {
    return fail(ErrorKind::invalid, quoted(text) + " is longer than " + std::to_string(kSubjectMax) + " octets");
  }
  if (text.find('@') != std::string_view::npos && !text.starts_with('@')) return parse_sender(text);
  if (text.find('/') != std::string_view::npos || text.find(':') != std::string_view::npos ||
      ip::Address::parse(text)) {
    return parse_client(text);
  }
  return parse_name(text);
}

Result<void> check(const Entry& entry) {
  POSTERN_TRY_VOID(check_note(entry.note));
  if (entry.word != Operator::deny || entry.kind != Kind::prefix) return {};
  POSTERN_TRY(const ip::Prefix prefix, ip::Prefix::parse(entry.subject));
  const bool v4 = prefix.address().is_v4();
  if (prefix.address().is_loopback() || prefix.contains(ip::Address::loopback(prefix.address().family()))) {
    return fail(ErrorKind::invalid, "a deny of " + entry.subject +
                                        " would refuse this host's own mail, because loopback is in it; name the "
                                        "prefix of the sender alone");
  }
  const int min = v4 ? kDenyBitsMinV4 : kDenyBitsMinV6;
  if (prefix.length() < min) {
    return fail(ErrorKind::invalid, "a deny of " + entry.subject + " would refuse " +
                                        (prefix.length() == 0 ? "all" : "a large part of all") + " mail over " +
                                        (v4 ? "IPv4" : "IPv6") + "; name a prefix of /" + std::to_string(min) +
                                        " or longer, or say which countries may send with [policy] home");
  }
  return {};
}

json::Value entry_value(const Entry& entry) {
  json::Value::Object object;
  object.emplace(entry.word == Operator::allow ? "allow" : "deny", json::Value(entry.subject));
  object.emplace("since", json::Value(entry.since));
  if (entry.until != 0) object.emplace("until", json::Value(entry.until));
  if (!entry.note.empty()) object.emplace("note", json::Value(entry.note));
  return json::Value(std::move(object));
}

std::string entry_line(const Entry& entry) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  writer.field(entry.word == Operator::allow ? "allow" : "deny", entry.subject).field("since", entry.since);
  if (entry.until != 0) writer.field("until", entry.until);
  if (!entry.note.empty()) writer.field("note", entry.note);
  writer.end_object();
  return out;
}

Result<Entry> parse_entry(std::string_view line) {
  if (line.size() > kLineMax) return fail(ErrorKind::limit, "is longer than " + std::to_string(kLineMax) + " octets");
  auto value = json::parse(line, 4);
  if (!value) return fail(ErrorKind::invalid, "is not JSON: " + value.error().what);
  const json::Value& allow = value->at("allow");
  const json::Value& deny = value->at("deny");
  if (allow.is_string() == deny.is_string()) {
    return fail(ErrorKind::invalid, R"(has not one of "allow" and "deny" with a name behind it)");
  }
  POSTERN_TRY(Entry entry, parse_subject(allow.is_string() ? allow.string() : deny.string()));
  entry.word = allow.is_string() ? Operator::allow : Operator::deny;
  entry.since = value->at("since").integer();
  entry.until = value->at("until").integer();
  entry.note = value->at("note").string();
  if (entry.since < 0 || entry.until < 0) return fail(ErrorKind::invalid, "has a time before 1970");
  POSTERN_TRY_VOID(check(entry));
  return entry;
}

}  // namespace postern::access
