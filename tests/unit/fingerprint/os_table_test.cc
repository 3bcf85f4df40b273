#include "fingerprint/os_table.h"

#include <gtest/gtest.h>

#include "support.h"

namespace postern::fingerprint {
namespace {

using test::facts;

struct Case {
  std::string_view syn;
  Os os;
  std::string_view label;
  How how;
};

std::string seen(const OsMatch& match) {
  return std::string(to_string(match.os)) + "|" + match.label + "|" + std::string(to_string(match.how));
}

void expect(const OsTable& table, std::span<const Case> cases) {
  for (const Case& one : cases) {
    const OsMatch wanted{one.os, std::string(one.label), one.how};
    EXPECT_EQ(seen(table.match(facts(one.syn))), seen(wanted)) << one.syn;
  }
}

TEST(OsTable, SystemsInUseAreKnownByTheirLayout) {
  constexpr std::string_view kTen = "Windows 10/11, Server 2016 or later";
  const std::array<Case, 20> cases{{
      {"4:128+0:0:1460:64240,8:mss,nop,ws,nop,nop,sok:df,id+:0", Os::windows, kTen, How::exact},
      {"4:113+15:0:1452:65340,8:mss,nop,ws,nop,nop,sok:df,id+:0", Os::windows, kTen, How::exact},
      {"4:120+8:0:1460:65535,8:mss,nop,ws,nop,nop,sok:df,id+:0", Os::windows, kTen, How::exact},
      {"6:120+8:0:1440:64800,8:mss,nop,ws,nop,nop,sok:flow:0", Os::windows, kTen, How::exact},
      {"4:128+0:0:1460:8192,2:mss,nop,ws,nop,nop,sok:df,id+:0", Os::windows, "Windows 7/8, Server 2008/2012",
       How::exact},
      {"4:128+0:0:1460:65535,1:mss,nop,ws,nop,nop,sok:df,id+:0", Os::windows, "Windows XP, Server 2003", How::exact},
      {"4:128+0:0:1460:65535,0:mss,nop,nop,sok:df,id+:0", Os::windows, "Windows XP, Server 2003", How::exact},
      {"4:128+0:0:1460:64240,8:mss,nop,ws,sok,ts:df,id+:0", Os::windows, "Windows, with timestamps", How::exact},
      {"4:64+0:0:1460:65535,6:mss,nop,ws,sok,ts:df,id+:0", Os::freebsd, "FreeBSD", How::exact},
      {"4:64+0:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0", Os::linux, "Linux 4.19 or later", How::exact},
      {"6:52+12:0:1440:64800,10:mss,sok,ts,nop,ws:flow,ecn:0", Os::linux, "Linux 4.19 or later", How::exact},
      {"4:64+0:0:8960:62720,7:mss,sok,ts,nop,ws:df,id+:0", Os::linux, "Linux 4.19 or later", How::exact},
      {"4:64+0:0:1460:29200,7:mss,sok,ts,nop,ws:df,id+:0", Os::linux, "Linux 3.11 to 4.18", How::exact},
      {"4:64+0:0:1460:14600,6:mss,sok,ts,nop,ws:df,id+:0", Os::linux, "Linux 3.0 to 3.10", How::exact},
      {"4:64+0:0:1460:64240,7:mss,nop,nop,sok,nop,ws:df,id+:0", Os::linux, "Linux, without timestamps", How::exact},
      {"4:56+8:0:1400:65535,9:mss,sok,ts,nop,ws:df,id+:0", Os::android, "Android, or Linux with large receive buffers",
       How::exact},
      {"4:54+10:0:1460:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0", Os::apple, "macOS or iOS", How::exact},
      {"4:60+4:0:1460:16384,6:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0", Os::openbsd, "OpenBSD", How::exact},
      {"4:60+4:0:1460:32850,1:nop,ws,nop,nop,ts,nop,nop,sok,mss:df,id+:0", Os::solaris, "Solaris 8 or 9", How::exact},
      {"4:60+4:0:1460:49640,0:mss,nop,ws,nop,nop,sok:df,id+:0", Os::solaris, "Solaris 10", How::exact},
  }};
  expect(OsTable(), cases);
}

TEST(OsTable, WindowScaleAndTtlAreTunedAndTheLayoutStays) {
  const std::array<Case, 5> cases{{
      // Behind something that sets the TTL anew, and with another window
      {"4:60+4:0:1400:12345,8:mss,nop,ws,nop,nop,sok:df:0", Os::windows, "Windows", How::layout},
      {"4:250+5:0:1460:64240,8:mss,nop,ws,nop,nop,sok:df,id+:0", Os::windows, "Windows", How::layout},
      {"4:128+0:0:1460:43690,12:mss,sok,ts,nop,ws:df,id+:0", Os::linux, "Linux", How::layout},
      {"4:200+55:0:1460:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0", Os::apple, "macOS or iOS", How::layout},
      {"4:64+0:0:1460:8192,0:mss,nop,nop,sok:df,id+:0", Os::windows, "Windows", How::layout},
  }};
  expect(OsTable(), cases);
}

TEST(OsTable, WhatSeveralSystemsLookLikeIsUnrecognised) {
  const std::array<Case, 5> cases{{
      {"4:64+0:0:1460:64240,0:mss,nop,nop,sok:df,id+:0", Os::unrecognised, "", How::none},
      {"4:64+0:0:1460:14600,7:mss,nop,ws,sok,ts:df,id+:0", Os::unrecognised, "", How::none},
      {"4:64+0:0:1460:1024,0:mss:df,id+:0", Os::unrecognised, "", How::none},
      {"4:64+0:0:0:1024,0:::0", Os::unrecognised, "", How::none},
      {"4:64+0:0:1460:64240,7:mss,sok,ts,nop,ws,nop:df,id+:0", Os::unrecognised, "", How::none},
  }};
  expect(OsTable(), cases);
}

TEST(OsTable, P0fsDatabaseIsAskedForTheRest) {
  auto read = P0fDatabase::parse(
      "[tcp:request]\n"
      "label = s:other:NeXTSTEP:\nsig = 4:64:0:1024:mss*4,0:mss::0\n"
      "label = s:unix:Linux:(Android)\nsig = *:64:0:*:*,*:mss,sok::0\n"
      "label = g:unix:Mac OS X:\nsig = *:64:0:*:*,*:mss,ts::0\n"
      "label = s:!:NMap:SYN scan\nsig = *:64-:0:1460:1024,0:mss::0\n"
      "label = s:win:Windows:XP\nsig = *:128:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0\n");
  ASSERT_TRUE(read.has_value()) << read.error().what;
  const OsTable table(std::make_shared<const P0fDatabase>(std::move(*read)));
  const std::array<Case, 6> cases{{
      {"4:64+0:0:1024:4096,0:mss::0", Os::other, "NeXTSTEP", How::p0f},
      {"4:64+0:0:1024:4096,0:mss,sok::0", Os::android, "Linux (Android)", How::p0f},
      {"4:64+0:0:1024:4096,0:mss,ts::0", Os::apple, "Mac OS X", How::p0f_generic},
      {"4:100+28:0:1024:4096,0:mss,ts::0", Os::apple, "Mac OS X", How::p0f_fuzzy},
      {"4:50+14:0:1460:1024,0:mss::0", Os::other, "NMap SYN scan", How::p0f},
      // Ours comes first
      {"4:128+0:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0", Os::linux, "Linux", How::layout},
  }};
  expect(table, cases);
}

TEST(OsTable, WithoutASynTheSystemIsUnknown) {
  const OsTable table;
  EXPECT_EQ(seen(table.match(std::string_view())), "unknown||none");
  EXPECT_EQ(seen(table.match(std::string_view("no packet at all"))), "unknown||none");
  EXPECT_EQ(seen(table.match(test::Ipv4{}.text(test::Tcp{}.text()))), "linux|Linux 4.19 or later|exact");
}

}  // namespace
}  // namespace postern::fingerprint
