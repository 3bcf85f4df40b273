#include "cli/tool_resolver.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "resolver/unbound.h"

namespace postern::cli {

namespace {

constexpr std::size_t kZoneFileMax = std::size_t{256} << 20;

Task<void> run_and_stop(Task<void> task, io::Loop& loop) {
  co_await std::move(task);
  loop.stop();
}

}  // namespace

struct ToolResolver::Real {
  explicit Real(std::shared_ptr<resolver::Unbound> unbound) : resolver(std::move(unbound), loop) {}
  io::Loop loop;
  resolver::CachedResolver resolver;
};

ToolResolver::ToolResolver() = default;
ToolResolver::ToolResolver(dns::Zone zone) { fixture_.emplace(std::move(zone)); }
ToolResolver::~ToolResolver() = default;

Result<std::unique_ptr<ToolResolver>> ToolResolver::open(const AuthCommon& common) {
  std::unique_ptr<ToolResolver> tool(new ToolResolver());
  if (!common.zone.empty()) {
    if (!common.dns.empty()) {
      return fail(ErrorKind::invalid, "--zone and --dns exclude each other: a zone file stands in the place of DNS");
    }
    POSTERN_TRY(dns::Zone zone, read_zone_file(common.zone));
    tool->fixture_.emplace(std::move(zone));
  } else if (!common.dns.empty()) {
    auto server = ip::Endpoint::parse(common.dns);
    if (!server) return fail(ErrorKind::invalid, "--dns: " + server.error().what);
    tool->server_ = *server;
  }
  return tool;
}

Result<dns::Resolver*> ToolResolver::get() {
  if (fixture_) return &*fixture_;
  if (!real_) {
    resolver::Options options;
    if (server_) options.servers.push_back(*server_);
    POSTERN_TRY(std::shared_ptr<resolver::Unbound> unbound, resolver::Unbound::open(options));
    real_ = std::make_unique<Real>(std::move(unbound));
  }
  return &real_->resolver;
}

void ToolResolver::run(Task<void> task) {
  if (!real_) return run_ready(std::move(task));
  io::Loop& loop = real_->loop;
  io::Scope scope(loop);
  loop.post([&scope, &loop, &task] { scope.spawn(run_and_stop(std::move(task), loop)); });
  loop.run();
}

Result<dns::Zone> read_zone_file(const std::string& path) {
  POSTERN_TRY(const std::string text, read_whole(path, kZoneFileMax));
  const auto parsed = json::parse(text);
  if (!parsed) return fail(ErrorKind::invalid, path + ": " + parsed.error().what);
  const json::Value& inner = parsed->at("zone");
  auto zone = dns::Zone::from_json(inner.is_object() ? inner : *parsed);
  if (!zone) return fail(ErrorKind::invalid, path + ": " + zone.error().what);
  return std::move(*zone);
}

Result<std::string> read_whole(const std::string& path, std::size_t max) {
  std::FILE* const file = path == "-" ? stdin : std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return fail_errno(ErrorKind::not_found, path + ": cannot be opened", errno);
  std::string text;
  std::array<char, 65536> buffer{};
  int error = 0;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file)) {
    text.append(buffer.data(), got);
    if (text.size() > max) break;
  }
  if (std::ferror(file) != 0) error = errno;
  if (file != stdin) std::fclose(file);
  if (error != 0) return fail_errno(ErrorKind::invalid, path + ": cannot be read", error);
  if (text.size() > max) return fail(ErrorKind::limit, path + ": is larger than " + human_bytes(max));
  return text;
}

}  // namespace postern::cli
