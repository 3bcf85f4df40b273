#include "mtasts/mtasts.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "base/text.h"

namespace postern::mtasts {

namespace {

constexpr std::size_t kIdMax = 32;    // 3.1
constexpr std::size_t kNameMax = 32;  // of a key, 3.1 and 3.2

bool is_white(char c) { return c == ' ' || c == '\t'; }
bool is_alphanumeric(char c) { return is_alpha(c) || is_digit(c); }

bool is_key(std::string_view name) {
  if (name.empty() || name.size() > kNameMax || !is_alphanumeric(name.front())) return false;
  return std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '.'; });
}

// sts-ext-value: printable, without '=', ';' and spaces
bool is_extension_value(std::string_view value) {
  return !value.empty() &&
         std::ranges::all_of(value, [](char c) { return c > ' ' && c < 0x7F && c != '=' && c != ';'; });
}

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= kIdMax && std::ranges::all_of(id, is_alphanumeric);
}

// What is behind "v=STSv1", from its ';' on; nullopt where the record is of something else.
std::optional<std::string_view> after_version(std::string_view text) {
  constexpr std::string_view kVersion = "v=STSv1";
  if (!text.starts_with(kVersion)) return std::nullopt;
  text.remove_prefix(kVersion.size());
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  if (text.empty() || text.front() != ';') return std::nullopt;
  return text;
}

// ["*."] Domain, RFC 5321 4.1.2: letters, digits and inner hyphens; A-labels.
bool is_pattern(std::string_view pattern) {
  if (pattern.starts_with("*.")) pattern.remove_prefix(2);
  if (pattern.empty() || pattern.size() > dns::kNameMax) return false;
  for (const std::string_view label : split(pattern, '.')) {
    if (label.empty() || label.size() > dns::kLabelMax || label.front() == '-' || label.back() == '-') return false;
    if (!std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; })) return false;
  }
  return true;
}

std::unexpected<Error> wrong(std::string what) {
  return fail(ErrorKind::protocol, "MTA-STS policy: " + std::move(what));
}

struct Fields {
  bool version = false;
  std::optional<Mode> mode;
  std::optional<std::int64_t> max_age;
  std::vector<std::string> mx;
};

Result<void> take(Fields& fields, std::string_view key, std::string_view value) {
  if (key == "version") {
    if (fields.version) return {};
    if (value != "STSv1") return wrong("version \"" + printable(value, 40) + "\" is not STSv1");
    fields.version = true;
  } else if (key == "mode") {
    if (fields.mode) return {};
    if (value == "enforce")
      fields.mode = Mode::enforce;
    else if (value == "testing")
      fields.mode = Mode::testing;
    else if (value == "none")
      fields.mode = Mode::none;
    else
      return wrong("mode \"" + printable(value, 40) + "\" is not enforce, testing or none");
  } else if (key == "max_age") {
    if (fields.max_age) return {};
    const auto number = value.size() <= 10 ? parse_unsigned(value) : std::nullopt;
    if (!number) return wrong("max_age \"" + printable(value, 40) + "\" is no number of seconds");
    fields.max_age = std::min<std::int64_t>(static_cast<std::int64_t>(*number), kMaxAgeMax);
  } else if (key == "mx") {
    if (!is_pattern(value)) return wrong("mx \"" + printable(value, 80) + "\" is no host name");
    if (fields.mx.size() >= kHostsMax) return wrong("it names more than " + std::to_string(kHostsMax) + " hosts");
    fields.mx.push_back(lower(value));
  }
  return {};
}

}  // namespace

Result<std::string> parse_record(std::string_view text) {
  if (text.size() > kRecordMax) return fail(ErrorKind::limit, "MTA-STS record: longer than 4096 octets");
  const auto rest = after_version(text);
  if (!rest) return fail(ErrorKind::protocol, "MTA-STS record: it does not begin with v=STSv1;");
  std::optional<std::string> id;
  const auto fields = split(rest->substr(1), ';');
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string_view field = trim(fields[i]);
    if (field.empty() && i + 1 == fields.size() && i > 0) break;  // a delimiter at the end
    const auto equals = field.find('=');
    const std::string_view name = field.substr(0, equals);
    if (equals == std::string_view::npos || !is_key(name))
      return fail(ErrorKind::protocol, "MTA-STS record: \"" + printable(field, 80) + "\" is no key=value");
    const std::string_view value = field.substr(equals + 1);
    if (name == "id") {
      if (id) continue;
      if (!is_id(value))
        return fail(ErrorKind::protocol,
                    "MTA-STS record: id \"" + printable(value, 80) + "\" is not 1 to 32 letters and digits");
      id = value;
    } else if (!is_extension_value(value)) {
      return fail(ErrorKind::protocol, "MTA-STS record: the value of " + std::string(name) + " is malformed");
    }
  }
  if (!id) return fail(ErrorKind::protocol, "MTA-STS record: it has no id");
  return std::move(*id);
}

Result<std::string> choose_id(std::span<const std::string> texts) {
  const std::string* found = nullptr;
  for (const std::string& text : texts) {
    if (!after_version(text)) continue;
    if (found != nullptr) return fail(ErrorKind::protocol, "MTA-STS record: there is more than one");
    found = &text;
  }
  if (found == nullptr) return fail(ErrorKind::not_found, "there is no MTA-STS record");
  return parse_record(*found);
}

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::none:
      return "none";
    case Mode::testing:
      return "testing";
    case Mode::enforce:
      return "enforce";
  }
  return "none";
}

Result<Policy> parse_policy(std::string_view text) {
  if (text.size() > kPolicyMax) return fail(ErrorKind::limit, "MTA-STS policy: longer than 64 KiB");
  Fields fields;
  std::size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (!line.empty() && is_white(line.back())) line.remove_suffix(1);
    if (line.empty()) continue;  // the ABNF has none; files of real domains do
    const auto colon = line.find(':');
    const std::string_view key = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_key(key)) {
      return wrong("line " + std::to_string(number) + ": \"" + printable(line, 80) + "\" is no key: value");
    }
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_utf8(value) ||
        std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; })) {
      return wrong("line " + std::to_string(number) + ": control characters, or not UTF-8");
    }
    POSTERN_TRY_VOID(take(fields, key, value));
  }
  if (!fields.version) return wrong("it has no version");
  if (!fields.mode) return wrong("it has no mode");
  if (!fields.max_age) return wrong("it has no max_age");
  if (*fields.mode != Mode::none && fields.mx.empty()) return wrong("it names no mx");
  return Policy{.mode = *fields.mode, .max_age = *fields.max_age, .mx = std::move(fields.mx)};
}

bool allows(const Policy& policy, const dns::Name& host) {
  const std::string_view name = host.text();
  if (name.empty()) return false;
  return std::ranges::any_of(policy.mx, [name](const std::string& pattern) {
    if (!pattern.starts_with("*.")) return pattern == name;
    const auto dot = name.find('.');
    return dot != std::string_view::npos && dot > 0 && name.substr(dot) == std::string_view(pattern).substr(1);
  });
}

std::vector<std::string> policy_lines(const Policy& policy) {
  std::vector<std::string> out = {"version: STSv1", "mode: " + std::string(to_string(policy.mode))};
  for (const std::string& mx : policy.mx) out.push_back("mx: " + mx);
  out.push_back("max_age: " + std::to_string(policy.max_age));
  return out;
}

std::string policy_text(const Policy& policy) {
  std::string out;
  for (const std::string& line : policy_lines(policy)) out += line + "\r\n";
  return out;
}

std::string record_text(std::string_view id) { return "v=STSv1; id=" + std::string(id) + ";"; }

std::string policy_id(const Policy& policy) {
  const std::string text = policy_text(policy);
  // Two sums of the same octets, so that a change that one misses shows in the other.
  std::string packed;
  BinaryWriter writer(packed);
  writer.u32(crc32c(text));
  writer.u32(crc32c(text, 0x5AFE5AFE));
  return to_hex(packed);
}

}  // namespace postern::mtasts
