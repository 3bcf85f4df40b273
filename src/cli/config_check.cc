// `postern config check` and `postern config reference`.
#include <cstdio>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/key_text.h"
#include "cli/output.h"
#include "config/config.h"
#include "io/tls.h"

namespace postern::cli {

namespace {

// Certificates are read here and not by config::load(): a running server reads them with other rights.
void check_certificates(config::Loaded& loaded, const std::string& file) {
  for (const io::TlsCertificate& certificate : loaded.tls.certificates) {
    io::TlsServerOptions options = loaded.tls;
    options.certificates = {certificate};
    if (const auto made = io::TlsServerContext::make(options); !made) {
      loaded.problems.push_back({file, loaded.certificates_line, 0, "tls.certificates", made.error().what});
    }
  }
  if (loaded.config == nullptr) return;
  for (const io::TlsCertificate& certificate : loaded.config->web.tls.certificates) {
    io::TlsServerOptions options = loaded.config->web.tls;
    options.certificates = {certificate};
    if (const auto made = io::TlsServerContext::make(options); !made)
      loaded.problems.push_back({file, 0, 0, "web.certificates", made.error().what});
  }
}

void append_array(json::Writer& writer, std::string_view name, const std::vector<config::Problem>& problems) {
  writer.key(name).begin_array();
  for (const config::Problem& problem : problems) {
    writer.begin_object()
        .field("file", problem.file)
        .field("line", problem.line)
        .field("column", problem.column)
        .field("key", problem.key)
        .field("problem", problem.what)
        .end_object();
  }
  writer.end_array();
}

std::string as_json(const config::Loaded& loaded) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().field("ok", loaded.problems.empty());
  append_array(writer, "problems", loaded.problems);
  append_array(writer, "warnings", loaded.warnings);
  writer.end_object();
  return out + "\n";
}

// What has to stand in DNS for what is signed with the keys.
std::string records_of_keys(const config::Config& config) {
  if (config.inbound.signing == nullptr) return {};
  std::string out = "; DNS needs these records (`postern keygen --check` looks whether it has them):\n";
  for (const dkim::SigningKey& key : config.inbound.signing->all())
    out += zone_line(key_name(key.selector, key.domain), key_record(key.key));
  return out;
}

std::string as_text(const config::Loaded& loaded, const std::string& file) {
  std::string out;
  for (const config::Problem& problem : loaded.problems) out += problem.text() + "\n";
  for (config::Problem warning : loaded.warnings) {
    warning.what.insert(0, "warning: ");
    out += warning.text() + "\n";
  }
  if (!loaded.problems.empty() || !loaded.config) return out;
  const auto plural = [](std::size_t n, const char* thing) {
    return std::to_string(n) + " " + thing +
           (n == 1                                                    ? ""
            : thing[std::char_traits<char>::length(thing) - 1] == 'x' ? "es"
                                                                      : "s");
  };
  const config::Config& config = *loaded.config;
  return out + file + ": good: " + plural(config.inbound.listeners.size(), "listener") + ", " +
         plural(config.domains.size(), "domain") + ", " + plural(config.inbound.directory->mailbox_count(), "mailbox") +
         "\n" + records_of_keys(config);
}

}  // namespace

int run_config_check(const ConfigCheckOptions& options) {
  config::Loaded loaded = config::load(options.file);
  check_certificates(loaded, options.file);
  const std::string text = options.json ? as_json(loaded) : as_text(loaded, options.file);
  print(text);
  return loaded.problems.empty() ? kOk : kNegative;
}

int run_config_reference() {
  const std::string text = config::reference_markdown();
  print(text);
  return kOk;
}

}  // namespace postern::cli
