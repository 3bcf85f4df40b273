// A key record (the first line) and a message with or without ARC fields, all of it hostile. Validation says the same
// each time, and what it says hangs together; what it found can be sealed, and the sealed message validates as RFC 8617
// 5.1 says: pass after none or pass, fail after fail.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "arc/seal.h"
#include "arc/verify.h"
#include "base/text.h"

namespace {

using namespace postern;

void check(bool condition) {
  if (!condition) std::abort();
}

const crypto::PrivateKey& own_key() {
  static const crypto::PrivateKey key =
      crypto::PrivateKey::parse("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").value();
  return key;
}

// The first line for every name but ours, which has the key that the seeds are sealed with.
class OneRecord final : public dns::Resolver {
 public:
  explicit OneRecord(std::string record) : record_(std::move(record)) {}
  Task<dns::AnswerPtr> query(dns::Name name, dns::Type /*type*/, dns::Budget& budget) override {
    ++asked;
    if (!budget.take()) co_return dns::failed_answer(dns::Status::servfail, "over budget");
    dns::Answer answer{.status = dns::Status::ok};
    answer.texts.push_back(name.text() == "own._domainkey.example.org"
                               ? "v=DKIM1; k=ed25519; p=" + to_base64(own_key().public_octets())
                               : record_);
    co_return std::make_shared<const dns::Answer>(std::move(answer));
  }
  void prefetch(const dns::Name& /*name*/, dns::Type /*type*/) override {}
  std::size_t asked = 0;

 private:
  std::string record_;
};

arc::Chain validate(const message::HeaderSection& header, std::string_view body, OneRecord& resolver) {
  dkim::BodyHashes hashes;
  arc::Verifier verifier(header, hashes);
  dns::Budget budget;
  dkim::KeyCache cache;
  resolver.asked = 0;
  verifier.prefetch(resolver);
  run_ready(verifier.fetch_keys(resolver, budget, cache));
  hashes.add(body);
  hashes.finish();
  arc::Chain chain = verifier.verify();
  check(verifier.has_chain() == (chain.outcome != arc::Outcome::none));
  return chain;
}

void check_chain(const arc::Chain& chain, std::size_t asked) {
  check(chain.sets.size() <= arc::kInstancesMax);
  check(asked <= chain.sets.size() + 1);
  check((chain.outcome == arc::Outcome::fail) == !chain.problem.empty());
  check(!chain.temporary || chain.outcome == arc::Outcome::fail);
  check(is_ascii(chain.problem) && !chain.problem.contains('\n'));
  for (std::size_t i = 0; i < chain.sets.size(); ++i) {
    check(chain.sets[i].instance >= 1 && chain.sets[i].instance <= arc::kInstancesMax);
    check(i == 0 || chain.sets[i - 1].instance < chain.sets[i].instance);
    if (chain.outcome != arc::Outcome::pass) continue;
    check(chain.sets[i].instance == i + 1);
    check(chain.sets[i].cv == (i == 0 ? "none" : "pass"));
  }
  check(chain.oldest_pass <= chain.sets.size());
  check(chain.outcome != arc::Outcome::pass || !chain.sets.empty());
  check(chain.outcome != arc::Outcome::none || (chain.sets.empty() && asked == 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  OneRecord resolver{std::string(input.substr(0, line))};
  const std::string_view message = input.substr(line + 1);
  const std::size_t end = message.find("\r\n\r\n");
  const std::string text(message.substr(0, end == std::string_view::npos ? end : end + 2));
  const std::string_view body = end == std::string_view::npos ? std::string_view() : message.substr(end + 4);

  if (text.starts_with(' ') || text.starts_with('\t')) return 0;  // a fold of whatever stands above it

  const message::HeaderSection header(text);
  const arc::Chain chain = validate(header, body, resolver);
  check_chain(chain, resolver.asked);
  const arc::Chain again = validate(header, body, resolver);
  check(again.outcome == chain.outcome && again.problem == chain.problem && again.oldest_pass == chain.oldest_pass);

  authres::Results results;
  results.authserv_id = "mx.example.org";
  arc::SealOptions options;
  options.time = 12345;
  arc::Sealer sealer(header, {.domain = "example.org", .selector = "own", .key = own_key()}, options);
  sealer.body(body);
  const auto fields = sealer.finish(chain, results);
  if (!fields) {
    // What a header can have that is not sealed: no From, a chain that ended or is full.
    check(header.count("From") == 0 || chain.outcome != arc::Outcome::none);
    return 0;
  }
  check(fields->size() == 3);
  std::string sealed;
  for (const std::string& field : *fields) {
    check(field.ends_with("\r\n"));
    sealed += field;
  }
  const message::HeaderSection extended(sealed + text);
  const arc::Chain after = validate(extended, body, resolver);
  check_chain(after, resolver.asked);
  if (chain.outcome == arc::Outcome::fail) {
    check(after.outcome == arc::Outcome::fail && after.sets.back().cv == "fail");
  } else {
    check(after.outcome == arc::Outcome::pass && after.sets.size() == chain.sets.size() + 1);
  }
  return 0;
}
