#include "cli/sendmail.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/id.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "cli/commands.h"
#include "config/config.h"
#include "inbound/pickup_file.h"
#include "inbound/pickup_message.h"
#include "smtp/server_machine.h"

namespace postern::cli {

namespace {

constexpr const char* kDefaultConfig = "/etc/postern/postern.toml";
constexpr const char* kDefaultFolder = "/var/lib/postern/pickup";

void complain(const std::string& what) { std::fprintf(stderr, "sendmail: %s\n", what.c_str()); }

struct Place {
  std::string config;
  std::string folder = kDefaultFolder;
  std::string hostname = "localhost";
  std::string domain = "localhost";  // of addresses without one; the server completes them
  smtp::ServerLimits limits;
};

// A program's user may well not be able to read the configuration: the default folder is where it is then.
Place find_place(const SendmailOptions& options) {
  Place place;
  place.config = options.config.empty() ? kDefaultConfig : options.config;
  if (::access(place.config.c_str(), R_OK) != 0) return place;
  const config::Loaded loaded = config::load(place.config);
  if (!loaded.pickup_folder.empty()) place.folder = loaded.pickup_folder;
  if (loaded.config) {
    place.hostname = loaded.config->hostname;
    place.domain = inbound::pickup_domain(loaded.config->inbound);
    place.limits = loaded.config->inbound.limits;
  }
  return place;
}

std::string user_name() {
  const passwd* const entry = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe): one thread
  return entry != nullptr ? std::string(entry->pw_name) : "uid-" + std::to_string(::getuid());
}

// The account's name, which need not be one for mail ("DOMAIN\\user").
std::string own_address(const Place& place) {
  std::string name = user_name();
  return inbound::complete_address(name, place.domain) ? name : "uid-" + std::to_string(::getuid());
}

std::string full_name() {
  const passwd* const entry = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe): one thread
  if (entry == nullptr || entry->pw_gecos == nullptr) return {};
  const std::string_view gecos = entry->pw_gecos;
  return std::string(gecos.substr(0, std::min(gecos.find(','), std::size_t{200})));
}

int exit_code(const Error& error) {
  if (error.sys == EACCES || error.sys == EPERM) return EX_NOPERM;
  return error.sys == ENOENT || error.sys == ENOTDIR ? EX_CANTCREAT : EX_TEMPFAIL;
}

Result<void> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno(ErrorKind::storage, "writing " + path, errno);
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<void> fill(const UniqueFd& fd, const std::string& path, const inbound::PickupHead& head,
                  std::string_view message) {
  POSTERN_TRY_VOID(write_all(fd.get(), inbound::encode_pickup(head), path));
  POSTERN_TRY_VOID(write_all(fd.get(), message, path));
  if (::fsync(fd.get()) != 0) return fail_errno(ErrorKind::storage, "syncing " + path, errno);
  return {};
}

// Durable when it returns: whoever calls us forgets the message then.
Result<void> leave(const std::string& folder, const inbound::PickupHead& head, std::string_view message) {
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0)
    return fail_errno(ErrorKind::storage, "the pickup folder " + folder + " (postern serve makes it)", errno);
  const std::string name = Id::make(wall_now()).text();
  const std::string fresh = folder + "/" + std::string(inbound::kPickupTemporary) + name;
  const std::string path = folder + "/" + name + std::string(inbound::kPickupSuffix);
  // The group is the folder's where that is open to everybody: the server reads it, others do not
  UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!fd.valid()) {
    const int error = errno;
    return fail_errno(ErrorKind::storage,
                      "leaving a message in " + folder +
                          (error == EACCES ? " ([sendmail] everybody lets every user of the machine do it)" : ""),
                      error);
  }
  Result<void> done = fill(fd, fresh, head, message);
  if (done && ::fchmod(fd.get(), 0640) != 0) done = fail_errno(ErrorKind::storage, "changing " + fresh, errno);
  // What root leaves, the server could not read
  if (done && ::geteuid() == 0 && ::fchown(fd.get(), status.st_uid, status.st_gid) != 0)
    done = fail_errno(ErrorKind::storage, "giving " + fresh + " to the server", errno);
  if (done && ::rename(fresh.c_str(), path.c_str()) != 0)
    done = fail_errno(ErrorKind::storage, "renaming " + fresh, errno);
  if (!done) {
    ::unlink(fresh.c_str());
    return done;
  }
  // The folder itself may not be open to us, the file system is
  const UniqueFd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool synced = opened.valid() ? ::fsync(opened.get()) == 0 : ::syncfs(fd.get()) == 0;
  if (!synced) return fail_errno(ErrorKind::storage, "syncing " + folder, errno);
  return {};
}

Result<std::string> read_all(std::uint64_t max) {
  std::string text;
  std::array<char, 65536> block{};
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(ErrorKind::storage, "reading standard input", errno);
    if (got == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (max > 0 && text.size() > max)
      return fail(ErrorKind::limit, "the message is larger than " + human_bytes(max) + " ([limits] message_size)");
  }
}

// The server reads it again; what it would refuse is told while there is somebody to tell.
bool has_good_form(const inbound::PickupHead& head) {
  const std::string encoded = inbound::encode_pickup(head);
  const auto fixed = inbound::parse_pickup_fixed(encoded);
  return fixed && inbound::parse_pickup_head(*fixed, std::string_view(encoded).substr(inbound::kPickupFixed));
}

// EX_OK where all can be read. One that cannot keeps the message from everybody, so that nobody is left out unnoticed.
int check_addresses(const inbound::PickupHead& head, const Place& place) {
  if (!head.reverse_path.empty()) {
    if (const auto sender = inbound::complete_address(head.reverse_path, place.domain); !sender) {
      complain("the sender " + sender.error().what);
      return EX_DATAERR;
    }
  }
  for (const std::string& recipient : head.recipients) {
    if (const auto mailbox = inbound::complete_address(recipient, place.domain); !mailbox) {
      complain(mailbox.error().what + "; nobody was sent the message");
      return EX_NOUSER;
    }
  }
  return EX_OK;
}

int deliver(SendmailOptions options, const Place& place) {
  const auto input = read_all(place.limits.message_size);
  if (!input) {
    complain(input.error().what);
    return input.error().kind == ErrorKind::limit ? EX_UNAVAILABLE : EX_IOERR;
  }
  const auto message = sendmail_message(*input, options.dot_is_text);
  if (!message) {
    complain(message.error().what);
    return EX_DATAERR;
  }
  inbound::PickupHead head;
  head.recipients = std::move(options.recipients);
  if (options.from_header) {
    const auto named = header_recipients(*message);
    if (!named) {
      complain(named.error().what);
      return EX_DATAERR;
    }
    head.recipients.insert(head.recipients.end(), named->begin(), named->end());
  }
  std::ranges::sort(head.recipients);
  const auto same = std::ranges::unique(head.recipients);
  head.recipients.erase(same.begin(), same.end());
  if (head.recipients.empty()) {
    complain(options.from_header ? "the message names nobody in To, Cc or Bcc"
                                 : "to whom? name recipients, or use -t to take them from the message");
    return options.from_header ? EX_DATAERR : EX_USAGE;
  }
  if (head.recipients.size() > inbound::kPickupRecipientsMax) {
    complain("there are more than " + std::to_string(inbound::kPickupRecipientsMax) +
             " recipients; send several messages");
    return EX_UNAVAILABLE;
  }
  head.reverse_path = options.sender ? *options.sender : own_address(place);
  head.full_name = options.full_name.empty() ? full_name() : options.full_name;
  head.envid = options.envid;
  head.ret = options.ret;
  head.notify = options.notify;
  if (const int code = check_addresses(head, place); code != EX_OK) return code;
  if (!has_good_form(head)) {
    complain("a name is too long or has a line end in it, or the recipients' addresses are more than 1 MiB");
    return EX_DATAERR;
  }
  if (const auto left = leave(place.folder, head, *message); !left) {
    complain(left.error().what);
    return exit_code(left.error());
  }
  return EX_OK;
}

// -bs: SMTP on standard input and output, as the machine's programs speak it; each message is left as one of `deliver`.
class Conversation {
 public:
  explicit Conversation(const Place& place)
      : place_(place),
        options_{.hostname = place.hostname, .starttls = false, .limits = place.limits},
        machine_(options_) {}

  int run() {
    machine_.greet(smtp::Reply(220, {}, place_.hostname + " ESMTP Postern sendmail"));
    std::array<char, 65536> block{};
    while (flush()) {
      if (over_) return EX_OK;
      const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return EX_IOERR;
      if (got == 0) return EX_OK;
      take(std::string_view(block.data(), static_cast<std::size_t>(got)));
    }
    return EX_IOERR;
  }

 private:
  bool flush() {
    std::string& out = machine_.output();
    const bool good = out.empty() || write_all(STDOUT_FILENO, out, "standard output").has_value();
    out.clear();
    return good;
  }

  void take(std::string_view input) {
    while (!over_) {
      const smtp::Event event = machine_.step(input);
      input.remove_prefix(event.consumed);
      if (event.kind == smtp::EventKind::none && input.empty()) return;
      if (event.kind == smtp::EventKind::none && !flush()) over_ = true;
      on_event(event);
    }
  }

  void on_event(const smtp::Event& event) {
    using smtp::EventKind;
    switch (event.kind) {
      case EventKind::mail:
        head_ = {};
        addresses_ = 0;
        head_.reverse_path = event.path.text();
        if (!head_.reverse_path.empty() && !readable(head_.reverse_path, {5, 1, 7})) return;
        head_.full_name = full_name();
        head_.ret = event.mail.ret;
        head_.envid = event.mail.envid;
        body_.clear();
        break;
      case EventKind::rcpt:
        if (!readable(event.path.text(), {5, 1, 3})) return;
        addresses_ += event.path.text().size() + kLengthMax;
        if (head_.recipients.size() >= inbound::kPickupRecipientsMax || addresses_ > kAddressesMax) {
          machine_.refuse(smtp::Reply(452, {4, 5, 3}, "Too many recipients of one message; send the rest in another"));
          return;
        }
        head_.recipients.push_back(event.path.text());
        // One demand for the whole message: who wants to hear of nothing gives way to who wants to hear
        head_.notify |= event.rcpt.notify;
        if (head_.notify != spool::kNotifyNever) head_.notify &= static_cast<std::uint8_t>(~spool::kNotifyNever);
        break;
      case EventKind::body:
        body_ += event.bytes;
        return;
      case EventKind::message_end:
        end_message();
        return;
      case EventKind::quit:
      case EventKind::close:
        over_ = true;
        return;
      case EventKind::hello:
      case EventKind::data:
        break;
      default:
        return;
    }
    machine_.accept();
  }

  bool readable(std::string_view address, smtp::EnhancedCode code) {
    const auto mailbox = inbound::complete_address(address, place_.domain);
    if (!mailbox) machine_.refuse(smtp::Reply(553, code, "The address " + mailbox.error().what));
    return mailbox.has_value();
  }

  void end_message() {
    if (!has_good_form(head_)) {
      machine_.refuse(smtp::Reply(554, {5, 6, 0}, "ENVID or a name is too long, or has a line end in it; mend it"));
      return;
    }
    if (machine_.oversize() || machine_.body_fault() != smtp::BodyFault::none) {
      machine_.refuse(
          smtp::Reply(554, {5, 6, 0}, "Message is too large, or has a bare CR, a bare LF or a NUL; mend it"));
      return;
    }
    const auto left = leave(place_.folder, head_, body_);
    if (left) {
      machine_.accept();
      return;
    }
    complain(left.error().what);
    machine_.refuse(smtp::Reply(451, {4, 3, 0}, "Message cannot be left for the server; try again later"));
  }

  // Of one message's recipients, so that the head has room for everything else of it
  static constexpr std::size_t kAddressesMax = inbound::kPickupHeadMax - 16 * 1024;
  static constexpr std::size_t kLengthMax = 3;  // of an address's length

  const Place& place_;
  smtp::ServerOptions options_;
  smtp::ServerMachine machine_;
  inbound::PickupHead head_;
  std::string body_;
  std::size_t addresses_ = 0;  // octets that the recipients take
  bool over_ = false;
};

}  // namespace

int run_sendmail(const std::vector<std::string>& arguments) {
  auto options = parse_sendmail(arguments);
  if (!options) {
    complain(options.error().what + " (postern(1) tells what there is)");
    return EX_USAGE;
  }
  switch (options->mode) {
    case SendmailOptions::Mode::nothing:
      return EX_OK;
    case SendmailOptions::Mode::list:
      return run_queue({.config = options->config.empty() ? kDefaultConfig : options->config, .verb = "list"}) == kOk
                 ? EX_OK
                 : EX_TEMPFAIL;
    default:
      break;
  }
  const Place place = find_place(*options);
  if (options->mode == SendmailOptions::Mode::smtp) return Conversation(place).run();
  return deliver(std::move(*options), place);
}

}  // namespace postern::cli
