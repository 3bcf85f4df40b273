#include "dns/wire.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/text.h"
#include "dns/octets.h"
#include "dns/records.h"

namespace postern::dns {

namespace {

constexpr std::size_t kWireNameMax = 255;  // RFC 1035 2.3.4
constexpr std::uint8_t kNoError = 0, kServfail = 2, kNxdomain = 3;
constexpr std::uint16_t kTypeSoa = static_cast<std::uint16_t>(Type::soa);

bool fits(std::string_view packet, std::size_t at, std::size_t length) {
  return at <= packet.size() && length <= packet.size() - at;
}

// A name that must end exactly where its record's data end; compressed ones may point anywhere before.
std::optional<WireName> name_until(std::string_view packet, std::size_t at, std::size_t end) {
  auto name = read_name(packet, at);
  if (!name || name->end != end || !name->name) return std::nullopt;
  return name;
}

// RFC 1035 3.3.14: character-strings, each with its length in front; at least one.
bool read_text(std::string_view data, Answer& answer) {
  std::string text;
  if (data.empty()) return false;
  while (!data.empty()) {
    const std::size_t length = octet(data, 0);
    if (length > data.size() - 1) return false;
    text += data.substr(1, length);
    data.remove_prefix(1 + length);
  }
  answer.texts.push_back(std::move(text));
  return true;
}

struct Record {
  Name owner;
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;
  std::size_t data = 0;
  std::size_t length = 0;
};

// RFC 2181 8: a TTL with the top bit set is zero.
std::uint32_t sane_ttl(std::uint32_t ttl) { return ttl > 0x7FFFFFFFU ? 0 : ttl; }

class ReplyParser {
 public:
  ReplyParser(std::string_view packet, const Name& name, Type type) : packet_(packet), asked_(name), type_(type) {}

  std::optional<Reply> parse() {
    if (packet_.size() < kHeaderOctets || (octet(packet_, 2) & 0x80U) == 0) return std::nullopt;
    reply_.rcode = octet(packet_, 3) & 0x0FU;
    reply_.authentic = (octet(packet_, 3) & 0x20U) != 0;
    at_ = kHeaderOctets;
    for (unsigned i = read16(packet_, 4); i > 0; --i) {
      const auto name = read_name(packet_, at_);
      if (!name || !fits(packet_, name->end, 4)) return std::nullopt;
      at_ = name->end + 4;
    }
    std::vector<Record> records;
    for (unsigned i = read16(packet_, 6); i > 0; --i) {
      auto record = next_record();
      if (!record) return std::nullopt;
      if (*record) records.push_back(**std::move(record));
    }
    fill(records);
    if (reply_.answer.status == Status::nodata || reply_.answer.status == Status::nxdomain) {
      if (!negative_ttl()) return std::nullopt;
    }
    return std::move(reply_);
  }

 private:
  // Outer nullopt: malformed. Inner: of another class, or of an owner that no Name can be.
  std::optional<std::optional<Record>> next_record() {
    auto owner = read_name(packet_, at_);
    if (!owner || !fits(packet_, owner->end, 10)) return std::nullopt;
    Record record;
    record.type = read16(packet_, owner->end);
    record.ttl = sane_ttl(read32(packet_, owner->end + 4));
    record.length = read16(packet_, owner->end + 8);
    record.data = owner->end + 10;
    if (!fits(packet_, record.data, record.length)) return std::nullopt;
    at_ = record.data + record.length;
    if (!owner->name || read16(packet_, owner->end + 2) != kClassIn) return std::optional<Record>();
    record.owner = *std::move(owner->name);
    return record;
  }

  void fill(const std::vector<Record>& records) {
    Answer& answer = reply_.answer;
    answer.canonical = asked_;
    answer.ttl = UINT32_MAX;
    if (reply_.rcode != kNoError && reply_.rcode != kNxdomain) {
      answer.status = reply_.rcode == kServfail ? Status::servfail : Status::refused;
      answer.ttl = 0;
      return;
    }
    if (type_ != Type::cname && !follow_cnames(records)) return;
    add_records(records);
    if (added_ > 0) {
      answer.status = Status::ok;
    } else if (answer.dropped > 0 && type_ != Type::tlsa) {
      answer.status = Status::servfail;
      answer.why = "every record of the answer is malformed";
    } else {
      answer.status = reply_.rcode == kNxdomain ? Status::nxdomain : Status::nodata;
    }
  }

  bool follow_cnames(const std::vector<Record>& records) {
    Answer& answer = reply_.answer;
    std::map<Name, const Record*> cnames;
    for (const Record& record : records) {
      if (record.type == static_cast<std::uint16_t>(Type::cname)) cnames.emplace(record.owner, &record);
    }
    int hops = 0;
    for (auto next = cnames.find(asked_); next != cnames.end(); next = cnames.find(answer.canonical)) {
      const Record& record = *next->second;
      auto target = name_until(packet_, record.data, record.data + record.length);
      if (!target || ++hops > kCnamesMax) {
        answer.status = Status::servfail;
        answer.why = target ? "a chain of more than " + std::to_string(kCnamesMax) + " CNAMEs" : "a malformed CNAME";
        answer.ttl = 0;
        return false;
      }
      answer.ttl = std::min(answer.ttl, record.ttl);
      answer.canonical = *std::move(target->name);
    }
    return true;
  }

  void add_records(const std::vector<Record>& records) {
    Answer& answer = reply_.answer;
    std::size_t octets = 0;
    for (const Record& record : records) {
      if (record.type != static_cast<std::uint16_t>(type_) || record.owner != answer.canonical) continue;
      if (added_ == kRecordsMax || record.length > kAnswerOctetsMax - octets ||
          !read_rdata(packet_, record.data, record.length, type_, answer)) {
        ++answer.dropped;
        continue;
      }
      octets += record.length;
      ++added_;
      answer.ttl = std::min(answer.ttl, record.ttl);
    }
  }

  // RFC 2308 5: the lower one of the SOA's TTL and its last field; without a SOA, nothing to cache by.
  bool negative_ttl() {
    std::uint32_t ttl = 0;
    for (unsigned i = read16(packet_, 8); i > 0; --i) {
      const auto record = next_record();
      if (!record) return false;
      if (!*record || (*record)->type != kTypeSoa || (*record)->length < 4) continue;
      ttl = std::min((*record)->ttl, sane_ttl(read32(packet_, (*record)->data + (*record)->length - 4)));
    }
    reply_.answer.ttl = std::min(reply_.answer.ttl, ttl);
    return true;
  }

  std::string_view packet_;
  const Name& asked_;
  Type type_;
  std::size_t at_ = 0;
  std::size_t added_ = 0;
  Reply reply_;
};

}  // namespace

std::optional<WireName> read_name(std::string_view packet, std::size_t at) {
  WireName out;
  std::string text;
  bool ours = true;
  bool jumped = false;
  std::size_t octets = 1;     // in wire form, the root's octet included
  std::size_t earliest = at;  // a pointer must lead before this, so that no chain of them is endless
  for (;;) {
    if (at >= packet.size()) return std::nullopt;
    const std::uint8_t length = octet(packet, at);
    if ((length & 0xC0U) == 0xC0U) {
      if (!fits(packet, at, 2)) return std::nullopt;
      const std::size_t target = read16(packet, at) & 0x3FFFU;
      if (target >= earliest) return std::nullopt;
      if (!jumped) out.end = at + 2;
      jumped = true;
      at = earliest = target;
      continue;
    }
    if (length > kLabelMax) return std::nullopt;  // RFC 6891 5: other label types are gone
    if (length == 0) break;
    octets += length + std::size_t{1};
    if (octets > kWireNameMax || !fits(packet, at + 1, length)) return std::nullopt;
    const std::string_view label = packet.substr(at + 1, length);
    ours = ours && !label.contains('.');
    if (!text.empty()) text += '.';
    text += label;
    at += length + std::size_t{1};
  }
  if (!jumped) out.end = at + 1;
  if (ours) out.name = Name::parse(text);
  return out;
}

void append_name(std::string& out, const Name& name) {
  if (!name.is_root()) {
    for (const std::string_view label : split(name.text(), '.')) {
      out.push_back(static_cast<char>(label.size()));
      out += label;
    }
  }
  out.push_back('\0');
}

bool read_rdata(std::string_view packet, std::size_t at, std::size_t length, Type type, Answer& answer) {
  if (!fits(packet, at, length)) return false;
  const std::string_view data = packet.substr(at, length);
  switch (type) {
    case Type::a: {
      std::array<std::uint8_t, 4> octets{};
      if (length != octets.size()) return false;
      std::ranges::copy(data, octets.begin());
      answer.addresses.push_back(ip::Address::v4(octets));
      return true;
    }
    case Type::aaaa: {
      std::array<std::uint8_t, 16> octets{};
      if (length != octets.size()) return false;
      std::ranges::copy(data, octets.begin());
      answer.addresses.push_back(ip::Address::v6(octets));
      return true;
    }
    case Type::txt:
      return read_text(data, answer);
    case Type::mx: {
      if (length < 3) return false;
      auto host = name_until(packet, at + 2, at + length);
      if (!host) return false;
      answer.mx.push_back({read16(packet, at), *std::move(host->name)});
      return true;
    }
    case Type::ns:
    case Type::cname:
    case Type::ptr: {
      auto name = name_until(packet, at, at + length);
      if (!name) return false;
      answer.names.push_back(*std::move(name->name));
      return true;
    }
    case Type::tlsa:
      if (length < 4) return false;
      answer.tlsa.push_back({octet(data, 0), octet(data, 1), octet(data, 2), std::string(data.substr(3))});
      return true;
    case Type::soa:
    case Type::srv:
    case Type::ds:
    case Type::rrsig:
    case Type::dnskey:
    case Type::nsec3param:
    case Type::caa: {
      auto plain = plain_rdata(packet, at, length, static_cast<std::uint16_t>(type));
      if (!plain || !is_well_formed(type, *plain)) return false;
      answer.rdata.push_back(*std::move(plain));
      return true;
    }
  }
  return false;
}

std::optional<std::string> plain_rdata(std::string_view packet, std::size_t at, std::size_t length,
                                       std::uint16_t type) {
  if (!fits(packet, at, length)) return std::nullopt;
  std::size_t head = 0, names = 0, tail = 0;  // octets before the names, names, octets after them
  switch (static_cast<Type>(type)) {
    case Type::ns:
    case Type::cname:
    case Type::ptr:
      names = 1;
      break;
    case Type::mx:
      head = 2;
      names = 1;
      break;
    case Type::srv:
      head = 6;
      names = 1;
      break;
    case Type::soa:
      names = 2;
      tail = 20;
      break;
    default:  // RFC 3597 4: no compression in types that came later
      return std::string(packet.substr(at, length));
  }
  if (length < head) return std::nullopt;
  std::string out(packet.substr(at, head));
  const std::size_t end = at + length;
  at += head;
  for (; names > 0; --names) {
    const auto name = read_name(packet, at);
    if (!name || !name->name || name->end > end) return std::nullopt;
    append_name(out, *name->name);
    at = name->end;
  }
  if (end - at != tail) return std::nullopt;
  out += packet.substr(at, tail);
  return out;
}

std::optional<Reply> parse_reply(std::string_view packet, const Name& name, Type type) {
  return ReplyParser(packet, name, type).parse();
}

std::string query_packet(std::uint16_t id, const Name& name, Type type) {
  std::string out;
  append16(out, id);
  append16(out, 0x0100);  // RD
  append16(out, 1);
  out.append(6, '\0');
  append_name(out, name);
  append16(out, static_cast<unsigned>(type));
  append16(out, kClassIn);
  return out;
}

std::optional<std::uint8_t> reply_code(std::string_view packet, std::uint16_t id) {
  if (packet.size() < kHeaderOctets || read16(packet, 0) != id || (octet(packet, 2) & 0x80U) == 0) return std::nullopt;
  return octet(packet, 3) & 0x0FU;
}

}  // namespace postern::dns
