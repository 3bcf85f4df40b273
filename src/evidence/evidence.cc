#include "evidence/evidence.h"

#include <algorithm>

#include "base/text.h"

namespace postern::evidence {

namespace {

constexpr std::size_t kNoText = kSignals;

// Where a text signal's octets are.
constexpr std::size_t text_slot(Signal signal) {
  switch (signal) {
    case Signal::rdns_name:
      return 0;
    case Signal::rdns_domain:
      return 1;
    case Signal::syn:
      return 2;
    case Signal::helo_name:
      return 3;
    case Signal::cipher:
      return 4;
    case Signal::ja4:
      return 5;
    case Signal::sender_domain:
      return 6;
    case Signal::recipient_domain:
      return 7;
    case Signal::recipient_address:
      return 8;
    case Signal::dkim_domain:
      return 9;
    case Signal::author_domain:
      return 10;
    case Signal::tls_group:
      return 11;
    default:
      return kNoText;
  }
}

void append_names(std::string_view key, std::uint32_t bits, const ListNames& names, json::Writer& out) {
  out.key(key).begin_array();
  for (std::size_t i = 0; i < names.size() && i < kListsMax; ++i)
    if ((bits >> i & 1U) != 0) out.string(names[i]);
  out.end_array();
}

// The bit of a list, which is put at the end of `names` where they lack it; 0 where there is no room.
std::uint32_t bit_of(std::string_view name, ListNames& names, std::uint32_t* skipped) {
  auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    if (name.empty() || names.size() >= kListsMax) {
      if (skipped != nullptr) ++*skipped;
      return 0;
    }
    found = names.emplace(names.end(), name);
  }
  return 1U << static_cast<unsigned>(found - names.begin());
}
std::uint32_t bits_of(const json::Value& array, ListNames& names, std::uint32_t* skipped) {
  std::uint32_t bits = 0;
  for (const json::Value& entry : array.array()) bits |= bit_of(entry.string(), names, skipped);
  return bits;
}
std::uint32_t bits_of(std::string_view array, ListNames& names, std::uint32_t* skipped) {
  std::uint32_t bits = 0;
  std::string scratch;
  json::Scanner scanner(array, scratch);
  static_cast<void>(scanner.array([&] {
    std::string_view name;
    if (!scanner.string(name)) return false;
    bits |= bit_of(name, names, skipped);
    return true;
  }));
  return bits;
}

}  // namespace

CountryCode parse_country(std::string_view two_letters) {
  if (two_letters.size() != 2) return 0;
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  const char first = upper(two_letters[0]);
  const char second = upper(two_letters[1]);
  if (first < 'A' || first > 'Z' || second < 'A' || second > 'Z') return 0;
  return country_code(first, second);
}

std::string country_text(CountryCode code) {
  if (code == 0) return "unknown";
  return {static_cast<char>(code >> 8U), static_cast<char>(code & 0xffU)};
}

Evidence::Evidence() {
  for (const SignalInfo& signal : signals())
    if (signal.type == Type::number) number_.at(index(signal.signal)) = kUnknown;
}

void Evidence::set_text(Signal signal, std::string_view text) {
  std::string& slot = text_.at(text_slot(signal));
  slot = utf8_head(text, kTextMax);
  if (is_utf8(slot)) return;
  // JSON has no octets beyond UTF-8: what cannot be read back as it was written would make replay inexact
  for (char& c : slot)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
}

void Evidence::set_lists(std::uint32_t answered, std::uint32_t listed) {
  number_[index(Signal::lists)] =
      static_cast<std::int64_t>((std::uint64_t{answered | listed} << 32U) | std::uint64_t{listed});
}

std::string_view Evidence::text(Signal signal) const { return text_.at(text_slot(signal)); }

bool Evidence::is_unknown(Signal signal) const {
  switch (info(signal).type) {
    case Type::text:
      return text(signal).empty();
    case Type::number:
      return number(signal) == kUnknown;
    default:
      return number(signal) == 0;
  }
}

void Evidence::append_changes(const Evidence& before, const ListNames& names, json::Writer& out) const {
  out.begin_object();
  for (const SignalInfo& signal : signals()) {
    const Signal s = signal.signal;
    if (signal.type == Type::text ? text(s) == before.text(s) : number(s) == before.number(s)) continue;
    if (is_unknown(s)) {
      out.key(signal.name).null();
      continue;
    }
    switch (signal.type) {
      case Type::category:
        out.field(signal.name, signal.values[static_cast<std::size_t>(number(s))]);
        break;
      case Type::country:
        out.field(signal.name, country_text(static_cast<CountryCode>(number(s))));
        break;
      case Type::number:
        out.field(signal.name, number(s));
        break;
      case Type::text:
        out.field(signal.name, text(s));
        break;
      case Type::names:
        append_names(signal.name, lists_listed(), names, out);
        append_names("lists_clean", lists_answered() & ~lists_listed(), names, out);
        break;
    }
  }
  out.end_object();
}

void Evidence::apply(const json::Value& changes, ListNames& names, std::uint32_t* skipped) {
  const auto skip = [skipped] {
    if (skipped != nullptr) ++*skipped;
  };
  for (const auto& [key, given] : changes.object()) {
    if (key == "lists_clean") continue;  // read with "lists"
    const auto signal = find_signal(key);
    if (!signal) {
      skip();
      continue;
    }
    const SignalInfo& known = info(*signal);
    if (given.is_null()) {
      if (known.type == Type::text)
        set_text(*signal, {});
      else
        set_number(*signal, known.type == Type::number ? kUnknown : 0);
      continue;
    }
    switch (known.type) {
      case Type::category: {
        const auto word = find_value(*signal, given.string());
        if (word)
          set_number(*signal, *word);
        else
          skip();
        break;
      }
      case Type::country:
        set_country(parse_country(given.string()));
        break;
      case Type::number:
        set_number(*signal, given.integer(kUnknown));
        break;
      case Type::text:
        set_text(*signal, given.string());
        break;
      case Type::names: {
        const std::uint32_t listed = bits_of(given, names, skipped);
        set_lists(listed | bits_of(changes.at("lists_clean"), names, skipped), listed);
        break;
      }
    }
  }
}

bool Evidence::apply(json::Scanner& changes, ListNames& names, std::uint32_t* skipped) {
  std::string_view lists_given, lists_clean;
  const auto skip = [skipped] {
    if (skipped != nullptr) ++*skipped;
  };
  const bool whole = changes.object([&](std::string_view key) {
    if (key == "lists_clean") return changes.raw(lists_clean);
    const auto signal = find_signal(key);
    if (!signal) {
      skip();
      return changes.skip();
    }
    const Type type = info(*signal).type;
    if (type == Type::names) return changes.raw(lists_given);
    if (type == Type::number) {
      std::int64_t number = kUnknown;
      if (!changes.integer(number)) return false;
      set_number(*signal, number);
      return true;
    }
    const bool null = changes.is_null();
    std::string_view word;
    if (!changes.string(word)) return false;
    if (type == Type::text) {
      set_text(*signal, word);
    } else if (type == Type::country) {
      set_country(parse_country(word));
    } else if (null) {
      set_number(*signal, 0);
    } else if (const auto value = find_value(*signal, word)) {
      set_number(*signal, *value);
    } else {
      skip();
    }
    return true;
  });
  if (!whole) return false;
  // Behind the others, because two members make one value.
  if (lists_given.starts_with('n')) {
    set_lists(0, 0);
  } else if (!lists_given.empty()) {
    const std::uint32_t listed = bits_of(lists_given, names, skipped);
    set_lists(listed | bits_of(lists_clean, names, skipped), listed);
  }
  return true;
}

std::string Evidence::show(Signal signal, const ListNames& names) const {
  const SignalInfo& known = info(signal);
  if (known.type != Type::names && is_unknown(signal)) return "unknown";
  switch (known.type) {
    case Type::category:
      return std::string(known.values[static_cast<std::size_t>(number(signal))]);
    case Type::country:
      return country_text(static_cast<CountryCode>(number(signal)));
    case Type::number:
      return std::to_string(number(signal));
    case Type::text:
      return std::string(text(signal));
    case Type::names:
      break;
  }
  if (lists_answered() == 0) return "unknown";
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kListsMax; ++i) {
    if ((lists_listed() >> i & 1U) == 0) continue;
    if (!out.empty()) out += ", ";
    out += names[i];
  }
  return out.empty() ? "none" : out;
}

}  // namespace postern::evidence
