#include "inbound/pickup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/counters.h"
#include "base/file.h"
#include "base/file_watch.h"
#include "base/log.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "inbound/head.h"
#include "inbound/pickup_file.h"
#include "inbound/pickup_message.h"
#include "message/header_reader.h"
#include "smtp/receivers.h"

namespace postern::inbound {

namespace {

Counter picked_up_total("postern_picked_up_messages_total");

constexpr seconds kLook{1};
constexpr seconds kWaitWhereStorageIsSick{10};
constexpr std::size_t kFilesAtOnce = 1000;
constexpr std::size_t kKeptMax = 10'000;  // files that cannot be removed; beyond that nothing is taken any more
constexpr std::int64_t kAbandonedMs = 36LL * 3600 * 1000;
constexpr std::size_t kPiece = 64 * 1024;
constexpr mode_t kPrivate = 0700;
constexpr mode_t kEverybody = 03733;

// Names of whole files, sorted; what was abandoned while it was written is removed.
std::vector<std::string> list(const std::string& folder, WallMs now) {
  std::vector<std::string> names;
  DIR* const directory = ::opendir(folder.c_str());
  if (directory == nullptr) return names;
  while (names.size() < kFilesAtOnce) {
    const dirent* const entry = ::readdir(directory);  // NOLINT(concurrency-mt-unsafe): a stream of our own
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name.ends_with(kPickupSuffix) && !name.starts_with('.')) names.emplace_back(name);
    if (!name.starts_with(kPickupTemporary)) continue;
    struct stat status{};
    const std::string path = folder + "/" + std::string(name);
    if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        now - std::int64_t{status.st_mtim.tv_sec} * 1000 > kAbandonedMs)
      ::unlink(path.c_str());
  }
  ::closedir(directory);
  std::ranges::sort(names);
  return names;
}

Result<std::string> read_exactly(int fd, std::size_t size) {
  std::string out(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::read(fd, out.data() + have, size - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(ErrorKind::storage, "reading", errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

}  // namespace

struct Pickup::Opened {
  UniqueFd fd;
  std::uint32_t owner = 0;
  PickupHead head;
};

namespace {

// Opens a file of the folder and reads its head. ErrorKind::invalid: it is none of ours; not_found: it has gone.
template <class Opened>
Result<Opened> open_file(const std::string& path, std::uint64_t size_max) {
  // Nothing that is no plain file is ever waited for or followed
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid()) {
    const int error = errno;
    // Too few descriptors, a sick disk: the message waits
    const bool none_of_ours = error == ELOOP || error == EACCES || error == EPERM || error == ENXIO || error == EISDIR;
    return fail_errno(error == ENOENT ? ErrorKind::not_found
                      : none_of_ours  ? ErrorKind::invalid
                                      : ErrorKind::storage,
                      "cannot be opened", error);
  }
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(ErrorKind::storage, "looking", errno);
  if (!S_ISREG(status.st_mode)) return fail(ErrorKind::invalid, "is no plain file");
  // A second name may be that of a file which whoever linked it could not read
  if (status.st_nlink != 1) return fail(ErrorKind::invalid, "has another name elsewhere");
  if (static_cast<std::uint64_t>(status.st_size) > size_max + kPickupFixed + kPickupHeadMax)
    return fail(ErrorKind::invalid, "is larger than [limits] message_size");
  POSTERN_TRY(const std::string first, read_exactly(fd.get(), kPickupFixed));
  POSTERN_TRY(const PickupFixed fixed, parse_pickup_fixed(first));
  POSTERN_TRY(const std::string head, read_exactly(fd.get(), fixed.head_size));
  POSTERN_TRY(PickupHead parsed, parse_pickup_head(fixed, head));
  Opened opened;
  opened.fd = std::move(fd);
  opened.owner = status.st_uid;
  opened.head = std::move(parsed);
  return opened;
}

}  // namespace

Pickup::Pickup(io::Loop& loop, io::BlockingPool& pool, spool::Store& store, PickupOptions options,
               std::function<std::shared_ptr<const Settings>()> settings)
    : loop_(loop),
      pool_(pool),
      store_(store),
      options_(std::move(options)),
      settings_(std::move(settings)),
      stopping_(loop) {}
Pickup::~Pickup() = default;

Result<void> Pickup::prepare() const {
  const std::string& folder = options_.folder;
  const mode_t wanted = options_.everybody ? kEverybody : kPrivate;
  if (::mkdir(folder.c_str(), kPrivate) != 0 && errno != EEXIST)
    return fail_errno(ErrorKind::storage, "making " + folder, errno);
  struct stat status{};
  if (::lstat(folder.c_str(), &status) != 0) return fail_errno(ErrorKind::storage, "looking at " + folder, errno);
  if (!S_ISDIR(status.st_mode)) return fail(ErrorKind::storage, folder + " is no folder");
  if ((status.st_mode & 07777U) == wanted) return {};
  if (::chmod(folder.c_str(), wanted) != 0 || ::lstat(folder.c_str(), &status) != 0 ||
      (status.st_mode & 07777U) != wanted) {
    log::warning(
        "pickup_mode",
        {{"folder", folder},
         {"remedy", options_.everybody
                        ? "make it as root: install -d -m 3733 -o USER -g GROUP of the server (the systemd unit's "
                          "RestrictSUIDSGID keeps the server from doing it)"
                        : "make it the server's user's own, mode 0700"}});
  }
  return {};
}

void Pickup::stop() {
  ending_ = true;
  stopping_.notify();
}

Task<void> Pickup::run() {
  std::vector<FileStamp> seen;
  bool again = true;
  while (!ending_) {
    const std::string folder[] = {options_.folder};
    std::vector<FileStamp> now = file_stamps(folder);
    // What stays after a look (storage is full) is looked at again
    if (again || now != seen) {
      seen = std::move(now);
      const std::size_t taken = co_await take_all();
      again = taken > 0;
    }
    if (ending_) break;
    const auto sick = store_.admit(0);
    if (!sick) again = true;
    const bool told = co_await stopping_.wait(Deadline::after(sick ? kLook : kWaitWhereStorageIsSick));
    if (told) break;
  }
}

Task<std::size_t> Pickup::take_all() {
  std::move_only_function<std::vector<std::string>()> work = [folder = options_.folder] {
    return list(folder, wall_now());
  };
  const std::vector<std::string> names = co_await pool_.run<std::vector<std::string>>(std::move(work));
  std::size_t taken = 0;
  for (const std::string& name : names) {
    if (ending_ || kept_.size() >= kKeptMax) break;
    if (kept_.contains(name)) continue;
    const bool done = co_await take(name, settings_());
    if (!done) break;
    ++taken;
  }
  co_return taken;
}

// False where storage is not to be had now.
Task<bool> Pickup::take(std::string name, std::shared_ptr<const Settings> settings) {
  const std::string path = options_.folder + "/" + name;
  std::move_only_function<Result<Opened>()> work = [path, max = settings->limits.message_size] {
    return open_file<Opened>(path, max);
  };
  auto opened = co_await pool_.run<Result<Opened>>(std::move(work));
  if (!opened) {
    if (opened.error().kind == ErrorKind::invalid) co_await put_aside(name, opened.error().what);
    co_return opened.error().kind != ErrorKind::storage;
  }
  const auto stored = co_await store(*opened, *settings);
  if (!stored) {
    if (stored.error().kind != ErrorKind::invalid) {
      log::warning("pickup_waits", {{"file", path}, {"why", stored.error().what}});
      co_return false;
    }
    co_await put_aside(name, stored.error().what);
    co_return true;
  }
  std::move_only_function<bool()> removal = [path] {
    const bool gone = ::unlink(path.c_str()) == 0;
    if (gone) static_cast<void>(sync_folder_of(path));
    return gone;
  };
  const bool gone = co_await pool_.run<bool>(std::move(removal));
  if (!gone) {
    kept_.insert(name);
    log::error("pickup_not_removed",
               {{"file", path}, {"remedy", "remove it, else its message is sent again after a restart"}});
  }
  co_return true;
}

// `head`: the mended header, and what of the body came with it. Null where there is no key for it.
std::unique_ptr<MessageSigning> Pickup::begin_signing(std::string_view head, const Settings& settings, WallMs now) {
  if (settings.signing == nullptr) return nullptr;
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::size_t end = head.starts_with("\r\n") ? 0 : head.find(kEnd);
  const std::size_t header_size = end == std::string_view::npos ? head.size() : end == 0 ? 0 : end + 2;
  auto signing = std::make_unique<MessageSigning>(std::string(head.substr(0, header_size)), &pool_);
  if (!signing->sign(*settings.signing, now)) return nullptr;
  if (end != std::string_view::npos) signing->body(head.substr(header_size + 2));
  return signing;
}

Task<Result<void>> Pickup::store(Opened& file, const Settings& settings) {
  auto intake = store_.begin(loop_);
  if (!intake) co_return std::unexpected(intake.error());
  const WallMs now = wall_now();
  const Id id = Id::make(now);
  PickupContext context{.settings = settings, .id = id, .now = now, .owner = file.owner};

  message::HeaderReader reader;
  smtp::BodyJudge judge(settings.limits.text_line);
  std::optional<Head> held(std::in_place);
  std::uint64_t octets = 0;
  bool tls_optional = false;
  std::unique_ptr<MessageSigning> signing;
  for (;;) {
    std::move_only_function<Result<std::string>()> work = [fd = file.fd.get()] { return read_exactly(fd, kPiece); };
    const auto piece = co_await pool_.run<Result<std::string>>(std::move(work));
    if (!piece) co_return std::unexpected(piece.error());
    octets += piece->size();
    if (octets > settings.limits.message_size)
      co_return fail(ErrorKind::invalid, "is larger than [limits] message_size");
    const bool end = piece->size() < kPiece;
    judge.see(*piece);
    std::string out;
    if (held) {
      reader.see(*piece);
      const bool fits = held->add(*piece, reader.in_header(), settings.header_bytes_max);
      if (!fits || std::uint64_t{reader.fields()} + reader.malformed() > settings.header_fields_max)
        co_return fail(ErrorKind::invalid, "has a header that is too large");
      if (!end && reader.in_header()) continue;
      MendedHeader mended = mend_pickup_header(context, file.head, *held, reader.header_octets());
      out = std::move(mended.text);
      tls_optional = mended.tls_optional;
      held.reset();
      signing = begin_signing(out, settings, now);
    } else {
      reader.see(*piece);
      out = *piece;
      if (signing) signing->body(out);
    }
    if (!out.empty()) {
      const auto appended = co_await (*intake)->append(out);
      if (!appended) co_return std::unexpected(appended.error());
    }
    if (end) break;
  }
  if (judge.finish() != smtp::BodyFault::none || !judge.ends_with_crlf())
    co_return fail(ErrorKind::invalid, "has a message whose lines do not end in CRLF, are too long, or have a NUL");
  POSTERN_CO_TRY(spool::Envelope envelope, make_pickup_envelope(context, file.head));
  envelope.eight_bit = reader.eight_bit();
  envelope.tls_optional = tls_optional;
  if (signing) envelope.fields_on_top = co_await signing->finish(nullptr, {}, id.text());
  if (reader.received() > settings.received_max) refuse_all(envelope, "554 5.4.6 Mail loop: too many Received fields");
  const std::size_t recipients = envelope.recipients.size();
  const std::string sender = envelope.reverse_path;
  const auto committed = co_await (*intake)->commit(std::move(envelope));
  if (!committed) co_return std::unexpected(committed.error());
  picked_up_total.add();
  log::info(
      "picked_up",
      {{"id", id.text()}, {"from", printable(sender)}, {"nrcpt", recipients}, {"size", octets}, {"uid", file.owner}});
  co_return Result<void>();
}

Task<void> Pickup::put_aside(std::string name, std::string why) {
  const std::string path = options_.folder + "/" + name;
  std::move_only_function<bool()> work = [path] { return ::rename(path.c_str(), (path + ".bad").c_str()) == 0; };
  const bool renamed = co_await pool_.run<bool>(std::move(work));
  if (!renamed) kept_.insert(name);
  log::error("pickup_bad", {{"file", path + (renamed ? ".bad" : "")},
                            {"why", why},
                            {"remedy", "look at it, tell who wrote it, and remove it"}});
}

}  // namespace postern::inbound
