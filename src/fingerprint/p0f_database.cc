#include "fingerprint/p0f_database.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/text.h"

namespace postern::fingerprint {

namespace {

constexpr std::uint16_t kMultipleMax = 1000;

std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

std::unexpected<Error> wrong(std::string_view what, std::string_view text) {
  return fail(ErrorKind::invalid, "\"" + printable(text, 64) + "\" is no " + std::string(what));
}

template <class Number>
Result<Number> number(std::string_view text, std::string_view what, Number least, Number most) {
  const auto value = parse_unsigned(text, most);
  if (!value || *value < least) return wrong(what, text);
  return static_cast<Number>(*value);
}

template <class Number>
Result<std::optional<Number>> number_or_any(std::string_view text, std::string_view what, Number most) {
  if (text == "*") return std::optional<Number>();
  POSTERN_TRY(const Number value, number<Number>(text, what, 0, most));
  return std::optional<Number>(value);
}

}  // namespace

class P0fDatabase::Reader {
 public:
  Result<P0fDatabase> read(std::string_view text);

 private:
  Result<void> line(std::string_view text, std::size_t number);
  Result<void> label(std::string_view value);
  Result<void> signature(std::string_view value, std::size_t line);

  P0fDatabase database_;
  bool requests_ = false;  // within [tcp:request]
};

namespace {

struct Ttl {
  std::uint8_t value = 0;
  bool any_below = false;
};

// "64", "52+12" (64), "64-" (64 or less)
Result<Ttl> read_ttl(std::string_view text) {
  constexpr std::string_view kWhat = "initial TTL";
  const std::string_view whole = text;
  Ttl out;
  if (text.ends_with('-')) {
    out.any_below = true;
    text.remove_suffix(1);
  }
  const std::size_t plus = text.find('+');
  POSTERN_TRY(const auto seen, number<std::uint8_t>(text.substr(0, plus), kWhat, 1, 255));
  std::uint8_t distance = 0;
  if (plus != std::string_view::npos) {
    if (out.any_below) return wrong(kWhat, whole);
    POSTERN_TRY(distance, number<std::uint8_t>(text.substr(plus + 1), kWhat, 0, 255));
  }
  if (seen + distance > 255) return wrong(kWhat, whole);
  out.value = static_cast<std::uint8_t>(seen + distance);
  return out;
}

Result<Quirks> read_quirks(std::string_view text, std::optional<ip::Family> family) {
  constexpr Quirks kOfIpv4(static_cast<std::uint32_t>(Quirk::df) | static_cast<std::uint32_t>(Quirk::id_set) |
                           static_cast<std::uint32_t>(Quirk::id_zero) | static_cast<std::uint32_t>(Quirk::reserved));
  Quirks out;
  if (text.empty()) return out;
  for (const std::string_view name : split(text, ',')) {
    POSTERN_TRY(const Quirk quirk, Quirks::parse(name));
    const bool never =
        (family == ip::Family::v6 && kOfIpv4.has(quirk)) || (family == ip::Family::v4 && quirk == Quirk::flow);
    if (never) return fail(ErrorKind::invalid, "the quirk " + std::string(name) + " does not occur in this IP version");
    out.set(quirk);
  }
  return out;
}

}  // namespace

Result<void> P0fDatabase::Reader::label(std::string_view value) {
  // type:class:name:flavour
  const std::string_view type = take_until(value, ':');
  const std::string_view group = take_until(value, ':');
  const std::string_view name = take_until(value, ':');
  if ((type != "s" && type != "g") || group.empty() || name.empty()) {
    return fail(ErrorKind::invalid, "a label is s or g, a class, a name and a flavour: s:unix:Linux:3.x");
  }
  database_.labels_.push_back({.system = printable(name, 64),
                               .flavour = printable(value, 128),
                               .group = printable(group, 32),
                               .generic = type == "g"});
  return {};
}

// version:ttl:ip-options:mss:window,scale:options:quirks:payload
Result<void> P0fDatabase::Reader::signature(std::string_view value, std::size_t line) {
  if (database_.labels_.empty()) return fail(ErrorKind::invalid, "a signature stands before the first label");
  if (database_.signatures_.size() >= kSignaturesMax) {
    return fail(ErrorKind::limit, "there are more than " + std::to_string(kSignaturesMax) + " signatures");
  }
  if (std::ranges::count(value, ':') != 7) {
    return fail(ErrorKind::invalid,
                "a signature has eight parts: version:ttl:ip-options:mss:window,scale:options:quirks:payload");
  }
  Signature out{.label = static_cast<std::uint32_t>(database_.labels_.size() - 1), .line = line};
  const std::string_view version = take_until(value, ':');
  if (version == "4")
    out.family = ip::Family::v4;
  else if (version == "6")
    out.family = ip::Family::v6;
  else if (version != "*")
    return wrong("IP version", version);
  POSTERN_TRY(const Ttl ttl, read_ttl(take_until(value, ':')));
  out.ttl = ttl.value;
  out.any_ttl_below = ttl.any_below;
  POSTERN_TRY(out.ip_options_length, number<std::uint16_t>(take_until(value, ':'), "length of IP options", 0, 255));
  POSTERN_TRY(out.mss, number_or_any<std::uint16_t>(take_until(value, ':'), "segment size", 65535));
  std::string_view window = take_until(value, ':');
  const std::string_view size = take_until(window, ',');
  if (size == "*") {
    out.window_rule = WindowRule::any;
  } else if (size.starts_with("mss*") || size.starts_with("mtu*")) {
    out.window_rule = size[1] == 's' ? WindowRule::mss : WindowRule::mtu;
    POSTERN_TRY(out.window, number<std::uint16_t>(size.substr(4), "multiple", 1, kMultipleMax));
  } else if (size.starts_with('%')) {
    out.window_rule = WindowRule::multiple_of;
    POSTERN_TRY(out.window, number<std::uint16_t>(size.substr(1), "window", 2, 65535));
  } else {
    POSTERN_TRY(out.window, number<std::uint16_t>(size, "window", 0, 65535));
  }
  POSTERN_TRY(out.window_scale, number_or_any<std::uint8_t>(window, "window scale", 255));
  POSTERN_TRY(out.layout, OptionLayout::parse(take_until(value, ':')));
  out.layout_hash = out.layout.hash();
  POSTERN_TRY(out.quirks, read_quirks(take_until(value, ':'), out.family));
  if (value == "0" || value == "+")
    out.payload = value == "+";
  else if (value != "*")
    return wrong("payload class", value);
  database_.signatures_.push_back(out);
  return {};
}

Result<void> P0fDatabase::Reader::line(std::string_view text, std::size_t number) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  text = trim(text);
  if (text.empty() || text.front() == ';') return {};
  if (text.front() == '[') {
    if (text.back() != ']') return fail(ErrorKind::invalid, "the name of a section does not end with ]");
    requests_ = text == "[tcp:request]";
    return {};
  }
  if (!requests_) return {};
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return fail(ErrorKind::invalid, "a line is a section, or KEY = VALUE");
  const std::string_view key = trim(text.substr(0, equals));
  const std::string_view value = trim(text.substr(equals + 1));
  if (key == "label") return label(value);
  if (key == "sig") return signature(value, number);
  if (key == "sys") return {};  // where a tool runs
  return wrong("key of this section (label, sig, sys)", key);
}

Result<P0fDatabase> P0fDatabase::Reader::read(std::string_view text) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view one = take_until(text, '\n');
    auto done = one.size() > kLineMax ? fail(ErrorKind::limit, "the line is too long") : line(one, number);
    if (!done) return fail(done.error().kind, std::to_string(number) + ": " + done.error().what);
  }
  if (database_.signatures_.empty()) return fail(ErrorKind::invalid, "1: there are no signatures in [tcp:request]");
  // Of one layout in the order of the file, where the first match wins
  std::ranges::sort(database_.signatures_, {},
                    [](const Signature& one) { return std::pair(one.layout_hash, one.line); });
  return std::move(database_);
}

Result<P0fDatabase> P0fDatabase::parse(std::string_view text) { return Reader().read(text); }

Result<P0fDatabase> P0fDatabase::load(const std::string& path) {
  POSTERN_TRY(const std::string text, read_file(path, kFileMax));
  auto database = parse(text);
  if (!database) return fail(database.error().kind, printable(path, 1024) + ":" + database.error().what);
  return database;
}

P0fDatabase::Agreement P0fDatabase::compare(const Signature& signature, const SynFacts& syn, WindowMultiple multiple) {
  constexpr auto bit = [](Quirk quirk) { return static_cast<std::uint32_t>(quirk); };
  constexpr std::uint32_t kOfIpv4 = bit(Quirk::df) | bit(Quirk::id_set) | bit(Quirk::id_zero);
  constexpr std::uint32_t kMayVanish = bit(Quirk::df) | bit(Quirk::id_set);
  constexpr std::uint32_t kMayAppear = bit(Quirk::id_zero) | bit(Quirk::ecn);

  if (signature.layout != syn.options) return Agreement::no;
  if (signature.family && *signature.family != syn.family) return Agreement::no;
  std::uint32_t expected = signature.quirks.bits() & ~bit(Quirk::flow);
  const std::uint32_t seen = syn.quirks.bits() & ~bit(Quirk::flow);
  if (!signature.family && syn.family == ip::Family::v6) expected &= ~kOfIpv4;
  const std::uint32_t vanished = expected & ~seen;
  const std::uint32_t appeared = seen & ~expected;
  if ((vanished & ~kMayVanish) != 0 || (appeared & ~kMayAppear) != 0) return Agreement::no;
  bool fuzzy = expected != seen;

  if (signature.ip_options_length != syn.ip_options_length) return Agreement::no;
  if (signature.any_ttl_below) {
    if (syn.ttl > signature.ttl) return Agreement::no;
  } else if (syn.ttl > signature.ttl || signature.ttl - syn.ttl > kDistanceMax) {
    fuzzy = true;
  }
  if (signature.mss && *signature.mss != syn.mss) return Agreement::no;
  if (signature.window_scale && *signature.window_scale != syn.window_scale) return Agreement::no;
  if (signature.payload && *signature.payload != syn.payload) return Agreement::no;
  bool window = true;
  switch (signature.window_rule) {
    case WindowRule::exact:
      window = signature.window == syn.window;
      break;
    case WindowRule::multiple_of:
      window = syn.window % signature.window == 0;
      break;
    case WindowRule::mss:
    case WindowRule::mtu:
      window = multiple.factor == signature.window && multiple.of_mtu == (signature.window_rule == WindowRule::mtu);
      break;
    case WindowRule::any:
      break;
  }
  if (!window) return Agreement::no;
  return fuzzy ? Agreement::fuzzy : Agreement::exact;
}

std::optional<P0fDatabase::Match> P0fDatabase::match(const SynFacts& syn) const {
  const WindowMultiple multiple = window_multiple(syn);
  const Signature* generic = nullptr;
  const Signature* fuzzy = nullptr;
  const auto describe = [&](const Signature& signature, Quality quality) {
    const Label& label = labels_[signature.label];
    return Match{label.system, label.flavour, label.group, quality, signature.line};
  };
  for (const Signature& signature :
       std::ranges::equal_range(signatures_, syn.options.hash(), {}, &Signature::layout_hash)) {
    const Agreement agreement = compare(signature, syn, multiple);
    if (agreement == Agreement::no) continue;
    if (agreement == Agreement::fuzzy) {
      if (fuzzy == nullptr) fuzzy = &signature;
    } else if (!labels_[signature.label].generic) {
      return describe(signature, Quality::specific);
    } else if (generic == nullptr) {
      generic = &signature;
    }
  }
  if (generic != nullptr) return describe(*generic, Quality::generic);
  // A tool is what it is, or it is not
  if (fuzzy == nullptr || labels_[fuzzy->label].group == "!") return std::nullopt;
  return describe(*fuzzy, Quality::fuzzy);
}

std::string P0fDatabase::Match::text() const {
  std::string out(system);
  if (!flavour.empty()) out += " " + std::string(flavour);
  return out;
}

}  // namespace postern::fingerprint
