// What the tests of judge_servers() share: a domain whose one mail host is as it should be, to be spoiled.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "check/judge_impl.h"
#include "crypto/digest.h"
#include "unit/tls_authority.h"

namespace postern::check::test {

using postern::test::issue;
using postern::test::Issued;
using enum Outcome;

inline constexpr WallMs kDay = 24LL * 60 * 60 * 1000;

class JudgeServers : public ::testing::Test {
 protected:
  JudgeServers() {
    root = issue({.subject = "root", .dns_names = {}, .authority = true});
    middle = issue({.subject = "middle", .dns_names = {}, .authority = true}, &root);
    own = issue({.subject = "mx", .dns_names = {"mx.example.org"}, .to_days = 90}, &middle);
    other = issue({.subject = "other", .dns_names = {"other.example"}, .to_days = 90});
    options.now = wall_now();
    options.smtp_port = 25;
    options.deep = true;
    target.domain = *dns::Name::parse("example.org");
    add_host("mx.example.org");
    add_address("192.0.2.1");
  }
  void add_host(const std::string& name) {
    target.hosts.push_back({.name = *dns::Name::parse(name), .addresses = {}, .tlsa = std::make_shared<dns::Answer>()});
  }
  void add_address(const std::string& text) {
    Address address;
    address.address = *ip::Address::parse(text);
    address.server = healthy();
    address.server->endpoint = {address.address, 25};
    target.hosts.back().addresses.push_back(std::move(address));
  }
  static std::vector<CertificateFacts> chain_of(const std::vector<const Issued*>& chain) {
    std::vector<CertificateFacts> out;
    for (const Issued* const one : chain) out.push_back(*crypto::read_certificate(one->der()));
    return out;
  }
  ServerFacts healthy() {
    ServerFacts out;
    out.connected = true;
    out.connect_ms = 10;
    out.banner_ms = 20;
    out.whole_ms = 100;
    out.banner_code = 220;
    out.banner = "mx.example.org ESMTP";
    out.banner_name_resolves = true;
    out.hello_code = 250;
    out.extended = out.extended_tls = true;
    out.hello_reply = "mx.example.org";
    out.extensions = {"PIPELINING", "SIZE 1000", "STARTTLS"};
    out.extensions_tls = {"PIPELINING", "SIZE 1000"};
    out.offers_starttls = true;
    out.starttls_code = 220;
    TlsFound tls;
    tls.version = "TLSv1.3";
    tls.cipher = "TLS_AES_256_GCM_SHA384";
    tls.group = "X25519";
    tls.signature_hash = "SHA256";
    tls.trusted = true;
    tls.chain = chain_of({&own, &middle});
    tls.extended_master_secret = tls.secure_renegotiation = true;
    out.tls = std::move(tls);
    return out;
  }
  ServerFacts& facts(std::size_t host = 0, std::size_t address = 0) {
    return *target.hosts[host].addresses[address].server;
  }
  TlsFound& tls() { return *facts().tls; }
  void set_tlsa(std::vector<dns::Tlsa> records, dns::Security security = dns::Security::secure) {
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.security = security;
    answer.ttl = 3600;
    answer.tlsa = std::move(records);
    target.hosts.front().tlsa = std::make_shared<dns::Answer>(std::move(answer));
  }
  static dns::Tlsa record(int usage, int selector, int matching, const Issued& of) {
    return {.usage = static_cast<std::uint8_t>(usage),
            .selector = static_cast<std::uint8_t>(selector),
            .matching = static_cast<std::uint8_t>(matching),
            .data = of.association(selector, matching)};
  }
  void set_sts(mtasts::Mode mode) {
    target.sts = mtasts::Policy{.mode = mode, .max_age = 86400, .mx = {"mx.example.org"}};
  }

  // The findings of an id, all of which must have one outcome.
  std::optional<Outcome> outcome(std::string_view id) {
    findings = judge_servers(target, options);
    std::optional<Outcome> out;
    for (const Finding& one : findings) {
      if (one.id != id) continue;
      if (out && *out != one.outcome) ADD_FAILURE() << id << " has several outcomes";
      out = one.outcome;
      last = one;
    }
    return out;
  }
  Outcome worst_of(std::string_view id) {
    Outcome out = pass;
    for (const Finding& one : judge_servers(target, options)) {
      if (one.id != id || one.outcome < out) continue;
      out = one.outcome;
      last = one;
    }
    return out;
  }

  Issued root, middle, own, other;
  Options options;
  Target target;
  std::vector<Finding> findings;
  Finding last;
};

}  // namespace postern::check::test
