#include "directory/mailbox_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "base/unique_fd.h"
#include "smtp/address.h"

namespace postern::directory {

namespace {

// RFC 5321 4.1.2: Dot-string, with the UTF8-non-ascii of RFC 6531 3.3
bool is_atext(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-/=?^_`{|}~";
  return is_alpha(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80 ||
         (c != '\0' && kMarks.find(c) != std::string_view::npos);
}

bool is_dot_string(std::string_view text) {
  bool atom = false;  // an octet of an atom came since the last dot
  for (const char c : text) {
    if (c == '.') {
      if (!atom) return false;
      atom = false;
    } else if (is_atext(c)) {
      atom = true;
    } else {
      return false;
    }
  }
  return atom;
}

std::string place(const std::string& file, std::size_t line) { return file + ":" + std::to_string(line) + ": "; }

std::string_view without_comment(std::string_view line) {
  if (line.starts_with('#')) return {};
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '#' && (line[i - 1] == ' ' || line[i - 1] == '\t')) return line.substr(0, i);
  }
  return line;
}

}  // namespace

Result<std::string> parse_local_part(std::string_view text) {
  if (text.empty()) return fail(ErrorKind::invalid, "a mailbox name is empty");
  if (is_dot_string(text)) {
    // RFC 5321 4.5.3.1.1
    if (text.size() > smtp::kLocalPartMax) {
      return fail(ErrorKind::invalid,
                  "\"" + printable(text, 80) + "\" is longer than the 64 octets a local part may have");
    }
    if (!is_utf8(text)) return fail(ErrorKind::invalid, "\"" + printable(text) + "\" is not UTF-8");
    return std::string(text);
  }
  if (!text.starts_with('"') && text.find('@') != std::string_view::npos) {
    return fail(ErrorKind::invalid, "\"" + printable(text) + "\" is an address; write what stands before the @ alone");
  }
  auto mailbox = smtp::parse_mailbox(std::string(text) + "@example.org", true);
  if (!mailbox || mailbox->local.empty() || mailbox->local.size() > smtp::kLocalPartMax) {
    return fail(ErrorKind::invalid,
                "\"" + printable(text) +
                    "\" is not the local part of an address; letters, digits, dots and !#$%&'*+-/=?^_`{|}~ "
                    "may stand there as they are, anything else in double quotes");
  }
  return std::move(mailbox->local);
}

void parse_mailboxes(std::string_view text, const std::string& file,
                     const std::function<void(std::string_view local)>& mailbox, std::vector<Error>& problems) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::size_t line_number = 0;
  std::size_t found = 0;
  std::size_t bad = 0;
  while (!text.empty()) {
    ++line_number;
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trim(without_comment(trim(line)));
    if (line.empty()) continue;
    const auto local = parse_local_part(line);
    if (local) {
      ++found;
      mailbox(*local);
    } else if (++bad <= kProblemsMax) {
      problems.push_back(Error{ErrorKind::invalid, place(file, line_number) + local.error().what});
    }
  }
  if (bad > kProblemsMax) {
    problems.push_back(
        Error{ErrorKind::invalid, file + ": and " + std::to_string(bad - kProblemsMax) + " more bad lines"});
  }
  if (found == 0 && bad == 0) {
    problems.push_back(Error{ErrorKind::invalid,
                             file +
                                 ": holds no mailbox, so that all mail of the domain would be refused; write one local "
                                 "part a line, or remove mailboxes_file"});
  }
}

void read_mailboxes(const std::string& file, const std::function<void(std::string_view local)>& mailbox,
                    std::vector<Error>& problems) {
  const auto problem = [&](std::string_view doing, int err) {
    problems.push_back(fail_errno(ErrorKind::invalid, doing, err).error());
  };
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    const int err = errno;
    problem("opening mailboxes_file " + file, err);
    problems.back().what += err == ENOENT ? "; write that file, or remove the key" : "; let postern read it";
    return;
  }
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) return problem("reading mailboxes_file " + file, errno);
  if (!S_ISREG(status.st_mode)) {
    problems.push_back(Error{ErrorKind::invalid, "mailboxes_file " + file + " is not a file"});
    return;
  }
  std::string text;
  std::array<char, 65536> block;
  while (true) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return problem("reading mailboxes_file " + file, errno);
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > kMailboxFileMax) {
      problems.push_back(Error{ErrorKind::invalid, "mailboxes_file " + file + " is over " +
                                                       human_bytes(kMailboxFileMax) +
                                                       "; split the domain or accept any mailbox with \"*\""});
      return;
    }
  }
  parse_mailboxes(text, file, mailbox, problems);
}

}  // namespace postern::directory
