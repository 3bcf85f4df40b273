#include "inbound/runtime.h"

#include <utility>

#include "inbound/login.h"

namespace postern::inbound {

std::shared_ptr<const Runtime> make_runtime(Settings settings) {
  auto runtime = std::make_shared<Runtime>();
  for (const ListenerOptions& listener : settings.listeners) {
    smtp::ServerOptions options;
    options.hostname = settings.hostname;
    options.starttls = listener.tls == TlsMode::starttls && settings.tls != nullptr;
    options.limits = settings.limits;
    options.keep_errors = listener.role == "sinkhole";
    if (listener.is_submission()) {
      options.auth = offered_mechanisms(settings.submission, true);
      options.auth_required = true;
    }
    runtime->machine_options.push_back(std::move(options));
  }
  runtime->auth_without_binding = offered_mechanisms(settings.submission, false);
  runtime->settings = std::move(settings);
  return runtime;
}

}  // namespace postern::inbound
