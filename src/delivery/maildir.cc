// Maildir delivery (https://cr.yp.to/proto/maildir.html), as attempt.h says. Everything here that touches a file runs
// on the blocking pool.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <shared_mutex>

#include "base/text.h"
#include "base/unique_fd.h"
#include "delivery/attempt.h"
#include "delivery/local_text.h"
#include "delivery/maildir_path.h"

namespace postern::delivery {

namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kBlock = 64 * 1024;
constexpr int kNameTries = 16;

struct Maildir {
  UniqueFd tmp, fresh;  // tmp/ and new/
};

std::string_view remedy(int err) {
  switch (err) {
    case EACCES:
    case EPERM:
      return "; give the user that postern runs as the right to write there";
    case ELOOP:
    case ENOTDIR:
      return "; a symbolic link or a file stands where a folder belongs: replace it by a folder";
    case EROFS:
      return "; the file system is mounted read-only";
    case ENOENT:
      return "; something removed it: make the folder again";
    case EMFILE:
    case ENFILE:
      return "; raise the limit of open files";
    default:
      return "";
  }
}

smtp::Reply reply_for(const Error& error) {
  // RFC 3463: X.3.1 mail system full, X.2.2 mailbox full, X.3.0 other system status
  if (error.sys == ENOSPC || error.sys == EFBIG) return {452, {4, 3, 1}, error.what + "; make room on the disk"};
  if (error.sys == EDQUOT) return {452, {4, 2, 2}, error.what + "; the mailbox's owner is over the disk quota"};
  return {451, {4, 3, 0}, error.what + std::string(remedy(error.sys))};
}

std::unexpected<Error> storage(const std::string& doing) { return fail_errno(ErrorKind::storage, doing, errno); }

Result<void> sync_folder(int fd, const std::string& path) {
  if (::fsync(fd) != 0) return storage("writing folder " + printable(path) + " to disk");
  return {};
}

// Held shared to open a folder, alone to make one and write its name to disk: a delivery finds no folder that another
// one made and that a power cut could still take away, with the message in it.
std::shared_mutex& folders() {
  static std::shared_mutex mutex;
  return mutex;
}

UniqueFd open_folder(int parent, const char* name, int more_flags) {
  const std::shared_lock lock(folders());
  return UniqueFd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | more_flags));
}

// Makes `name` below `parent`, for good.
Result<void> make_folder(int parent, const std::string& name, const std::string& path) {
  const std::unique_lock lock(folders());
  if (::mkdirat(parent, name.c_str(), kFolderMode) != 0) {
    // EEXIST: another delivery was faster. EROFS, EACCES: opening it will tell.
    if (errno == EEXIST || errno == EROFS || errno == EACCES) return {};
    return storage("making folder " + printable(path));
  }
  POSTERN_TRY_VOID(sync_folder(parent, path + "/.."));
  // And the name of the folder it was made in: a process that was killed between making that one and writing its name
  // got no further than this, so whoever goes on does it instead.
  const UniqueFd above(::openat(parent, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!above.valid()) return errno == EACCES ? Result<void>() : storage("opening folder " + printable(path) + "/../..");
  return sync_folder(above.get(), path + "/../..");
}

// Opens `name` below `parent`, making it where it is missing. A link is never followed.
Result<UniqueFd> step_into(int parent, const std::string& name, const std::string& path) {
  UniqueFd fd = open_folder(parent, name.c_str(), O_NOFOLLOW);
  if (!fd.valid() && errno == ENOENT) {
    POSTERN_TRY_VOID(make_folder(parent, name, path));
    fd = open_folder(parent, name.c_str(), O_NOFOLLOW);
  }
  if (!fd.valid()) return storage("opening folder " + printable(path));
  return fd;
}

// The operator's part of the path: links are his business. Missing folders are made from the deepest existing one on.
Result<UniqueFd> open_fixed(const std::string& path) {
  UniqueFd fd = open_folder(AT_FDCWD, path.c_str(), 0);
  if (fd.valid()) return fd;
  if (errno != ENOENT) return storage("opening folder " + printable(path));
  fd.reset(::open(path.starts_with('/') ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return storage("opening folder " + printable(path));
  for (const std::string_view piece : split(path, '/')) {
    if (piece.empty() || piece == ".") continue;
    const std::string name(piece);
    UniqueFd next = open_folder(fd.get(), name.c_str(), 0);
    if (!next.valid()) {
      if (errno != ENOENT) return storage("opening folder " + printable(path));
      auto made = step_into(fd.get(), name, path);
      if (!made) return std::unexpected(std::move(made).error());
      next = std::move(*made);
    }
    fd = std::move(next);
  }
  return fd;
}

std::string shown(const MaildirPath& path) {
  std::string text = path.fixed;
  for (const std::string& step : path.steps) {
    if (!text.ends_with('/')) text.push_back('/');
    text += step;
  }
  return text;
}

Result<Maildir> open_maildir(const MaildirPath& path) {
  auto opened = open_fixed(path.fixed);
  if (!opened) return std::unexpected(std::move(opened).error());
  UniqueFd folder = std::move(*opened);
  std::string so_far = path.fixed;
  for (const std::string& step : path.steps) {
    if (!so_far.ends_with('/')) so_far.push_back('/');
    so_far += step;
    POSTERN_TRY(folder, step_into(folder.get(), step, so_far));
  }
  Maildir maildir;
  POSTERN_TRY(maildir.tmp, step_into(folder.get(), "tmp", so_far + "/tmp"));
  POSTERN_TRY(maildir.fresh, step_into(folder.get(), "new", so_far + "/new"));
  // Readers expect cur/ to be there
  POSTERN_TRY([[maybe_unused]] const UniqueFd cur, step_into(folder.get(), "cur", so_far + "/cur"));
  return maildir;
}

// time.MmicrosPpidQseq.host: unique on this host by construction, on others by the host's name.
std::string unique_name(const std::string& hostname) {
  static std::atomic<std::uint64_t> sequence{0};
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::string host;
  for (const char c : std::string_view(hostname).substr(0, 128)) {
    // The Maildir page: '/' and ':' of the host's name as \057 and \072
    if (c == '/')
      host += "\\057";
    else if (c == ':')
      host += "\\072";
    else if (c > ' ' && c <= '~')
      host.push_back(c);
  }
  return std::to_string(now.tv_sec) + ".M" + std::to_string(now.tv_nsec / 1000) + "P" + std::to_string(::getpid()) +
         "Q" + std::to_string(sequence.fetch_add(1, std::memory_order_relaxed)) + "." +
         (host.empty() ? "localhost" : host);
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return storage("writing a message in " + printable(path));
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// Addresses come back from a disk: whatever they hold, they stay on their line. Quoting and UTF-8 remain.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text;
}

Result<void> write_message(int fd, const spool::Envelope& envelope, const spool::Recipient& recipient,
                           spool::Body& body, const std::string& path) {
  std::string block;
  block.reserve(kBlock + 1024);
  // RFC 5321 4.4: exactly one Return-Path, on top; RFC 9228 4: Delivered-To above what came before
  block += "Return-Path: <" + one_line(envelope.reverse_path) + ">\n";
  block += "Delivered-To: " + one_line(recipient.forward_path) + "\n";
  LocalText text;
  for (std::uint64_t offset = 0; offset < body.size();) {
    POSTERN_TRY(const std::string bytes, body.read(offset, kBlock));
    if (bytes.empty()) return fail(ErrorKind::storage, "message " + envelope.id.text() + " in the spool is cut short");
    offset += bytes.size();
    text.add(bytes, block);
    POSTERN_TRY_VOID(write_all(fd, block, path));
    block.clear();
  }
  text.finish(block);
  POSTERN_TRY_VOID(write_all(fd, block, path));
  if (::fsync(fd) != 0) return storage("writing a message in " + printable(path) + " to disk");
  return {};
}

// Never over an existing file. Where the file system has no such rename, a link does the same.
int move_no_replace(int from, const char* old_name, int to, const char* new_name) {
  if (::renameat2(from, old_name, to, new_name, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  if (::linkat(from, old_name, to, new_name, 0) != 0) return -1;
  ::unlinkat(from, old_name, 0);
  return 0;
}

// A file in tmp/ that is removed again unless it was moved.
struct Draft {
  int folder = -1;
  std::string name;
  UniqueFd fd;
  ~Draft() {
    if (!name.empty()) ::unlinkat(folder, name.c_str(), 0);
  }
};

Result<void> store_message(const LocalOptions& options, const MaildirPath& where, const spool::Envelope& envelope,
                           const spool::Recipient& recipient, spool::Body& body) {
  const std::string path = shown(where);
  POSTERN_TRY(const Maildir maildir, open_maildir(where));
  Draft draft;
  draft.folder = maildir.tmp.get();
  for (int i = 0; i < kNameTries && !draft.fd.valid(); ++i) {
    std::string name = unique_name(options.hostname);
    draft.fd.reset(
        ::openat(maildir.tmp.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    if (draft.fd.valid()) {
      draft.name = std::move(name);
    } else if (errno != EEXIST) {
      return storage("making a file in " + printable(path) + "/tmp");
    }
  }
  if (!draft.fd.valid()) return storage("making a file in " + printable(path) + "/tmp");
  POSTERN_TRY_VOID(write_message(draft.fd.get(), envelope, recipient, body, path));
  std::string name = draft.name;
  for (int i = 0;; ++i) {
    if (move_no_replace(maildir.tmp.get(), draft.name.c_str(), maildir.fresh.get(), name.c_str()) == 0) break;
    if (errno != EEXIST || i == kNameTries) return storage("moving a message to " + printable(path) + "/new");
    name = unique_name(options.hostname);
  }
  draft.name.clear();
  if (auto synced = sync_folder(maildir.fresh.get(), path + "/new"); !synced) {
    // It will be tried again: what may or may not be there must not become a second copy
    ::unlinkat(maildir.fresh.get(), name.c_str(), 0);
    return synced;
  }
  return {};
}

smtp::Reply deliver_one(const LocalOptions& options, std::string_view path_template, const spool::Envelope& envelope,
                        const spool::Recipient& recipient, spool::Body& body) {
  const auto mailbox = smtp::parse_mailbox(recipient.forward_path, /*utf8=*/true);
  if (!mailbox) return {451, {4, 1, 3}, "recipient's address is unreadable: " + mailbox.error().what};
  const auto where = maildir_path(options.base_directory, path_template, *mailbox);
  if (!where) return {451, {4, 3, 5}, where.error().what};
  const auto stored = store_message(options, *where, envelope, recipient, body);
  if (!stored) return reply_for(stored.error());
  return {250, {2, 1, 5}, "delivered to " + printable(shown(*where))};
}

}  // namespace

Task<Results> deliver_maildir(io::BlockingPool& pool, const LocalOptions& options, std::string path_template,
                              const Attempt& attempt) {
  co_return co_await pool.run<Results>([&options, &path_template, &attempt] {
    Results results;
    results.reserve(attempt.recipients.size());
    for (const std::uint32_t index : attempt.recipients) {
      results.push_back(deliver_one(options, path_template, *attempt.envelope, attempt.envelope->recipients.at(index),
                                    *attempt.body));
    }
    return results;
  });
}

}  // namespace postern::delivery
