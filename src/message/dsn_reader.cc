// The reader of delivery status notifications. Lenient in what a part may look like, strict in how much of it is looked
// at: other servers' reports are what it is for.
#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "message/dsn.h"
#include "message/header_section.h"

namespace postern::message {

namespace {

struct MediaType {
  std::string type;  // "multipart/report", lower case
  std::vector<std::pair<std::string, std::string>> parameters;
  [[nodiscard]] std::string_view get(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
      if (key == name) return value;
    }
    return {};
  }
};

constexpr std::size_t kParametersMax = 20;

// RFC 2045 5.1, without comments: who writes reports writes none.
MediaType parse_media_type(std::string_view body) {
  const std::string flat = unfolded(body.substr(0, 4096));
  std::string_view rest = flat;
  MediaType out;
  const std::size_t end = std::min(rest.find(';'), rest.size());
  out.type = lower(trim(rest.substr(0, end)));
  rest.remove_prefix(end);
  while (!rest.empty() && out.parameters.size() < kParametersMax) {
    rest.remove_prefix(1);  // the semicolon
    const std::size_t equals = rest.find('=');
    const std::size_t semicolon = std::min(rest.find(';'), rest.size());
    if (equals == std::string_view::npos || equals > semicolon) {
      rest.remove_prefix(semicolon);
      continue;
    }
    std::string name = lower(trim(rest.substr(0, equals)));
    rest.remove_prefix(equals + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    std::string value;
    if (rest.starts_with('"')) {
      rest.remove_prefix(1);
      while (!rest.empty() && rest.front() != '"') {
        if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
        value.push_back(rest.front());
        rest.remove_prefix(1);
      }
      rest.remove_prefix(std::min(rest.find(';'), rest.size()));
    } else {
      const std::size_t stop = std::min(rest.find(';'), rest.size());
      value = trim(rest.substr(0, stop));
      rest.remove_prefix(stop);
    }
    out.parameters.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

struct Entity {
  MediaType type;
  std::string encoding;
  std::string_view body;
};

// The empty line that ends a header; the body is behind it.
Entity read_entity(std::string_view text) {
  std::size_t end = text.starts_with("\r\n") ? 0 : text.find("\r\n\r\n");
  const std::size_t body = end == 0 ? 2 : end == std::string_view::npos ? text.size() : end + 4;
  if (end == std::string_view::npos) end = text.size();
  Entity out;
  const HeaderSection header{std::string(text.substr(0, std::min(end, kDsnHeaderMax)))};
  if (const auto types = header.all("Content-Type"); types.size() == 1)
    out.type = parse_media_type(types.front()->body);
  if (const auto found = header.all("Content-Transfer-Encoding"); !found.empty())
    out.encoding = lower(trim(unfolded(found.front()->body)));
  out.body = text.substr(body);
  return out;
}

// RFC 2046 5.1.1: the lines "--boundary" part it. Linear in the text: each line is looked at once.
std::vector<std::string_view> split_parts(std::string_view body, const std::string& boundary) {
  std::vector<std::string_view> parts;
  const std::string line = "--" + boundary;
  std::size_t begin = std::string_view::npos;
  for (std::size_t at = 0; at < body.size() && parts.size() < kDsnPartsMax;) {
    const std::size_t end = body.find("\r\n", at);
    const std::size_t next = end == std::string_view::npos ? body.size() : end + 2;
    std::string_view text = body.substr(at, (end == std::string_view::npos ? body.size() : end) - at);
    if (text.starts_with(line)) {
      text.remove_prefix(line.size());
      const bool last = text.starts_with("--");
      if (last) text.remove_prefix(2);
      if (trim(text).empty()) {
        // The line end in front of it belongs to the boundary
        if (begin != std::string_view::npos) parts.push_back(body.substr(begin, at - begin >= 2 ? at - begin - 2 : 0));
        begin = next;
        if (last) return parts;
      }
    }
    at = next;
  }
  if (begin != std::string_view::npos && begin <= body.size() && parts.size() < kDsnPartsMax)
    parts.push_back(body.substr(begin));
  return parts;
}

std::string from_quoted_printable(std::string_view text) {  // RFC 2045 6.7
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out.push_back(text[i]);
      continue;
    }
    if (text.substr(i + 1, 2) == "\r\n") {
      i += 2;
      continue;
    }
    const auto octet = from_hex(text.substr(i + 1, 2));
    if (octet && octet->size() == 1) {
      out += *octet;
      i += 2;
    } else {
      out.push_back('=');
    }
  }
  return out;
}

std::string decoded(const Entity& entity) {
  const std::string_view body = entity.body.substr(0, kDsnPartMax);
  if (entity.encoding == "quoted-printable") return from_quoted_printable(body);
  if (entity.encoding == "base64") {
    std::string packed;
    for (const char c : body) {
      if (c > ' ') packed.push_back(c);
    }
    return from_base64(packed).value_or(std::string());
  }
  return std::string(body);
}

std::string value_of(const HeaderSection& group, std::string_view name) {
  const auto fields = group.all(name);
  if (fields.empty()) return {};
  const std::string flat = unfolded(fields.front()->body.substr(0, 4 * kDsnValueMax));
  std::string out;
  for (const char c : trim(flat)) out.push_back(static_cast<unsigned char>(c) < ' ' || c == 0x7F ? '?' : c);
  out.resize(utf8_head(out, kDsnValueMax).size());
  return out;
}

std::optional<DsnAction> action_of(std::string_view text) {
  constexpr std::array kAll{DsnAction::failed, DsnAction::delayed, DsnAction::delivered, DsnAction::relayed,
                            DsnAction::expanded};
  // A comment may stand behind it
  const std::string_view word = text.substr(0, text.find_first_of(" \t("));
  for (const DsnAction action : kAll) {
    if (iequals(word, to_string(action))) return action;
  }
  return std::nullopt;
}

void read_groups(std::string_view text, ReadReport& out) {
  bool first = true;
  while (!text.empty() && out.recipients.size() < kDsnRecipientsMax) {
    while (text.starts_with("\r\n")) text.remove_prefix(2);
    if (text.empty()) break;
    const std::size_t end = std::min(text.find("\r\n\r\n"), text.size());
    const HeaderSection group{std::string(text.substr(0, end)) + "\r\n"};
    text.remove_prefix(end);
    if (std::exchange(first, false)) {
      out.reporting_mta = value_of(group, "Reporting-MTA");
      out.envid = value_of(group, "Original-Envelope-Id");
      out.arrival = value_of(group, "Arrival-Date");
      continue;
    }
    ReadRecipient recipient;
    recipient.original = value_of(group, "Original-Recipient");
    recipient.address = value_of(group, "Final-Recipient");
    recipient.action = action_of(value_of(group, "Action"));
    recipient.status = value_of(group, "Status");
    recipient.remote_mta = value_of(group, "Remote-MTA");
    recipient.diagnostic = value_of(group, "Diagnostic-Code");
    recipient.last_attempt = value_of(group, "Last-Attempt-Date");
    recipient.will_retry_until = value_of(group, "Will-Retry-Until");
    if (recipient.address.empty() && !recipient.action) continue;  // no group of a recipient
    out.recipients.push_back(std::move(recipient));
  }
}

}  // namespace

std::optional<ReadReport> read_dsn(std::string_view message) {
  const Entity top = read_entity(message);
  if (top.type.type != "multipart/report" || !iequals(top.type.get("report-type"), "delivery-status"))
    return std::nullopt;
  const std::string boundary(top.type.get("boundary"));
  if (boundary.empty() || boundary.size() > 70) return std::nullopt;  // RFC 2046 5.1.1
  ReadReport out;
  bool found = false;
  for (const std::string_view text : split_parts(top.body, boundary)) {
    const Entity part = read_entity(text);
    const std::string& type = part.type.type;
    if (!found && (type == "message/delivery-status" || type == "message/global-delivery-status")) {
      found = true;
      read_groups(decoded(part), out);
    } else if (found && out.returned.empty() &&
               (type == "message/rfc822" || type == "text/rfc822-headers" || type == "message/global" ||
                type == "message/global-headers")) {
      out.returned = part.body.substr(0, kDsnHeaderMax);
    }
  }
  if (!found) return std::nullopt;
  return out;
}

}  // namespace postern::message
