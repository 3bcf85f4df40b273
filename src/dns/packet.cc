#include "dns/packet.h"

#include <algorithm>

#include "dns/octets.h"
#include "dns/wire.h"

namespace postern::dns {

namespace {

constexpr std::uint16_t kTypeOpt = 41;

class PacketParser {
 public:
  PacketParser(std::string_view octets, Packet& out) : octets_(octets), out_(out) {}

  bool question(const Name& name, Type type) {
    at_ = kHeaderOctets;
    if (read16(octets_, 4) != 1) return false;
    const auto asked = read_name(octets_, at_);
    if (!asked || asked->name != name || octets_.size() - asked->end < 4) return false;
    at_ = asked->end + 4;
    return read16(octets_, asked->end) == static_cast<std::uint16_t>(type) &&
           read16(octets_, asked->end + 2) == kClassIn;
  }
  // A packet that was cut short may end anywhere between records.
  bool section(std::size_t counter, std::vector<Record>& records) {
    for (unsigned i = read16(octets_, counter); i > 0; --i) {
      if (at_ == octets_.size() && out_.truncated) return true;
      if (!record(records)) return false;
    }
    return true;
  }

 private:
  bool record(std::vector<Record>& records) {
    auto owner = read_name(octets_, at_);
    if (!owner || octets_.size() - owner->end < 10) return false;
    const std::size_t head = owner->end;
    const std::size_t length = read16(octets_, head + 8);
    const std::size_t data = head + 10;
    if (octets_.size() - data < length) return false;
    at_ = data + length;
    const std::uint16_t type = read16(octets_, head);
    const std::uint16_t klass = read16(octets_, head + 2);
    if (type == kTypeOpt) {
      out_.edns = true;
      out_.payload_octets = klass;
      return true;
    }
    auto rdata = plain_rdata(octets_, data, length, type);
    if (klass != kClassIn || !owner->name || !rdata || count_ == kPacketRecordsMax) {
      ++out_.dropped;
      return true;
    }
    ++count_;
    const std::uint32_t ttl = read32(octets_, head + 4);
    records.push_back({*std::move(owner->name), type, ttl > 0x7FFFFFFFU ? 0 : ttl, *std::move(rdata)});
    return true;
  }

  std::string_view octets_;
  Packet& out_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
};

}  // namespace

std::optional<Packet> parse_packet(std::string_view packet, std::uint16_t id, const Name& name, Type type) {
  if (packet.size() < kHeaderOctets || read16(packet, 0) != id || (octet(packet, 2) & 0x80U) == 0) return std::nullopt;
  Packet out;
  out.id = id;
  out.rcode = octet(packet, 3) & 0x0FU;
  out.authoritative = (octet(packet, 2) & 0x04U) != 0;
  out.truncated = (octet(packet, 2) & 0x02U) != 0;
  // A server that does not understand a query (FORMERR, RFC 6891 7) may leave everything out but the header.
  if (out.rcode != 0 && packet.size() == kHeaderOctets && read16(packet, 4) == 0) return out;
  PacketParser parser(packet, out);
  if (!parser.question(name, type) || !parser.section(6, out.answer) || !parser.section(8, out.authority) ||
      !parser.section(10, out.additional)) {
    return std::nullopt;
  }
  return out;
}

std::string query_packet(std::uint16_t id, const Name& name, Type type, const QueryOptions& options) {
  std::string out;
  append16(out, id);
  append16(out, options.recurse ? 0x0100 : 0);
  append16(out, 1);
  append16(out, 0);
  append16(out, 0);
  append16(out, options.edns ? 1 : 0);
  append_name(out, name);
  append16(out, static_cast<unsigned>(type));
  append16(out, kClassIn);
  if (!options.edns) return out;
  out.push_back('\0');  // RFC 6891 6.1.2: the root, OPT, the payload, extended code and version, flags, no data
  append16(out, kTypeOpt);
  append16(out, options.payload_octets);
  append16(out, 0);
  append16(out, options.dnssec ? 0x8000 : 0);
  append16(out, 0);
  return out;
}

Answer records_of(const std::vector<Record>& section, const Name& owner, Type type) {
  Answer out;
  out.canonical = owner;
  out.ttl = UINT32_MAX;
  for (const Record& record : section) {
    if (record.type != static_cast<std::uint16_t>(type) || record.owner != owner) continue;
    if (!read_rdata(record.rdata, 0, record.rdata.size(), type, out)) {
      ++out.dropped;
      continue;
    }
    out.ttl = std::min(out.ttl, record.ttl);
    out.status = Status::ok;
  }
  if (out.status != Status::ok) out.ttl = 0;
  return out;
}

}  // namespace postern::dns
