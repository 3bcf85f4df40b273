// P0fDatabase: the SYN signatures of p0f's database (p0f.fp, format of p0f v3), read where Debian's package p0f
// installs it; it is data of others, and no part of Postern. Of the file the section [tcp:request] is used, and
// checked; the others are skipped.
//
// Matching is p0f 3.09b's: an exact match of a specific signature, else of a generic one, else a fuzzy one (df or id+
// missing, id- or ecn added, or a distance that cannot be). One thing differs on purpose: p0f.fp is older than flow
// labels, so that p0f recognises no IPv6 client that sets one, as all modern ones do; here the flow label is no
// difference. Signatures of tools (class "!") are told like the others. Thread rule: immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fingerprint/syn.h"

namespace postern::fingerprint {

class P0fDatabase {
 public:
  static constexpr const char* kDebianPath = "/etc/p0f/p0f.fp";
  static constexpr std::size_t kFileMax = std::size_t{4} << 20;  // octets; p0f's own has 36 KiB
  static constexpr std::size_t kSignaturesMax = 10'000;
  static constexpr std::size_t kLineMax = 1024;

  enum class Quality : std::uint8_t { specific, generic, fuzzy };
  struct Match {
    std::string_view system;   // "Linux"; lives as long as the database
    std::string_view flavour;  // "3.11 and newer"; may be empty
    std::string_view group;    // p0f's class: "win", "unix", "other"; "!" for a tool
    Quality quality = Quality::specific;
    std::size_t line = 0;                    // of the signature
    [[nodiscard]] std::string text() const;  // "Linux 3.11 and newer", as p0f says it
  };

  // Errors name the line: "12: ...".
  [[nodiscard]] static Result<P0fDatabase> parse(std::string_view text);
  // Errors name the file and the line.
  [[nodiscard]] static Result<P0fDatabase> load(const std::string& path = kDebianPath);

  [[nodiscard]] std::optional<Match> match(const SynFacts& syn) const;
  [[nodiscard]] std::size_t size() const { return signatures_.size(); }

 private:
  enum class WindowRule : std::uint8_t { exact, any, multiple_of, mss, mtu };
  struct Label {
    std::string system;
    std::string flavour;
    std::string group;
    bool generic = false;
  };
  struct Signature {
    std::uint64_t layout_hash = 0;  // they are sorted by it
    OptionLayout layout;
    std::optional<ip::Family> family;
    std::uint8_t ttl = 0;
    bool any_ttl_below = false;
    std::uint16_t ip_options_length = 0;
    std::optional<std::uint16_t> mss;
    WindowRule window_rule = WindowRule::exact;
    std::uint16_t window = 0;
    std::optional<std::uint8_t> window_scale;
    Quirks quirks;
    std::optional<bool> payload;
    std::uint32_t label = 0;
    std::size_t line = 0;
  };
  class Reader;
  enum class Agreement : std::uint8_t { no, fuzzy, exact };
  [[nodiscard]] static Agreement compare(const Signature& signature, const SynFacts& syn, WindowMultiple multiple);

  std::vector<Label> labels_;
  std::vector<Signature> signatures_;
};

}  // namespace postern::fingerprint
