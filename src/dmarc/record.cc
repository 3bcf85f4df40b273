#include "dmarc/record.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace postern::dmarc {
namespace {

// RFC 9989 9.3, the active ones but v.
enum Tag : std::uint8_t { adkim, aspf, fo, np, p, psd, rua, ruf, sp, t };
constexpr std::array<std::string_view, 10> kTags = {"adkim", "aspf", "fo", "np", "p", "psd", "rua", "ruf", "sp", "t"};
constexpr std::array<std::string_view, 3> kRemovedTags = {"pct", "rf", "ri"};

struct Value {
  bool seen = false;     // a tag of that name, right or wrong
  bool invalid = false;  // what stands there cannot be a value: octets, or a second time
  std::string text;      // lower case but in rua and ruf
};

class RecordReader {
 public:
  Result<Record> read(std::string_view text) {
    if (text.size() > kRecordMax) {
      return fail(ErrorKind::limit, "DMARC record of " + std::to_string(text.size()) + " octets: at most " +
                                        std::to_string(kRecordMax) + " are read");
    }
    POSTERN_TRY(std::string_view rest, after_version(text));
    while (!rest.empty()) {
      const std::size_t end = rest.find(';');
      tag(trim(rest.substr(0, end)));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    flags();
    uris(values_[rua], record_.rua);
    uris(values_[ruf], record_.ruf);
    options();
    policies();
    return std::move(record_);
  }

 private:
  // 4.8: dmarc-version = "v" equals %s"DMARC1"; 4.7: first, or the whole record is ignored.
  static Result<std::string_view> after_version(std::string_view text) {
    const auto none = [&] {
      return fail(ErrorKind::not_found, "not a DMARC record, which begins with v=DMARC1: " + printable(text, 80));
    };
    const std::size_t end = text.find(';');
    const std::string_view first = text.substr(0, end);
    const std::size_t equals = first.find('=');
    if (equals == std::string_view::npos || text.starts_with(' ') || text.starts_with('\t')) return none();
    if (!iequals(trim(first.substr(0, equals)), "v") || trim(first.substr(equals + 1)) != "DMARC1") return none();
    return end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }

  void remark(std::string text) {
    if (record_.remarks.size() < kRemarksMax) record_.remarks.push_back(std::move(text));
  }

  void tag(std::string_view text) {
    if (text.empty()) return;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
      remark("ignored, because it is no tag: " + printable(text, 60));
      return;
    }
    const std::string name = lower(trim(text.substr(0, equals)));
    const auto known = std::ranges::find(kTags, name);
    if (known == kTags.end()) {
      const bool removed = std::ranges::find(kRemovedTags, name) != kRemovedTags.end();
      remark(removed ? "tag " + name + " is ignored: RFC 9989 has removed it"
                     : "unknown tag " + printable(name, 30) + " is ignored");
      return;
    }
    const auto index = static_cast<std::size_t>(known - kTags.begin());
    Value& value = values_[index];
    if (value.seen) {
      // RFC 6376 3.2, whose tag lists these are: a name stands there once. Neither one is to be trusted.
      if (!value.invalid) remark("tag " + name + " stands there more than once: none of them counts");
      value.invalid = true;
      value.text.clear();
      return;
    }
    value.seen = true;
    const std::string_view raw = trim(text.substr(equals + 1));
    // 4.8: dmarc-value = %x20-3A / %x3C-7E; a tab is no part of it
    value.invalid = raw.empty() || !std::ranges::all_of(raw, [](char c) { return c >= 0x20 && c < 0x7F; });
    if (value.invalid) {
      remark("tag " + name + " has no valid value: " + printable(raw, 60));
    } else {
      value.text = index == rua || index == ruf ? std::string(raw) : lower(raw);
    }
  }

  // One of two or three letters, or the default that was there before.
  template <class T>
  void choice(Tag which, std::initializer_list<std::pair<std::string_view, T>> allowed, T& out) {
    const Value& value = values_[which];
    if (!value.seen || value.invalid) return;
    for (const auto& [text, meaning] : allowed) {
      if (value.text == text) {
        out = meaning;
        return;
      }
    }
    remark("tag " + std::string(kTags[which]) + " has no valid value: " + printable(value.text, 60));
  }

  void flags() {
    choice<bool>(adkim, {{"r", false}, {"s", true}}, record_.strict_dkim);
    choice<bool>(aspf, {{"r", false}, {"s", true}}, record_.strict_spf);
    choice<bool>(t, {{"n", false}, {"y", true}}, record_.testing);
    choice<Psd>(psd, {{"u", Psd::unknown}, {"y", Psd::yes}, {"n", Psd::no}}, record_.psd);
  }

  void uris(const Value& value, std::vector<std::string>& out) {
    if (!value.seen || value.invalid) return;
    std::string_view rest = value.text;
    while (true) {
      const std::size_t comma = rest.find(',');
      uri(trim(rest.substr(0, comma)), out);
      if (comma == std::string_view::npos) return;
      rest.remove_prefix(comma + 1);
    }
  }

  void uri(std::string_view text, std::vector<std::string>& out) {
    // 4.8: obs-dmarc-report-size = "!" 1*DIGIT [ "k" / "m" / "g" / "t" ]; ignored
    if (const std::size_t mark = text.find('!'); mark != std::string_view::npos) {
      std::string_view size = text.substr(mark + 1);
      if (!size.empty() && std::string_view("kmgt").contains(ascii_lower(size.back()))) size.remove_suffix(1);
      if (!size.empty() && std::ranges::all_of(size, is_digit)) text = text.substr(0, mark);
    }
    if (!is_reporting_uri(text)) {
      remark("ignored, because it is no reporting URI: " + printable(text, 80));
    } else if (out.size() >= kUrisMax) {
      remark("more than " + std::to_string(kUrisMax) + " reporting URIs: the rest is ignored");
    } else {
      out.emplace_back(text);
    }
  }

  // 4.8 dmarc-fo: 0, 1, d and s in any order, each once, 0 and 1 not together.
  void options() {
    const Value& value = values_[fo];
    if (!value.seen || value.invalid) return;
    std::string seen;
    bool valid = true;
    for (const std::string_view part : split(value.text, ':')) {
      const std::string_view option = trim(part);
      valid = valid && option.size() == 1 && std::string_view("01ds").contains(option[0]) && !seen.contains(option[0]);
      if (valid) seen += option[0];
    }
    if (!valid || (seen.contains('0') && seen.contains('1'))) {
      remark("tag fo has no valid value: " + printable(value.text, 60));
    } else if (values_[ruf].seen) {
      record_.fo.clear();
      for (const char option : seen) record_.fo += (record_.fo.empty() ? "" : ":") + std::string(1, option);
    } else {
      remark("tag fo is ignored without ruf");  // 4.7
    }
  }

  // False where the tag is there and not valid.
  bool request(Tag which, std::optional<Policy>& out) {
    const Value& value = values_[which];
    if (!value.seen) return true;
    for (const Policy policy : {Policy::none, Policy::quarantine, Policy::reject}) {
      if (!value.invalid && value.text == to_string(policy)) {
        out = policy;
        return true;
      }
    }
    if (!value.invalid) {
      remark("tag " + std::string(kTags[which]) + " has no valid value: " + printable(value.text, 60));
    }
    return false;
  }

  void policies() {
    std::optional<Policy> own;
    const bool p_valid = request(p, own);
    const bool sp_valid = request(sp, record_.subdomain_policy);
    const bool np_valid = request(np, record_.absent_policy);
    if (p_valid && sp_valid && np_valid && own) {
      record_.policy = *own;
      return;
    }
    // 4.10.1: as if "p=none" had been retrieved, if somebody wants to hear of it; else no DMARC processing. 4.7: where
    // p is only missing the record is as if it included "p=none", so that valid sp and np stay.
    const bool missing = p_valid && sp_valid && np_valid;
    const std::string why = missing ? "it has no p tag" : "one of p, sp and np is not valid";
    record_.policy = Policy::none;
    if (!missing) record_.subdomain_policy = record_.absent_policy = std::nullopt;
    if (record_.rua.empty()) {
      record_.unusable = why + ", and there is no valid rua";
    } else {
      remark(why + ": with a valid rua it counts as p=none");
    }
  }

  std::array<Value, kTags.size()> values_;
  Record record_;
};

}  // namespace

std::string_view to_string(Policy policy) {
  switch (policy) {
    case Policy::quarantine:
      return "quarantine";
    case Policy::reject:
      return "reject";
    case Policy::none:
      break;
  }
  return "none";
}

std::string_view to_string(Psd psd) { return psd == Psd::yes ? "y" : psd == Psd::no ? "n" : "u"; }

Result<Record> parse_record(std::string_view text) { return RecordReader().read(text); }

}  // namespace postern::dmarc
