#include "dns/fixture.h"

#include <array>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace postern::dns {

namespace {

constexpr std::array kTypes{Type::a, Type::ns, Type::cname, Type::ptr, Type::mx, Type::txt, Type::aaaa, Type::tlsa};

std::optional<Type> type_of(std::string_view text) {
  for (const Type type : kTypes) {
    if (iequals(text, to_string(type))) return type;
  }
  return std::nullopt;
}

std::optional<Status> failure_of(std::string_view text) {
  if (text == "SERVFAIL") return Status::servfail;
  if (text == "TIMEOUT") return Status::timeout;
  if (text == "REFUSED") return Status::refused;
  if (text == "BOGUS") return Status::bogus;
  return std::nullopt;
}

// Design 5: code points 0 to 255 are octets. JSON's strings come as UTF-8, where those take one or two octets.
std::string octets_of(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    if (lead < 0x80) {
      out.push_back(utf8[i]);
    } else if ((lead == 0xC2 || lead == 0xC3) && i + 1 < utf8.size()) {
      const auto next = static_cast<unsigned char>(utf8[++i]);
      out.push_back(static_cast<char>(((lead & 0x03U) << 6U) | (next & 0x3FU)));
    } else {
      return std::string(utf8);
    }
  }
  return out;
}

// A name as people write it; where IDNA has nothing to say of it, its octets.
std::optional<Name> name_of(std::string_view text) {
  if (auto name = Name::from_unicode(text)) return name;
  return Name::parse(octets_of(text));
}

std::unexpected<Error> wrong(std::string_view what, std::string_view value) {
  return fail(ErrorKind::invalid, std::string(what) + ", not " + printable(value, 80));
}

Result<Name> host_of(const json::Value& value) {
  if (!value.is_string()) return wrong("a host name is a string", value.text());
  auto name = name_of(value.string());
  if (!name) return wrong("a host name has labels of 1 to 63 octets and at most 253 in all", value.string());
  return *std::move(name);
}

Result<> add_address(Answer& answer, Type type, const json::Value& value) {
  const auto address = ip::Address::parse(value.string());
  // An AAAA may hold a v4-mapped address, which becomes IPv4.
  if (!address || (type == Type::a && !address->is_v4()) || (type == Type::aaaa && !value.string().contains(':'))) {
    return wrong(type == Type::a ? "an IPv4 address is \"192.0.2.1\"" : "an IPv6 address is \"2001:db8::1\"",
                 value.text());
  }
  answer.addresses.push_back(*address);
  return {};
}

Result<> add_text(Answer& answer, const json::Value& value) {
  if (value.is_string()) {
    answer.texts.push_back(octets_of(value.string()));
    return {};
  }
  if (!value.is_array()) return wrong("a text is a string or a list of strings", value.text());
  std::string joined;
  for (const json::Value& piece : value.array()) {
    if (!piece.is_string()) return wrong("a piece of a text is a string", piece.text());
    joined += octets_of(piece.string());
  }
  answer.texts.push_back(std::move(joined));
  return {};
}

Result<> add_mx(Answer& answer, const json::Value& value) {
  const auto& fields = value.array();
  if (fields.size() != 2 || !fields[0].is_number() || fields[0].integer(-1) < 0 || fields[0].integer() > 65535) {
    return wrong("an MX is [preference, \"host\"] with a preference of 0 to 65535", value.text());
  }
  POSTERN_TRY(Name host, host_of(fields[1]));
  answer.mx.push_back({static_cast<std::uint16_t>(fields[0].integer()), std::move(host)});
  return {};
}

// "3 1 1 hex", the hex in any number of pieces; RFC 3597 5 for what is not whole: "\# 2 0301".
Result<> add_tlsa(Answer& answer, const json::Value& value) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(value.string(), ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  const bool generic = !words.empty() && words[0] == "\\#";
  const std::size_t numbers = generic ? 2 : 3;
  std::string hex;
  for (std::size_t i = numbers; i < words.size(); ++i) hex += words[i];
  auto data = from_hex(hex);
  std::array<std::uint64_t, 3> fields{};
  for (std::size_t i = generic ? 1 : 0; i < numbers; ++i) {
    const auto number = i < words.size() ? parse_unsigned(words[i], generic ? 65535 : 255) : std::nullopt;
    if (!number) data.reset();
    fields.at(i) = number.value_or(0);
  }
  if (!data || (generic && data->size() != fields[1])) {
    return wrong(R"(a TLSA is "usage selector matching hex" or "\# octets hex")", value.text());
  }
  if (generic) {
    if (data->size() < 4) {  // as the parser of real answers does
      ++answer.dropped;
      return {};
    }
    fields = {static_cast<std::uint8_t>((*data)[0]), static_cast<std::uint8_t>((*data)[1]),
              static_cast<std::uint8_t>((*data)[2])};
    data->erase(0, 3);
  }
  if (data->empty()) {
    ++answer.dropped;
    return {};
  }
  answer.tlsa.push_back({static_cast<std::uint8_t>(fields[0]), static_cast<std::uint8_t>(fields[1]),
                         static_cast<std::uint8_t>(fields[2]), *std::move(data)});
  return {};
}

Result<> add_value(Answer& answer, Type type, const json::Value& value) {
  switch (type) {
    case Type::a:
    case Type::aaaa:
      return add_address(answer, type, value);
    case Type::txt:
      return add_text(answer, value);
    case Type::mx:
      return add_mx(answer, value);
    case Type::tlsa:
      return add_tlsa(answer, value);
    case Type::ns:
    case Type::cname:
    case Type::ptr: {
      POSTERN_TRY(Name name, host_of(value));
      answer.names.push_back(std::move(name));
      return {};
    }
    default:  // kTypes has no others
      return {};
  }
}

bool has_records(const Answer& answer) {
  return !answer.addresses.empty() || !answer.texts.empty() || !answer.mx.empty() || !answer.names.empty() ||
         !answer.tlsa.empty() || !answer.rdata.empty();
}

Result<Answer> answer_of(Type type, const json::Value& values) {
  Answer answer;
  if (values.is_string()) {
    const auto failure = failure_of(values.string());
    if (!failure && type == Type::cname) {  // there can be but one, so that people write no list
      POSTERN_TRY_VOID(add_value(answer, type, values));
      answer.status = Status::ok;
      answer.ttl = Zone::kTtl;
      return answer;
    }
    if (!failure) {
      return wrong(R"(records are a list, or "SERVFAIL", "TIMEOUT", "REFUSED", "BOGUS")", values.string());
    }
    return *failed_answer(*failure, "the zone says " + std::string(values.string()));
  }
  if (!values.is_array()) return wrong("records are a list", values.text());
  for (const json::Value& value : values.array()) POSTERN_TRY_VOID(add_value(answer, type, value));
  if (type == Type::cname && answer.names.size() > 1)
    return wrong("a name has one CNAME (RFC 2181 10.1)", values.text());
  answer.status = has_records(answer) ? Status::ok : Status::nodata;
  answer.ttl = Zone::kTtl;
  return answer;
}

Answer negative(const Name& name, Status status, bool secure) {
  Answer answer;
  answer.status = status;
  answer.security = secure ? Security::secure : Security::insecure;
  answer.ttl = Zone::kTtl;
  answer.canonical = name;
  return answer;
}

}  // namespace

void Zone::set(const Name& name, Type type, Answer answer) {
  answer.canonical = name;
  names_[name].types[type] = std::make_shared<const Answer>(std::move(answer));
}

void Zone::set_all(const Name& name, Status status) {
  names_[name].all = failed_answer(status, "the zone says " + std::string(to_string(status)));
}

Result<Zone> Zone::from_json(const json::Value& zone) {
  if (!zone.is_object()) return wrong("a zone is an object {NAME: {TYPE: [values]}}", zone.text());
  Zone out;
  for (const auto& [key, entry] : zone.object()) {
    const auto name = name_of(key);
    if (!name) continue;
    const std::string place = "zone: " + printable(key);
    if (entry.is_string()) {
      const auto failure = failure_of(entry.string());
      if (!failure) {
        return wrong(place + R"(: a name has an object {TYPE: [values]} or "SERVFAIL", "TIMEOUT", "REFUSED", "BOGUS")",
                     entry.string());
      }
      out.set_all(*name, *failure);
      continue;
    }
    if (!entry.is_object()) return wrong(place + ": a name has an object {TYPE: [values]} or a string", entry.text());
    Entry& made = out.names_[*name];
    const bool secure = entry.at("secure").boolean();
    made.secure = made.secure || secure;
    for (const auto& [type_name, values] : entry.object()) {
      const auto type = type_of(type_name);
      if (!type) continue;
      auto answer = answer_of(*type, values);
      if (!answer)
        return fail(ErrorKind::invalid, place + ": " + printable(type_name, 20) + ": " + answer.error().what);
      if (secure && !is_temporary(answer->status)) answer->security = Security::secure;
      out.set(*name, *type, *std::move(answer));
    }
  }
  return out;
}

AnswerPtr Zone::find(const Name& name, Type type) const {
  Name at = name;
  bool secure = true;  // as long as every name of the chain is
  for (int hops = 0; hops <= kCnamesMax; ++hops) {
    const auto entry = names_.find(at);
    if (entry == names_.end()) return std::make_shared<const Answer>(negative(at, Status::nxdomain, false));
    if (entry->second.all) return entry->second.all;
    const auto& types = entry->second.types;
    const auto found = types.find(type);
    const auto cname = types.find(Type::cname);
    if (found != types.end() || cname == types.end()) {
      if (found == types.end()) {
        return std::make_shared<const Answer>(negative(at, Status::nodata, secure && entry->second.secure));
      }
      if (hops == 0 || secure || found->second->security != Security::secure) return found->second;
      Answer copy = *found->second;
      copy.security = Security::insecure;
      return std::make_shared<const Answer>(std::move(copy));
    }
    if (cname->second->status != Status::ok) return cname->second;
    secure = secure && cname->second->security == Security::secure;
    at = cname->second->names.front();
  }
  return failed_answer(Status::servfail,
                       "a chain of more than " + std::to_string(kCnamesMax) + " CNAMEs from " + printable(name.text()));
}

Task<AnswerPtr> FixtureResolver::query(Name name, Type type, Budget& budget) {
  if (budget.cancelled()) co_return failed_answer(Status::cancelled, "cancelled");
  if (!budget.take()) co_return failed_answer(Status::limit, "the look-ups of this message are spent");
  ++asked_;
  co_return zone_.find(name, type);
}

}  // namespace postern::dns
