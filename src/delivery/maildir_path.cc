#include "delivery/maildir_path.h"

#include "base/text.h"

namespace postern::delivery {

namespace {

// One pass, so that a user called "{domain}" is a name like any other.
std::string fill(std::string_view piece, std::string_view user, std::string_view domain) {
  std::string out;
  while (!piece.empty()) {
    if (piece.starts_with("{user}")) {
      out += user;
      piece.remove_prefix(6);
    } else if (piece.starts_with("{domain}")) {
      out += domain;
      piece.remove_prefix(8);
    } else {
      out.push_back(piece.front());
      piece.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> safe_name(std::string_view value) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  if (value.empty() || value.size() > kNameMax) return std::nullopt;
  std::string out;
  out.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto octet = static_cast<unsigned char>(value[i]);
    const bool leading_dot = i == 0 && octet == '.';
    if (octet < 0x20 || octet == 0x7F || octet == '/' || octet == '%' || leading_dot) {
      out.push_back('%');
      out.push_back(kHex[octet >> 4U]);
      out.push_back(kHex[octet & 15U]);
    } else {
      out.push_back(static_cast<char>(octet));
    }
  }
  if (out.size() > kNameMax) return std::nullopt;
  return out;
}

Result<MaildirPath> maildir_path(std::string_view base, std::string_view path_template, const smtp::Mailbox& mailbox) {
  const auto user = safe_name(mailbox.local);
  const auto domain = safe_name(mailbox.domain.text());
  if (!user || !domain) {
    return fail(ErrorKind::invalid,
                "address " + printable(mailbox.text(), 80) + " makes no file name of 1 to 255 octets");
  }
  MaildirPath path;
  const std::size_t brace = path_template.find('{');
  std::size_t cut = path_template.size();
  if (brace != std::string_view::npos) {
    const std::size_t slash = path_template.rfind('/', brace);
    cut = slash == std::string_view::npos ? 0 : slash + 1;
  }
  const std::string_view fixed = path_template.substr(0, cut);
  if (!fixed.starts_with('/') && !base.empty()) {
    path.fixed = std::string(base);
    if (!path.fixed.ends_with('/')) path.fixed.push_back('/');
  }
  path.fixed += fixed;
  if (path.fixed.empty()) path.fixed = ".";
  for (const std::string_view piece : split(path_template.substr(cut), '/')) {
    if (piece.empty() || piece == ".") continue;
    std::string step = fill(piece, *user, *domain);
    if (step == ".." || step.size() > kNameMax || step.find('\0') != std::string::npos) {
      return fail(ErrorKind::invalid, "maildir template gives the unusable folder name " + printable(step, 80) +
                                          "; use shorter names and no \"..\" behind {user} or {domain}");
    }
    path.steps.push_back(std::move(step));
  }
  return path;
}

}  // namespace postern::delivery
