#include "cli/server_parts.h"

#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "base/log.h"

namespace postern::cli {

Result<std::shared_ptr<io::TlsServerContext>> make_tls(const config::Config& config) {
  io::TlsServerOptions options = config.tls;
  options.keep_client_hello = true;  // for the fingerprint of who is on the other side; gone after the handshake
  if (!options.certificates.empty()) return io::TlsServerContext::make(options);
  const std::string folder = config.data_dir + "/tls";
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(ErrorKind::storage, "making " + folder, errno);
  }
  POSTERN_TRY(const bool made,
              io::ensure_self_signed(config.self_signed_certificate(), config.self_signed_key(), config.hostname));
  if (made) {
    log::warning("self_signed_certificate",
                 {{"file", config.self_signed_certificate()},
                  {"why", "no [tls] certificates are configured; senders that verify certificates will not trust it"}});
  }
  options.certificates.push_back({config.self_signed_certificate(), config.self_signed_key(), {}});
  return io::TlsServerContext::make(options);
}

inbound::SinkholeBounds sinkhole_bounds(const config::Config& config) {
  for (const inbound::ListenerOptions& listener : config.inbound.listeners) {
    if (listener.role == "sinkhole" && listener.sinkhole.keep_bodies)
      return {.bytes = listener.sinkhole.bodies_bytes, .days = listener.sinkhole.bodies_days};
  }
  return {};
}

std::shared_ptr<const policy::Policy> make_policy(const config::Config& config) {
  const policy::Options& options = config.policy;
  if (options.choices == policy::Choices{.preset = "none"} && options.rules.empty() && options.overrides.empty())
    return nullptr;
  return config.judge;
}

std::shared_ptr<const signals::Lists> make_lists(const config::Config& config) {
  auto lists = signals::Lists::compile(config.lists);
  if (lists) return std::make_shared<const signals::Lists>(std::move(*lists));
  log::error("lists_not_used", {{"problem", lists.error().what}});
  return nullptr;
}

}  // namespace postern::cli
