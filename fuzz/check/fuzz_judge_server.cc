// What a hostile server may say, judged: lines of the input are its greeting and its EHLO reply, what stands behind an
// empty line is its certificate in DER and the data of a TLSA record. Whatever it is, every finding is one of the
// catalogue, has evidence within the bound, and a remedy where something is wrong.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "base/text.h"
#include "check/judge_impl.h"

namespace {
void must(bool condition, std::string_view what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", std::string(what).c_str());
  std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  using namespace postern::check;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t middle = std::min(input.find("\n\n"), input.size());
  Target target;
  target.domain = *dns::Name::parse("example.org");
  target.hosts.push_back({.name = *dns::Name::parse("mx.example.org"), .addresses = {}, .tlsa = nullptr});
  dns::Answer tlsa;
  for (const char* const text : {"192.0.2.1", "2001:db8::1"}) {
    Address address;
    address.address = *ip::Address::parse(text);
    ServerFacts facts;
    facts.connected = facts.extended = facts.offers_starttls = true;
    facts.banner_code = 220;
    facts.hello_code = 250;
    for (const std::string_view line : split(input.substr(0, middle), '\n')) {
      if (facts.banner.empty())
        facts.banner = printable(line, 500);
      else
        facts.extensions.push_back(printable(line, 500));
    }
    facts.tls.emplace();
    facts.tls->version = facts.extensions.empty() ? "TLSv1.2" : facts.extensions.front();
    facts.tls->cipher = facts.extensions.empty() ? "" : facts.extensions.back();
    facts.tls->group = facts.banner;
    facts.tls->signature_hash = facts.banner;
    if (middle + 2 <= size) {
      if (auto read = crypto::read_certificate(input.substr(middle + 2))) facts.tls->chain = {*read, *read};
      tlsa.status = dns::Status::ok;
      tlsa.security = dns::Security::secure;
      tlsa.tlsa = {{.usage = 3, .selector = 0, .matching = 0, .data = std::string(input.substr(middle + 2))},
                   {.usage = 2, .selector = 1, .matching = 0, .data = std::string(input.substr(middle + 2))}};
    }
    address.server = std::move(facts);
    target.hosts.front().addresses.push_back(std::move(address));
  }
  target.hosts.front().tlsa = std::make_shared<dns::Answer>(std::move(tlsa));
  target.sts = mtasts::Policy{.mode = mtasts::Mode::enforce, .max_age = 86400, .mx = {"*.example.org"}};
  Options options;
  options.now = 1'795'000'000'000;
  std::set<std::string_view> known;
  for (const Check& one : server_checks()) known.insert(one.id);
  for (const Finding& one : judge_servers(target, options)) {
    must(known.contains(one.id), one.id);
    must(!one.subject.empty() && !one.evidence.empty() && one.evidence.size() <= kEvidenceMax, one.id);
    must(one.outcome < Outcome::warn || !one.fix.empty(), one.id);
    must(std::all_of(one.evidence.begin(), one.evidence.end(), [](char c) { return c >= ' ' && c <= '~'; }),
         one.evidence);
  }
  return 0;
}
