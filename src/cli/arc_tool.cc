// postern arc verify and postern arc seal.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "arc/seal.h"
#include "arc/verify.h"
#include "authres/authres.h"
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

namespace postern::cli {

namespace {

Task<arc::Chain> verify_chain(const MessageInput& message, dns::Resolver& resolver, dkim::KeyCache& keys,
                              std::int64_t now) {
  const message::HeaderSection header{std::string(message.header())};
  dkim::BodyHashes hashes;
  arc::Verifier verifier(header, hashes);
  dns::Budget budget(dns::Budget::kLookups, Deadline::after(kToolDeadline));
  verifier.prefetch(resolver);
  co_await verifier.fetch_keys(resolver, budget, keys);
  hashes.add(message.body());
  hashes.finish();
  co_return verifier.verify(now);
}

Task<Result<void>> answer_verify(const BatchCase& given, dns::Resolver& resolver, dkim::KeyCache& keys,
                                 json::Writer& writer) {
  POSTERN_CO_TRY(const MessageInput message, case_message(given));
  const arc::Chain chain = co_await verify_chain(message, resolver, keys, given.now);
  write_arc(writer, chain);
  co_return Result<void>();
}

Task<void> verify_once(const MessageInput& message, dns::Resolver& resolver, std::int64_t now, arc::Chain& out) {
  dkim::KeyCache keys;
  out = co_await verify_chain(message, resolver, keys, now);
}

int run_verify(const ArcToolOptions& options) {
  if (options.common.batch) return run_batch(options.common, arc_verify_batch());
  const auto input = open_tool_input(options.common, options.file);
  if (!input) return input.error();
  arc::Chain chain;
  input->tool->run(
      verify_once(input->message, *input->resolver, options.common.now.value_or(wall_now() / 1000), chain));

  std::string out;
  if (options.common.json) {
    json::Writer writer(out);
    writer.begin_object();
    write_arc(writer, chain);
    writer.end_object();
    out += '\n';
  } else {
    out = arc_text(chain, colour_wanted());
  }
  print(out);
  return chain.outcome == arc::Outcome::pass ? kOk : kNegative;
}

struct SealRequest {
  dkim::SigningKey key;
  std::string authserv_id;
  std::string results;  // behind the authserv-id; empty: those of the message's own Authentication-Results fields
  std::string cv;       // none, pass or fail; empty: validate
  std::int64_t now = 0;
  arc::SealOptions options;
};

// A chain that need not be validated: only its length is wanted.
arc::Chain stated_chain(const message::HeaderSection& header, arc::Outcome outcome) {
  arc::Chain chain;
  chain.outcome = outcome;
  const std::size_t sets = std::min<std::size_t>(header.count("arc-seal"), arc::kInstancesMax);
  for (std::size_t i = 1; i <= sets; ++i) {
    chain.sets.push_back(
        {.instance = static_cast<std::uint32_t>(i), .domain = {}, .selector = {}, .cv = {}, .results = {}});
  }
  return chain;
}

// What Authentication-Results says, checked, with its authserv-id in front.
Result<std::string> results_payload(const SealRequest& request, const message::HeaderSection& header) {
  if (request.results.empty()) return authres::consolidated(header, request.authserv_id);
  std::string payload = request.authserv_id + "; " + std::string(trim(request.results));
  if (const auto read = authres::parse(payload); !read) return fail(read.error().kind, "results: " + read.error().what);
  return payload;
}

Result<void> check_request(const SealRequest& request) {
  if (request.authserv_id.empty()) return fail(ErrorKind::invalid, "authserv_id: is missing");
  if (!request.cv.empty() && request.cv != "none" && request.cv != "pass" && request.cv != "fail") {
    return fail(ErrorKind::invalid, "cv: \"" + printable(request.cv, 64) + "\" is none; write none, pass or fail");
  }
  return {};
}

// arc= of the message's own Authentication-Results fields; empty where they do not say.
std::string own_arc_result(const MessageInput& message, std::string_view authserv_id) {
  const message::HeaderSection header{std::string(message.header())};
  const auto results = authres::parse_lenient(authres::consolidated(header, authserv_id));
  if (!results) return {};
  for (const authres::Method& method : results->methods) {
    if (method.method != "arc") continue;
    if (method.result == "none" || method.result == "pass" || method.result == "fail") return method.result;
  }
  return {};
}

arc::Outcome stated_outcome(std::string_view cv) {
  if (cv == "pass") return arc::Outcome::pass;
  return cv == "fail" ? arc::Outcome::fail : arc::Outcome::none;
}

Task<Result<std::vector<std::string>>> seal_message(const MessageInput& message, SealRequest request,
                                                    dns::Resolver& resolver, dkim::KeyCache& keys) {
  POSTERN_CO_TRY_VOID(check_request(request));
  const message::HeaderSection header{std::string(message.header())};
  POSTERN_CO_TRY(const std::string payload, results_payload(request, header));
  arc::Chain chain;
  if (request.cv.empty()) {
    chain = co_await verify_chain(message, resolver, keys, request.now);
  } else {
    chain = stated_chain(header, stated_outcome(request.cv));
  }
  arc::Sealer sealer(header, std::move(request.key), std::move(request.options));
  sealer.body(message.body());
  co_return sealer.finish(chain, payload);
}

Task<Result<void>> answer_seal(const BatchCase& given, dns::Resolver& resolver, PrivateKeyCache& cache,
                               dkim::KeyCache& keys, json::Writer& writer) {
  POSTERN_CO_TRY(const MessageInput message, case_message(given));
  SealRequest request;
  POSTERN_CO_TRY(request.key.domain, case_string(given, "domain"));
  POSTERN_CO_TRY(request.key.selector, case_string(given, "selector"));
  POSTERN_CO_TRY(const std::string pem, case_string(given, "private_key"));
  POSTERN_CO_TRY(request.key.key, cache.parse(pem));
  POSTERN_CO_TRY(request.authserv_id, case_string(given, "authserv_id"));
  request.results = given.line.at("results").string();
  request.cv = lower(given.line.at("cv").string());
  // Without DNS for the line, what our own border found is better than asking the world.
  if (request.cv.empty() && given.line.at("zone").is_null()) request.cv = own_arc_result(message, request.authserv_id);
  request.now = given.now;
  request.options.time = given.line.at("time").integer(given.now);
  POSTERN_CO_TRY(request.options.names, case_names(given, "headers"));
  const auto fields = co_await seal_message(message, std::move(request), resolver, keys);
  if (!fields) co_return std::unexpected(fields.error());
  write_fields(writer, *fields);
  for (const std::string& field : *fields) {
    if (istarts_with(field, "arc-seal:")) writer.field("arc_seal", body_of_field(field));
    if (istarts_with(field, "arc-message-signature:")) writer.field("arc_message_signature", body_of_field(field));
    if (istarts_with(field, "arc-authentication-results:")) {
      writer.field("arc_authentication_results", body_of_field(field));
    }
  }
  co_return Result<void>();
}

Task<void> seal_once(const MessageInput& message, SealRequest request, dns::Resolver& resolver,
                     Result<std::vector<std::string>>& out) {
  dkim::KeyCache keys;
  out = co_await seal_message(message, std::move(request), resolver, keys);
}

int run_seal(const ArcToolOptions& options) {
  if (options.common.batch) return run_batch(options.common, arc_seal_batch());
  if (options.domain.empty() || options.selector.empty() || options.key.empty()) {
    return complain("arc seal needs --domain, --selector, --key and --authserv-id", kUsage);
  }
  auto key = read_private_key(options.key);
  if (!key) return complain(key.error().what, kUsage);
  SealRequest request{.key = {.domain = options.domain, .selector = options.selector, .key = std::move(*key)},
                      .authserv_id = options.authserv_id,
                      .results = options.results,
                      .cv = lower(options.cv),
                      .now = options.common.now.value_or(wall_now() / 1000),
                      .options = {}};
  request.options.time = options.time.value_or(options.common.now.value_or(wall_now() / 1000));
  request.options.names = names_of(options.headers);
  if (const auto good = check_request(request); !good) return complain("arc seal: " + good.error().what, kUsage);
  const auto input = open_tool_input(options.common, options.file);
  if (!input) return input.error();
  Result<std::vector<std::string>> fields;
  input->tool->run(seal_once(input->message, std::move(request), *input->resolver, fields));
  if (!fields) return complain(options.file + ": " + fields.error().what, kNegative);
  return put_fields(*fields, input->message, options.common.json, options.message);
}

}  // namespace

BatchAnswer arc_verify_batch() {
  return [keys = std::make_shared<dkim::KeyCache>()](const BatchCase& given, dns::Resolver& resolver,
                                                     json::Writer& writer) {
    return answer_verify(given, resolver, *keys, writer);
  };
}

BatchAnswer arc_seal_batch() {
  struct Caches {
    PrivateKeyCache own;
    dkim::KeyCache published;
  };
  return [caches = std::make_shared<Caches>()](const BatchCase& given, dns::Resolver& resolver, json::Writer& writer) {
    return answer_seal(given, resolver, caches->own, caches->published, writer);
  };
}

int run_arc(const ArcToolOptions& options) { return options.seal ? run_seal(options) : run_verify(options); }

}  // namespace postern::cli
