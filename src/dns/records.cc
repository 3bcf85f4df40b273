#include "dns/records.h"

#include <algorithm>

#include "base/text.h"
#include "dns/octets.h"
#include "dns/wire.h"

namespace postern::dns {

namespace {

// A name, and where it ends.
std::optional<std::size_t> take_name(std::string_view data, std::size_t at, Name& name) {
  auto found = read_name(data, at);
  if (!found || !found->name) return std::nullopt;
  name = *std::move(found->name);
  return found->end;
}

}  // namespace

std::optional<Soa> parse_soa(std::string_view rdata) {
  Soa soa;
  auto at = take_name(rdata, 0, soa.primary);
  if (at) at = take_name(rdata, *at, soa.mailbox);
  if (!at || rdata.size() - *at != 20) return std::nullopt;
  soa.serial = read32(rdata, *at);
  soa.refresh = read32(rdata, *at + 4);
  soa.retry = read32(rdata, *at + 8);
  soa.expire = read32(rdata, *at + 12);
  soa.minimum = read32(rdata, *at + 16);
  return soa;
}

std::optional<Srv> parse_srv(std::string_view rdata) {
  if (rdata.size() < 7) return std::nullopt;
  Srv srv{read16(rdata, 0), read16(rdata, 2), read16(rdata, 4), {}};
  const auto end = take_name(rdata, 6, srv.target);
  if (!end || *end != rdata.size()) return std::nullopt;
  return srv;
}

std::optional<Ds> parse_ds(std::string_view rdata) {
  if (rdata.size() < 5) return std::nullopt;
  return Ds{read16(rdata, 0), octet(rdata, 2), octet(rdata, 3), std::string(rdata.substr(4))};
}

std::optional<Dnskey> parse_dnskey(std::string_view rdata) {
  if (rdata.size() < 5) return std::nullopt;
  Dnskey key{read16(rdata, 0), octet(rdata, 2), octet(rdata, 3), 0, std::string(rdata.substr(4))};
  // RFC 4034 appendix B; for algorithm 1 (B.1) it is another one, and that algorithm is gone (RFC 8624).
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < rdata.size(); ++i) {
    sum += i % 2 == 0 ? std::uint32_t{octet(rdata, i)} << 8U : octet(rdata, i);
  }
  sum += (sum >> 16U) & 0xFFFFU;
  key.key_tag = static_cast<std::uint16_t>(sum & 0xFFFFU);
  return key;
}

std::optional<Rrsig> parse_rrsig(std::string_view rdata) {
  if (rdata.size() < 20) return std::nullopt;
  Rrsig sig{.covered = read16(rdata, 0),
            .algorithm = octet(rdata, 2),
            .labels = octet(rdata, 3),
            .original_ttl = read32(rdata, 4),
            .expires = read32(rdata, 8),
            .begins = read32(rdata, 12),
            .key_tag = read16(rdata, 16),
            .signer = {}};
  const auto end = take_name(rdata, 18, sig.signer);
  if (!end || *end >= rdata.size()) return std::nullopt;
  return sig;
}

std::optional<Nsec3Param> parse_nsec3param(std::string_view rdata) {
  if (rdata.size() < 5 || rdata.size() - 5 != octet(rdata, 4)) return std::nullopt;
  return Nsec3Param{octet(rdata, 0), octet(rdata, 1), read16(rdata, 2), std::string(rdata.substr(5))};
}

std::optional<Caa> parse_caa(std::string_view rdata) {
  if (rdata.size() < 2) return std::nullopt;
  const std::size_t length = octet(rdata, 1);
  if (length == 0 || length > 15 || rdata.size() - 2 < length) return std::nullopt;
  const std::string_view tag = rdata.substr(2, length);
  if (!std::ranges::all_of(tag, [](char c) { return is_alpha(c) || is_digit(c); })) return std::nullopt;
  return Caa{(octet(rdata, 0) & 0x80U) != 0, lower(tag), std::string(rdata.substr(2 + length))};
}

bool is_well_formed(Type type, std::string_view rdata) {
  switch (type) {
    case Type::soa:
      return parse_soa(rdata).has_value();
    case Type::srv:
      return parse_srv(rdata).has_value();
    case Type::ds:
      return parse_ds(rdata).has_value();
    case Type::dnskey:
      return parse_dnskey(rdata).has_value();
    case Type::rrsig:
      return parse_rrsig(rdata).has_value();
    case Type::nsec3param:
      return parse_nsec3param(rdata).has_value();
    case Type::caa:
      return parse_caa(rdata).has_value();
    default:
      return true;
  }
}

}  // namespace postern::dns
