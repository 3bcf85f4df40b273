// Temporary files, and a writer of small MaxMind DB files.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ip/address.h"
#include "unit/temporary_folder.h"

namespace postern::geo::test {

using Folder = testing::TemporaryFolder;

inline ip::Address address(std::string_view text) {
  const auto parsed = ip::Address::parse(text);
  if (!parsed) ADD_FAILURE() << text;
  return parsed.value_or(ip::Address());
}

// The format: https://maxmind.github.io/MaxMind-DB/, with records of 28 bits. Only what the tests need of it.
class MmdbWriter {
 public:
  explicit MmdbWriter(int version = 6) : version_(version) {}

  // {"country": {"iso_code": code}}, or with another key in the place of country; a plain key is the code's own.
  std::size_t data(std::string_view key, std::string_view code, bool plain = false) {
    const std::size_t at = data_.size();
    data_ += map(1) + text(key) + (plain ? "" : map(1) + text("iso_code")) + text(code);
    return at;
  }
  void add(const ip::Prefix& prefix, std::size_t data_at) { set(prefix, {Record::Kind::data, data_at}); }
  // A second way to the tree of IPv4.
  void alias(const ip::Prefix& prefix) {
    std::size_t node = 0;
    for (int i = 0; i < 96; ++i) node = nodes_.at(node).at(0).value;
    set(prefix, {Record::Kind::node, node});
  }
  // Breaks it: the record at the end of this prefix leads back to a node above.
  void loop(const ip::Prefix& prefix) { set(prefix, {Record::Kind::node, 1}); }

  [[nodiscard]] std::string file(std::uint64_t build_epoch) const {
    std::string out;
    for (const auto& node : nodes_) {
      const std::uint64_t left = number(node[0]);
      const std::uint64_t right = number(node[1]);
      out += be(left & 0xFFFFFFU, 3);
      out += static_cast<char>(((left >> 24U) << 4U) | (right >> 24U));
      out += be(right & 0xFFFFFFU, 3);
    }
    out += std::string(16, '\0') + data_ + "\xab\xcd\xefMaxMind.com";
    out += map(9);
    out += text("node_count") + integer(6, nodes_.size()) + text("record_size") + integer(5, 28);
    out += text("ip_version") + integer(5, static_cast<std::uint64_t>(version_));
    out += text("languages") + control(11, 0) + text("description") + map(0);
    out += text("database_type") + text("Test-Country");
    out += text("binary_format_major_version") + integer(5, 2) + text("binary_format_minor_version") + integer(5, 0);
    out += text("build_epoch") + integer(9, build_epoch);
    return out;
  }

 private:
  struct Record {
    enum class Kind : std::uint8_t { empty, node, data } kind = Kind::empty;
    std::size_t value = 0;
  };
  void set(const ip::Prefix& prefix, Record record) {
    // 16 octets with an IPv4 address at the end of ::/96; a tree of IPv4 has only these
    auto octets = prefix.address().octets();
    int length = prefix.length();
    int begin = 0;
    if (prefix.address().is_v4()) {
      octets[10] = octets[11] = 0;
      length += 96;
      begin = version_ == 4 ? 96 : 0;
    }
    std::size_t node = 0;
    for (int i = begin; i < length; ++i) {
      const std::size_t bit = (octets.at(static_cast<std::size_t>(i / 8)) >> (7 - i % 8)) & 1U;
      if (i + 1 == length) {
        nodes_[node][bit] = record;
        return;
      }
      if (nodes_[node][bit].kind != Record::Kind::node) {
        const Record above = nodes_[node][bit];
        nodes_.push_back({above, above});
        nodes_[node][bit] = {Record::Kind::node, nodes_.size() - 1};
      }
      node = nodes_[node][bit].value;
    }
  }
  [[nodiscard]] std::uint64_t number(const Record& record) const {
    switch (record.kind) {
      case Record::Kind::node:
        return record.value;
      case Record::Kind::data:
        return nodes_.size() + 16 + record.value;
      case Record::Kind::empty:
        break;
    }
    return nodes_.size();
  }
  static std::string be(std::uint64_t value, int octets) {
    std::string out;
    for (int i = octets - 1; i >= 0; --i) out += static_cast<char>((value >> (8 * i)) & 0xFFU);
    return out;
  }
  static std::string control(int type, std::size_t size) {  // sizes below 29 only
    if (type <= 7) return {static_cast<char>((type << 5) | static_cast<int>(size))};
    return {static_cast<char>(size), static_cast<char>(type - 7)};
  }
  static std::string map(std::size_t size) { return control(7, size); }
  static std::string text(std::string_view value) { return control(2, value.size()) + std::string(value); }
  static std::string integer(int type, std::uint64_t value) {
    std::string octets = be(value, 8);
    octets.erase(0, octets.find_first_not_of('\0') == std::string::npos ? 8 : octets.find_first_not_of('\0'));
    return control(type, octets.size()) + octets;
  }

  int version_;
  std::vector<std::array<Record, 2>> nodes_{1};
  std::string data_;
};

}  // namespace postern::geo::test
