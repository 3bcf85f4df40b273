// postern keygen: a DKIM key, and the TXT record that publishes it.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "base/unique_fd.h"
#include "cli/auth_options.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/key_text.h"
#include "cli/output.h"
#include "cli/signing_keys.h"
#include "cli/table.h"
#include "cli/tool_resolver.h"
#include "dkim/key_record.h"

namespace postern::cli {

namespace {

constexpr int kBitsMin = 1024, kBitsMax = 4096;  // RFC 8301 3.2: what verifiers must take

struct Wanted {
  crypto::Algorithm algorithm;
  std::string selector;
};

// Two records at one name leave it to chance which one a verifier takes (RFC 6376 3.6.2.2): two keys have two names.
std::vector<Wanted> wanted_keys(const KeygenOptions& options) {
  using crypto::Algorithm;
  if (options.type == "rsa") return {{Algorithm::rsa, options.selector}};
  if (options.type == "ed25519") return {{Algorithm::ed25519, options.selector}};
  return {{Algorithm::rsa, options.selector + "-rsa"}, {Algorithm::ed25519, options.selector + "-ed25519"}};
}

std::string key_path(const KeygenOptions& options, const std::string& selector) {
  return options.out + "/" + selector + "." + options.domain + ".pem";
}

Result<void> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno(ErrorKind::storage, path + ": cannot be written", errno);
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (::fsync(fd) != 0) return fail_errno(ErrorKind::storage, path + ": cannot be written", errno);
  return {};
}

// Readable by its owner alone from the first moment; what was there stays unless `force`, and then until the new one
// is complete.
Result<void> write_key(const std::string& path, std::string_view pem, bool force) {
  const std::string made = force ? path + ".new" : path;
  if (force) ::unlink(made.c_str());
  const UniqueFd fd(::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    if (errno == EEXIST) {
      return fail(ErrorKind::invalid,
                  path + ": is there already; take another selector, or --force to replace the key");
    }
    return fail_errno(ErrorKind::storage, path + ": cannot be made", errno);
  }
  auto written = write_all(fd.get(), pem, made);
  if (written && force && ::rename(made.c_str(), path.c_str()) != 0) {
    written = fail_errno(ErrorKind::storage, path + ": cannot be replaced", errno);
  }
  if (!written) ::unlink(made.c_str());
  return written;
}

void write_key_json(json::Writer& writer, const std::string& path, const std::string& name, const std::string& record) {
  writer.begin_object().field("file", path).field("name", name).field("record", record);
  writer.field("zone", zone_line(name, record)).end_object();
}

int make_keys(const KeygenOptions& options) {
  std::string out;
  std::string machine;
  json::Writer writer(machine);
  writer.begin_object().key("keys").begin_array();
  for (const Wanted& wanted : wanted_keys(options)) {
    const auto key = crypto::PrivateKey::generate(wanted.algorithm, options.bits);
    if (!key) return complain(key.error().what, kNegative);
    const std::string path = key_path(options, wanted.selector);
    if (const auto written = write_key(path, key->pem(), options.force); !written) {
      return complain(written.error().what, kNegative);
    }
    const std::string name = key_name(wanted.selector, options.domain);
    const std::string record = key_record(*key);
    write_key_json(writer, path, name, record);
    out += "; " + printable(path, 4096) + "\n" + zone_line(name, record) + "\n";
  }
  writer.end_array().end_object();
  print(options.common.json ? machine + "\n" : out);
  return kOk;
}

Task<void> ask(dns::Name name, dns::Resolver& resolver, dns::AnswerPtr& out) {
  dns::Budget budget(dns::Budget::kLookups, Deadline::after(kToolDeadline));
  out = co_await resolver.query(std::move(name), dns::Type::txt, budget);
}

int check_keys(const KeygenOptions& options) {
  auto tool = ToolResolver::open(options.common);
  if (!tool) return complain(tool.error().what, kUsage);
  const auto resolver = (*tool)->get();
  if (!resolver) return complain(resolver.error().what, kNegative);
  bool all = true;
  std::string out, machine;
  json::Writer writer(machine);
  writer.begin_object().key("keys").begin_array();
  for (const Wanted& wanted : wanted_keys(options)) {
    const std::string path = key_path(options, wanted.selector);
    const auto key = read_private_key(path);
    if (!key) return complain(key.error().what, kUsage);
    const std::string owner = key_name(wanted.selector, options.domain);
    const auto name = dns::Name::from_unicode(owner);
    if (!name) return complain(printable(owner) + ": is no domain name", kUsage);
    dns::AnswerPtr answer;
    (*tool)->run(ask(*name, **resolver, answer));
    const std::string problem = published_key_problem(*key, *answer);
    all = all && problem.empty();
    writer.begin_object().field("file", path).field("name", owner).field("ok", problem.empty());
    writer.field("problem", problem).end_object();
    const bool colour = colour_wanted();
    out += printable(owner) + ": ";
    out += problem.empty() ? coloured("published, and matches " + printable(path, 4096), Colour::green, colour) + "\n"
                           : coloured(problem, Colour::red, colour) + "\n";
    if (!problem.empty()) out += "it should be\n" + zone_line(owner, key_record(*key));
  }
  writer.end_array().field("ok", all).end_object();
  print(options.common.json ? machine + "\n" : out);
  return all ? kOk : kNegative;
}

}  // namespace

int run_keygen(const KeygenOptions& options) {
  if (options.type != "rsa" && options.type != "ed25519" && options.type != "both") {
    return complain("--type: \"" + printable(options.type, 64) + "\" is none; write rsa, ed25519 or both", kUsage);
  }
  if (options.bits < kBitsMin || options.bits > kBitsMax) {
    return complain("--bits: 1024 to 4096 (RFC 8301 3.2); 2048 is right for most", kUsage);
  }
  for (const Wanted& wanted : wanted_keys(options)) {
    if (options.domain.empty() || !is_key_name(wanted.selector, options.domain)) {
      return complain("--domain and --selector must make a domain name: \"" +
                          printable(key_name(wanted.selector, options.domain)) + "\" is none",
                      kUsage);
    }
  }
  return options.check ? check_keys(options) : make_keys(options);
}

}  // namespace postern::cli
