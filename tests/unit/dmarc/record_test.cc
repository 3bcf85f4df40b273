// DMARC policy records (RFC 9989 4.7, 4.8, 4.10.1).
#include "dmarc/record.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace postern::dmarc {
namespace {

using Uris = std::vector<std::string>;

Record read(std::string_view text) {
  auto record = parse_record(text);
  EXPECT_TRUE(record) << text;
  return record ? *std::move(record) : Record{};
}

bool is_record(std::string_view text) { return parse_record(text).has_value(); }

TEST(DmarcRecordTest, Version) {
  for (const std::string_view text :
       {"v=DMARC1", "v=DMARC1;", "v=DMARC1 ; p=none", "v = DMARC1;p=none", "v\t=\tDMARC1\t;", "V=DMARC1; p=none",
        "v=DMARC1;;;", "v=DMARC1; rubbish", "v=DMARC1;\xFF"}) {
    EXPECT_TRUE(is_record(text)) << printable(text);
  }
  for (const std::string_view text : {"",
                                      " ",
                                      ";",
                                      "v",
                                      "v=",
                                      "v=dmarc1",
                                      "v=DMARC1.0",
                                      "v=DMARC2",
                                      "v=DMARC",
                                      "v=DMARC11; p=none",
                                      "v=DMARC1 p=none",
                                      " v=DMARC1; p=none",
                                      "\tv=DMARC1",
                                      "p=none; v=DMARC1",
                                      ";v=DMARC1",
                                      "vv=DMARC1",
                                      "v=\"DMARC1\"",
                                      "=DMARC1",
                                      "v==DMARC1",
                                      "v=spf1 -all",
                                      "DMARC1; v=DMARC1",
                                      "v=Dmarc1;p=reject"}) {
    EXPECT_FALSE(is_record(text)) << printable(text);
  }
  EXPECT_FALSE(is_record(std::string_view("v=DMARC1\0; p=none", 17)));
  EXPECT_EQ(parse_record("v=spf1 -all").error().what, "not a DMARC record, which begins with v=DMARC1: v=spf1 -all");
}

TEST(DmarcRecordTest, Defaults) {
  const Record record = read("v=DMARC1; p=reject");
  EXPECT_EQ(record.policy, Policy::reject);
  EXPECT_FALSE(record.subdomain_policy);
  EXPECT_FALSE(record.absent_policy);
  EXPECT_FALSE(record.strict_dkim);
  EXPECT_FALSE(record.strict_spf);
  EXPECT_FALSE(record.testing);
  EXPECT_EQ(record.psd, Psd::unknown);
  EXPECT_EQ(record.rua, Uris{});
  EXPECT_EQ(record.ruf, Uris{});
  EXPECT_EQ(record.fo, "0");
  EXPECT_EQ(record.unusable, "");
  EXPECT_EQ(record.remarks, Uris{});
}

TEST(DmarcRecordTest, EveryTagInAnyOrderAndCase) {
  const Record record = read(
      "v=DMARC1; T = Y;fo=D:1 ;NP=REJECT; ruf=mailto:f@x.example; psd=N;aspf=S; sp=Quarantine ;ADKIM=s;"
      "rua=mailto:A@x.example , mailto:b@x.example;p=Reject");
  EXPECT_EQ(record.policy, Policy::reject);
  EXPECT_EQ(record.subdomain_policy, Policy::quarantine);
  EXPECT_EQ(record.absent_policy, Policy::reject);
  EXPECT_TRUE(record.strict_dkim);
  EXPECT_TRUE(record.strict_spf);
  EXPECT_TRUE(record.testing);
  EXPECT_EQ(record.psd, Psd::no);
  EXPECT_EQ(record.rua, (Uris{"mailto:A@x.example", "mailto:b@x.example"}));
  EXPECT_EQ(record.ruf, Uris{"mailto:f@x.example"});
  EXPECT_EQ(record.fo, "d:1");
  EXPECT_EQ(record.remarks, Uris{});
  EXPECT_EQ(read("v=DMARC1;p=none;psd=Y").psd, Psd::yes);
  EXPECT_EQ(read("v=DMARC1;p=none;psd=u").psd, Psd::unknown);
}

TEST(DmarcRecordTest, UnknownAndRemovedTagsAreIgnored) {
  const Record record = read("v=DMARC1; p=quarantine; pct=50; ri=86400; rf=afrf; x=y; x=y; rubbish; =; p1=reject; sp");
  EXPECT_EQ(record.policy, Policy::quarantine);
  EXPECT_FALSE(record.subdomain_policy);
  EXPECT_EQ(record.unusable, "");
  EXPECT_EQ(record.remarks.front(), "tag pct is ignored: RFC 9989 has removed it");
  EXPECT_EQ(read("v=DMARC1; p=reject; pct=0").policy, Policy::reject);
  EXPECT_EQ(read("v=DMARC1; p=reject; v=DMARC1").policy, Policy::reject);
}

// 4.8: syntax errors in the remainder give way to the defaults
TEST(DmarcRecordTest, InvalidValuesOfHarmlessTags) {
  const Record record = read("v=DMARC1; p=reject; adkim=strict; aspf=; t=yes; psd=x; fo=2; ruf=nobody, mailto:x; rua=");
  EXPECT_FALSE(record.strict_dkim);
  EXPECT_FALSE(record.strict_spf);
  EXPECT_FALSE(record.testing);
  EXPECT_EQ(record.psd, Psd::unknown);
  EXPECT_EQ(record.fo, "0");
  EXPECT_EQ(record.ruf, Uris{});
  EXPECT_EQ(record.policy, Policy::reject);
  EXPECT_EQ(record.remarks.size(), 8U);
  EXPECT_FALSE(read("v=DMARC1; p=reject; adkim=s\xC3\xA4").strict_dkim);
  EXPECT_FALSE(read("v=DMARC1; p=reject; adkim=s s").strict_dkim);
}

TEST(DmarcRecordTest, PolicyThatIsMissingOrInvalid) {
  struct Case {
    std::string_view tags;
    std::string_view expected;  // p/sp/np, or "unusable"
  };
  const std::string rua = "; rua=mailto:a@x.example";
  for (const Case& one : std::initializer_list<Case>{
           {"p=none", "none/-/-"},
           {"", "none/-/-"},
           {"sp=reject", "none/reject/-"},  // 4.7: as if it included p=none
           {"sp=reject; np=quarantine", "none/reject/quarantine"},
           {"p=", "none/-/-"},
           {"p=block", "none/-/-"},
           {"p=block; sp=reject", "none/-/-"},
           {"p=reject; sp=block", "none/-/-"},
           {"p=reject; np=block", "none/-/-"},
           {"p=reject; sp=; np=reject", "none/-/-"},
           {"p=reject; p=none", "none/-/-"},
           {"p=reject; p=reject", "none/-/-"},
           {"p=reject; sp=none; sp=none", "none/-/-"},
           {"p=rej ect", "none/-/-"},
           {"p=reject; sp=none", "reject/none/-"},
       }) {
    const auto text = [](const Record& record) {
      if (!record.unusable.empty()) return std::string("unusable");
      std::string out(to_string(record.policy));
      for (const auto& policy : {record.subdomain_policy, record.absent_policy}) {
        out += "/" + (policy ? std::string(to_string(*policy)) : "-");
      }
      return out;
    };
    const std::string record = "v=DMARC1; " + std::string(one.tags);
    EXPECT_EQ(text(read(record + rua)), one.expected) << record;
    // without a valid rua: no DMARC processing
    const bool good = one.tags == "p=none" || one.tags == "p=reject; sp=none";
    for (const std::string_view bad :
         {"", "; rua=", "; rua=nobody", "; rua=mailto:nobody", "; rua=mailto:a@x; rua=mailto:a@x"}) {
      EXPECT_EQ(text(read(record + std::string(bad))), good ? one.expected : "unusable") << record << bad;
    }
  }
  EXPECT_EQ(read("v=DMARC1; psd=y").psd, Psd::yes) << "an unusable record says where a walk stops";
  EXPECT_EQ(read("v=DMARC1").unusable, "it has no p tag, and there is no valid rua");
}

TEST(DmarcRecordTest, TagsThatStandThereTwiceDoNotCount) {
  EXPECT_FALSE(read("v=DMARC1; p=reject; adkim=s; adkim=s").strict_dkim);
  EXPECT_EQ(read("v=DMARC1; p=reject; psd=n; PSD=y; psd=n").psd, Psd::unknown);
  EXPECT_EQ(read("v=DMARC1; p=reject; rua=mailto:a@x; rua=mailto:b@x").rua, Uris{});
  EXPECT_EQ(read("v=DMARC1; p=reject; t=y; t=").testing, false);
}

TEST(DmarcRecordTest, FailureOptions) {
  const auto fo = [](std::string_view value) {
    return read("v=DMARC1; p=none; ruf=mailto:a@x.example; fo=" + std::string(value)).fo;
  };
  for (const std::string_view value : {"0", "1", "d", "s", "0:d", "1:d:s", "d:s", "s:d:1", "d:1:s", "s:0"}) {
    EXPECT_EQ(fo(value), value);
  }
  EXPECT_EQ(fo("D : S"), "d:s");
  for (const std::string_view value : {"0:1", "1:0", "d:d", "1:1", "", "x", "1:", ":1", "10", "1,d"}) {
    EXPECT_EQ(fo(value), "0") << value;
  }
  EXPECT_EQ(read("v=DMARC1; p=none; fo=1").fo, "0") << "4.7: ignored without ruf";
}

TEST(DmarcRecordTest, ReportingUris) {
  EXPECT_EQ(
      read("v=DMARC1; p=none; rua=mailto:a@x.example!10m,mailto:b@x.example!5,MAILTO:c@x.example!1T, "
           "https://x.example/r?a=b%21#c,mailto:d%2Ce@x.example?subject=x,"
           "mailto:e@x.example!m,mailto:f@x.example!10mb,mailto:g!h@x.example,mailto:i@x.example!,,x,mailto:j%4@x")
          .rua,
      (Uris{"mailto:a@x.example", "mailto:b@x.example", "MAILTO:c@x.example", "https://x.example/r?a=b%21#c",
            "mailto:d%2Ce@x.example?subject=x"}));
  for (const std::string_view uri : {"mailto:a@b", "https://a/", "x-y+z.1:a", "mailto:a%40b@c", "mailto:a@b?x@y"}) {
    EXPECT_TRUE(is_reporting_uri(uri)) << uri;
  }
  for (const std::string_view uri : {"", ":", "a", "mailto", "mailto:", "mailto:a", "mailto:@b", "mailto:a@", "1x:a",
                                     "mailto:a@b@c", "mailto:a b@c", "mailto:a@b,c", "mailto:a%zz@b", "mailto:a@b%2",
                                     "mailto:a@\xC3\xBC", "ma_ilto:a@b", "https:", "mailto:a@b!", "mailto:\"a\"@b"}) {
    EXPECT_FALSE(is_reporting_uri(uri)) << uri;
  }
}

TEST(DmarcRecordTest, DestinationHosts) {
  const auto host = [](std::string_view uri) { return destination_host(uri).value_or("-"); };
  EXPECT_EQ(host("mailto:a@x.example"), "x.example");
  EXPECT_EQ(host("mailto:a%40y.example@x.example?cc=b@z.example"), "x.example");
  EXPECT_EQ(host("mailto:a@x%2Eexample"), "x.example");
  EXPECT_EQ(host("mailto:a@x.example%2Cb@y.example"), "-") << "not even a URI for mail: two @";
  EXPECT_EQ(host("mailto:a@x.example%2Cb%40y.example"), "-") << "two recipients";
  EXPECT_EQ(host("mailto:a@[192.0.2.1]"), "-");
  EXPECT_EQ(host("mailto:a@192.0.2.1"), "-");
  EXPECT_EQ(host("https://u@x.example:443/p?q=1"), "x.example");
  EXPECT_EQ(host("https://x.example"), "x.example");
  EXPECT_EQ(host("https://[2001:db8::1]/"), "-");
  EXPECT_EQ(host("https:///p"), "-");
  EXPECT_EQ(host("https:x.example"), "-");
  EXPECT_EQ(host("nonsense"), "-");
}

TEST(DmarcRecordTest, LimitsAtTheLimitAndOneBeyond) {
  std::string text = "v=DMARC1; p=reject; x=";
  text.append(kRecordMax - text.size(), 'x');
  EXPECT_EQ(read(text).policy, Policy::reject);
  const auto longer = parse_record(text + "x");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().kind, ErrorKind::limit);

  std::string uris = "v=DMARC1; p=none; rua=mailto:0@x";
  for (std::size_t i = 1; i < kUrisMax; ++i) uris += ",mailto:" + std::to_string(i) + "@x";
  EXPECT_EQ(read(uris).rua.size(), kUrisMax);
  EXPECT_EQ(read(uris).remarks, Uris{});
  EXPECT_EQ(read(uris + ",mailto:y@x").rua.size(), kUrisMax);
  EXPECT_EQ(read(uris + ",mailto:y@x").remarks, Uris{"more than 50 reporting URIs: the rest is ignored"});

  std::string unknown = "v=DMARC1; p=none";
  for (std::size_t i = 0; i < kRemarksMax; ++i) unknown += "; x=y";
  EXPECT_EQ(read(unknown).remarks.size(), kRemarksMax);
  EXPECT_EQ(read(unknown + "; x=y").remarks.size(), kRemarksMax);
}

}  // namespace
}  // namespace postern::dmarc
