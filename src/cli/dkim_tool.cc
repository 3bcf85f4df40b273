// postern dkim verify and postern dkim sign.
#include <cstdio>
#include <memory>
#include <utility>

#include "base/text.h"
#include "cli/auth_batch.h"
#include "cli/auth_json.h"
#include "cli/auth_options.h"
#include "cli/auth_text.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/field_output.h"
#include "cli/output.h"
#include "cli/signing_keys.h"
#include "cli/tool_input.h"
#include "dkim/sign.h"
#include "dkim/verify.h"

namespace postern::cli {

namespace {

struct Verified {
  std::vector<dkim::Verdict> verdicts;
  std::size_t found = 0;
};

Task<Verified> verify_message(const MessageInput& message, dns::Resolver& resolver, dkim::KeyCache& keys,
                              std::int64_t now) {
  const message::HeaderSection header{std::string(message.header())};
  dkim::BodyHashes hashes;
  dkim::Verifier verifier(header, hashes);
  dns::Budget budget(dns::Budget::kLookups, Deadline::after(kToolDeadline));
  verifier.prefetch(resolver);
  co_await verifier.fetch_keys(resolver, budget, keys);
  hashes.add(message.body());
  hashes.finish();
  co_return Verified{.verdicts = verifier.verify(now), .found = verifier.signatures_found()};
}

Task<Result<void>> answer_verify(const BatchCase& given, dns::Resolver& resolver, dkim::KeyCache& keys,
                                 json::Writer& writer) {
  POSTERN_CO_TRY(const MessageInput message, case_message(given));
  const Verified verified = co_await verify_message(message, resolver, keys, given.now);
  write_dkim(writer, verified.verdicts);
  writer.field("dkim_signatures", verified.found);
  co_return Result<void>();
}

Task<void> verify_once(const MessageInput& message, dns::Resolver& resolver, std::int64_t now, Verified& out) {
  dkim::KeyCache keys;
  out = co_await verify_message(message, resolver, keys, now);
}

int run_verify(const DkimToolOptions& options) {
  if (options.common.batch) return run_batch(options.common, dkim_verify_batch());
  const auto input = open_tool_input(options.common, options.file);
  if (!input) return input.error();
  Verified verified;
  input->tool->run(
      verify_once(input->message, *input->resolver, options.common.now.value_or(wall_now() / 1000), verified));

  std::string out;
  if (options.common.json) {
    json::Writer writer(out);
    writer.begin_object();
    write_dkim(writer, verified.verdicts);
    writer.field("dkim_signatures", verified.found).end_object();
    out += '\n';
  } else {
    out = dkim_text(verified.verdicts, verified.found, colour_wanted());
  }
  print(out);
  for (const dkim::Verdict& verdict : verified.verdicts) {
    if (verdict.outcome == dkim::Outcome::pass) return kOk;
  }
  return kNegative;
}

Result<std::vector<std::string>> sign_message(const MessageInput& message, std::vector<dkim::SigningKey> keys,
                                              dkim::SignOptions options) {
  const message::HeaderSection header{std::string(message.header())};
  dkim::Signer signer(header, std::move(keys), std::move(options));
  signer.body(message.body());
  return signer.finish();
}

Result<dkim::SigningKey> signing_key(const json::Value& from, PrivateKeyCache& keys) {
  for (const std::string_view name : {"domain", "selector", "private_key"}) {
    if (from.at(name).string().empty()) return fail(ErrorKind::invalid, std::string(name) + ": a string is missing");
  }
  auto key = keys.parse(std::string(from.at("private_key").string()));
  if (!key) return fail(key.error().kind, "private_key: " + key.error().what);
  return dkim::SigningKey{.domain = std::string(from.at("domain").string()),
                          .selector = std::string(from.at("selector").string()),
                          .key = std::move(*key)};
}

// {"domain", "selector", "private_key"}, or several of them as "keys"; "headers", "canon", "time", "expiry".
Result<void> answer_sign(const BatchCase& given, PrivateKeyCache& cache, json::Writer& writer) {
  POSTERN_TRY(const MessageInput message, case_message(given));
  const json::Value& line = given.line;
  std::vector<dkim::SigningKey> keys;
  if (line.at("keys").is_array()) {
    for (const json::Value& each : line.at("keys").array()) {
      POSTERN_TRY(dkim::SigningKey key, signing_key(each, cache));
      keys.push_back(std::move(key));
    }
  } else {
    POSTERN_TRY(dkim::SigningKey key, signing_key(line, cache));
    keys.push_back(std::move(key));
  }
  dkim::SignOptions options;
  POSTERN_TRY(options.names, case_names(given, "headers"));
  options.oversign = line.at("oversign").boolean(options.names.empty());
  options.time = line.at("time").integer(given.now);
  if (line.at("expiry").is_number()) options.expiry = line.at("expiry").integer();
  options.auid = line.at("auid").string();
  if (line.at("canon").is_string()) {
    POSTERN_TRY(const CanonPair canon, parse_canon(line.at("canon").string()));
    options.header_canon = canon.header;
    options.body_canon = canon.body;
  }
  POSTERN_TRY(const std::vector<std::string> fields, sign_message(message, std::move(keys), std::move(options)));
  write_fields(writer, fields);
  return {};
}

// Not a coroutine on its own account: signing asks nobody.
Task<Result<void>> answer_sign_task(const BatchCase& given, PrivateKeyCache& cache, json::Writer& writer) {
  co_return answer_sign(given, cache, writer);
}

Result<std::vector<dkim::SigningKey>> keys_of(const DkimToolOptions& options) {
  if (options.keys.empty() || options.domains.empty()) {
    return fail(ErrorKind::invalid, "dkim sign needs --domain, --selector and --key");
  }
  if (options.selectors.size() != options.keys.size()) {
    return fail(ErrorKind::invalid, "each --key needs a --selector of its own, in the same order");
  }
  if (options.domains.size() != 1 && options.domains.size() != options.keys.size()) {
    return fail(ErrorKind::invalid, "give one --domain for all keys, or one for each --key, in the same order");
  }
  std::vector<dkim::SigningKey> keys;
  for (std::size_t i = 0; i < options.keys.size(); ++i) {
    POSTERN_TRY(crypto::PrivateKey key, read_private_key(options.keys[i]));
    keys.push_back({.domain = options.domains.size() == 1 ? options.domains.front() : options.domains[i],
                    .selector = options.selectors[i],
                    .key = std::move(key)});
  }
  return keys;
}

int run_sign(const DkimToolOptions& options) {
  if (options.common.batch) return run_batch(options.common, dkim_sign_batch());
  auto keys = keys_of(options);
  if (!keys) return complain(keys.error().what, kUsage);
  const auto canon = parse_canon(options.canon);
  if (!canon) return complain("--" + canon.error().what, kUsage);
  auto octets = read_whole(options.file, kMessageMax);
  if (!octets) return complain(octets.error().what, kUsage);
  const MessageInput message = message_input(std::move(*octets));

  dkim::SignOptions sign;
  sign.header_canon = canon->header;
  sign.body_canon = canon->body;
  sign.names = names_of(options.headers);
  sign.oversign = sign.names.empty() && !options.no_oversign;
  sign.time = options.time.value_or(options.common.now.value_or(wall_now() / 1000));
  sign.expiry = options.expiry;
  const auto fields = sign_message(message, std::move(*keys), std::move(sign));
  if (!fields) return complain(options.file + ": " + fields.error().what, kNegative);
  return put_fields(*fields, message, options.common.json, options.message);
}

}  // namespace

BatchAnswer dkim_verify_batch() {
  return [keys = std::make_shared<dkim::KeyCache>()](const BatchCase& given, dns::Resolver& resolver,
                                                     json::Writer& writer) {
    return answer_verify(given, resolver, *keys, writer);
  };
}

BatchAnswer dkim_sign_batch() {
  return [keys = std::make_shared<PrivateKeyCache>()](const BatchCase& given, dns::Resolver&, json::Writer& writer) {
    return answer_sign_task(given, *keys, writer);
  };
}

int run_dkim(const DkimToolOptions& options) { return options.sign ? run_sign(options) : run_verify(options); }

}  // namespace postern::cli
