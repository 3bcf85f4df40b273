// The public suffix list of the tests: one that does not change when Debian's does.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dns/public_suffix.h"

namespace postern::signals::test {

inline const dns::PublicSuffixList& suffixes() {
  static const dns::PublicSuffixList list = [] {
    const std::string path = testing::TempDir() + "postern_signals_psl_" + std::to_string(getpid());
    std::ofstream(path)
        << "// ===BEGIN ICANN DOMAINS===\ncom\nnet\norg\nexample\narpa\nip6.arpa\nin-addr.arpa\nuk\nco.uk\n"
           "br\nnet.br\ncom.br\njp\nne.jp\nad.jp\nau\nnet.au\nde\nfr\nit\nnl\neu\nza\nco.za\nin\nnet.in\n"
           "// ===END ICANN DOMAINS===\n// ===BEGIN PRIVATE DOMAINS===\n*.compute.cloud.example\n"
           "ip.machines.example\ndyndns.example\n// ===END PRIVATE DOMAINS===\n";
    auto loaded = dns::PublicSuffixList::load(path);
    std::filesystem::remove(path);
    return *std::move(loaded);
  }();
  return list;
}

inline dns::Name name_of(std::string_view text) {
  const auto name = dns::Name::parse(text);
  EXPECT_TRUE(name) << text;
  return name.value_or(dns::Name());
}

inline ip::Address address_of(std::string_view text) {
  const auto address = ip::Address::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(ip::Address());
}

}  // namespace postern::signals::test
