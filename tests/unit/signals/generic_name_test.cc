// Names in the manner of providers and of mail operators, all made up but for the few that are known to have been taken
// for pools by others: what is generic, what is not, and by chance how often.
#include "signals/generic_name.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "suffixes.h"

namespace postern::signals {
namespace {

using test::address_of;
using test::name_of;

GenericName judge(std::string_view name, std::string_view address) {
  return judge_name(name_of(name), address_of(address), test::suffixes());
}

struct Pool {
  std::string_view name, address, why;
};

constexpr std::array kPools = std::to_array<Pool>({
    // IPv4, octets in order
    {"81-2-69-142.dsl.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"81.2.69.142.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"81_2_69_142.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"81x2x69x142.ap81.ftth.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"host81-2-69-142.range81-2.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"pool-81-2-69-142.nyc.fibre.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"c-81-2-69-142.hsd1.ma.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"cpe-81-2-69-142.socal.res.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"syn-081-002-069-142.res.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"dhcp-081-002-069-142.isp.nl", "81.2.69.142", "encodes_ipv4"},
    {"ip81-2-69-142.dc.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"81-2-69-142.hinet.example", "81.2.69.142", "encodes_ipv4"},
    {"81-2-69-142.user.mobile.net.br", "81.2.69.142", "encodes_ipv4"},
    {"adsl-81-2-69-142.dsl.city.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"broadband-81-2-69-142.ip.moscow.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"ppp81-2-69-142.pppoe.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"bzq-81-2-69-142.red.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"static-81-2-69-142.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"81-2-69-142.static.isp.net.au", "81.2.69.142", "encodes_ipv4"},
    {"cpe-81-2-69-142.vb01.vic.asp.isp.net.au", "81.2.69.142", "encodes_ipv4"},
    {"81-2-69-142.dsl.isp.co.za", "81.2.69.142", "encodes_ipv4"},
    {"triband-mum-81.2.69.142.isp.net.in", "81.2.69.142", "encodes_ipv4"},
    {"north-dynamic-081.2.69.142.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"81-2-69-142.lightspeed.irvnca.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"ip-81-2-69-142.ec2.internal", "81.2.69.142", "encodes_ipv4"},
    {"s81-2-69-142.servers.example", "81.2.69.142", "encodes_ipv4"},
    {"81-2-69-142-no12.tbcn.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"cust.81.2.69.142.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"81--2--69--142.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"mx-ll-81.2.69.142.dynamic.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"mail-81-2-69-142.vps.example", "81.2.69.142", "encodes_ipv4"},
    {"d81-2-69-142.home.isp.example", "81.2.69.142", "encodes_ipv4"},
    // in reverse, in part, and in pieces
    {"142.69.2.81.rev.isp.fr", "81.2.69.142", "encodes_ipv4"},
    {"142-69-2-81.dsl.lns.sme.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"static.142.69.2.81.clients.servers.de", "81.2.69.142", "encodes_ipv4"},
    {"142.69.2.81.in-addr.arpa", "81.2.69.142", "encodes_ipv4"},
    {"142.69.2.81.bc.cloud.example", "81.2.69.142", "encodes_ipv4"},
    {"modem142.69-2-81.mc.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"142.sub-81-2-69.wireless.example", "81.2.69.142", "encodes_ipv4"},
    {"lfbn-idf1-1-69-142.w81-2.abo.isp.fr", "81.2.69.142", "encodes_ipv4"},
    {"w81-102.city.isp.fr", "81.102.69.142", "encodes_ipv4"},
    {"gw-69-142.campus.example", "81.2.69.142", "encodes_ipv4"},
    {"x142-69.campus.example", "81.2.69.142", "encodes_ipv4"},
    {"ns512345.ip-81-2-69.eu", "81.2.69.142", "encodes_ipv4"},
    {"142.ip-81-2-69.eu", "81.2.69.142", "encodes_ipv4"},
    // nothing between
    {"kd081002069142.ppp-bb.isp.ne.jp", "81.2.69.142", "encodes_ipv4"},
    {"line081002069142.bb.example", "81.2.69.142", "encodes_ipv4"},
    {"athens142069002081.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"host81269142.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"host14269281.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"h1234.isp.example", "1.2.3.4", "encodes_ipv4"},
    {"r69142.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"a081002.isp.example", "81.2.69.142", "encodes_ipv4"},
    // hexadecimal and decimal
    {"p5102458e.dip0.isp.de", "81.2.69.142", "encodes_ipv4"},
    {"x5102458e.dyn.isp.de", "81.2.69.142", "encodes_ipv4"},
    {"0x5102458e.town.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"5102458e.cm-7-1a.isp.nl", "81.2.69.142", "encodes_ipv4"},
    {"ip-51.02.45.8e.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"8e450251.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"e8542015.isp.example", "81.2.69.142", "encodes_ipv4"},
    {"x590abcd.pool.isp.example", "5.144.171.205", "encodes_ipv4"},
    {"n1359103374.isp.example", "81.2.69.142", "encodes_ipv4"},
    // clouds whose names are registrable by their own rules
    {"ec2-81-2-69-142.eu-west-1.compute.cloud.example", "81.2.69.142", "encodes_ipv4"},
    {"81-2-69-142.ip.machines.example", "81.2.69.142", "encodes_ipv4"},
    // IPv6
    {"2.4.1.0.9.6.0.0.2.0.0.0.1.8.0.0.4.3.2.1.d.c.b.a.8.b.d.0.1.0.0.2.ip6.arpa", "2001:db8:abcd:1234:81:2:69:142",
     "encodes_ipv6"},
    {"2.4.1.0.9.6.0.0.2.0.0.0.1.8.0.0.4.3.2.1.d.c.b.a.8.b.d.0.1.0.0.2.v6.isp.example", "2001:db8:abcd:1234:81:2:69:142",
     "encodes_ipv6"},
    {"2.0.0.1.0.d.b.8.a.b.c.d.1.2.3.4.0.0.8.1.0.0.0.2.0.0.6.9.0.1.4.2.v6.isp.example", "2001:db8:abcd:1234:81:2:69:142",
     "encodes_ipv6"},
    {"p20010db8abcd12340081000200690142.dip0.isp.de", "2001:db8:abcd:1234:81:2:69:142", "encodes_ipv6"},
    {"20010db8abcd1234f03c91fffe24ab01.ipv6.abo.isp.fr", "2001:db8:abcd:1234:f03c:91ff:fe24:ab01", "encodes_ipv6"},
    {"2001-0db8-abcd-1234-0000-0000-0000-0001.res6.isp.example", "2001:db8:abcd:1234::1", "encodes_ipv6"},
    {"cpe-2001-db8-abcd-1234-1-2-3-4.nyc.isp.example", "2001:db8:abcd:1234:1:2:3:4", "encodes_ipv6"},
    {"2001-db8-abcd-1234-0-0-0-1.cable.v6.isp.nl", "2001:db8:abcd:1234::1", "encodes_ipv6"},
    {"dynamic-2001-db8--1.isp.example", "2001:db8::1", "encodes_ipv6"},
    {"dynamic-2001-db8-abcd--.isp.example", "2001:db8:abcd::", "encodes_ipv6"},
    {"2001-db8--53.isp.example", "2001:db8::53", "encodes_ipv6"},
    {"node--1.loop.example", "::1", ""},
    {"ip2001-db8-1-2--1.isp.example", "2001:db8:1:2::1", "encodes_ipv6"},
    {"dynamic-2a01-c23-7d12-4a00.310.pool.isp.de", "2a01:c23:7d12:4a00:8d2f:1c77:be3a:310", "encodes_ipv6"},
    {"g1-27-253.2a01-c23-7d12.isp.example", "2a01:c23:7d12:4a00:8d2f:1c77:be3a:310", "encodes_ipv6"},
    {"v6-8d2f1c77be3a0310.isp.example", "2a01:c23:7d12:4a00:8d2f:1c77:be3a:310", "encodes_ipv6"},
    {"8d2f-1c77-be3a-310.host.isp.example", "2a01:c23:7d12:4a00:8d2f:1c77:be3a:310", "encodes_ipv6"},
    {"310-be3a-1c77-8d2f.host.isp.example", "2a01:c23:7d12:4a00:8d2f:1c77:be3a:310", "encodes_ipv6"},
    {"iid-be3a0310.isp.example", "2a01:c23:7d12:4a00::be3a:310", "encodes_ipv6"},
    {"0000000000000001.net7.isp.example", "2a01:c23:7d12:4a00::1", "encodes_ipv6"},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.net7.isp.example", "2a01:c23:7d12:4a00::1", "encodes_ipv6"},
    {"mac-001122334455.lan.isp.example", "2a01:c23:7d12:4a00:211:22ff:fe33:4455", "encodes_mac"},
    {"00-11-22-33-44-55.cm.isp.example", "2a01:c23:7d12:4a00:211:22ff:fe33:4455", "encodes_mac"},
    {"0011.2233.4455.cm.isp.example", "2a01:c23:7d12:4a00:211:22ff:fe33:4455", "encodes_mac"},
    {"81-2-69-142.v6.isp.example", "2002:5102:458e::1", "encodes_ipv4"},
    {"81-2-69-142.v6.isp.example", "2001:db8:1:2::5102:458e", "encodes_ipv4"},
    {"81-2-69-142.v6.isp.example", "2001:db8:1:2:81:2:69:142", "encodes_ipv6"},
    {"static.142.69.2.81.clients.servers.de", "2001:db8:1:2:81:2:69:142", "encodes_ipv6"},
    {"081002069142.clients.servers.de", "2001:db8:1:2:81:2:69:142", "encodes_ipv4"},
    // words
    {"abc.dynamic.isp.example", "81.2.69.142", "word_dynamic"},
    {"home.dyn.isp.example", "2001:db8::7", "word_dynamic"},
    {"dyn7.isp.example", "2001:db8::7", "word_dynamic"},
    {"dhcp.lab.example", "81.2.69.142", "word_dhcp"},
    {"pool7.isp.example", "81.2.69.142", "word_pool"},
    {"a12.pool.isp.example", "81.2.69.142", "word_pool"},
    {"ppp-bb.isp.example", "81.2.69.142", "word_ppp"},
    {"line-4711.pppoe.isp.example", "81.2.69.142", "word_ppp"},
    {"dialup-17.isp.example", "81.2.69.142", "word_dial"},
    {"muc_dialin_3.isp.example", "81.2.69.142", "word_dial"},
    {"kbtadsl4711.isp.example", "81.2.69.142", "word_dsl"},
    {"xyz.vdsl.isp.example", "81.2.69.142", "word_dsl"},
    {"cable-17-3.isp.example", "81.2.69.142", "word_cable"},
    {"cpc1-town2-3-0-cust123.abc.isp.example", "81.2.69.142", "word_customer"},
    {"client17.office.isp.example", "81.2.69.142", "word_customer"},
    {"a7.customers.isp.co.uk", "81.2.69.142", "word_customer"},
    {"17.clienti.isp.it", "81.2.69.142", "word_customer"},
    {"d7.broadband.isp.example", "81.2.69.142", "word_broadband"},
    {"x4.ftth.isp.example", "2001:db8::7", "word_fibre"},
    {"m11.mobile.isp.example", "81.2.69.142", "word_wireless"},
    {"cgnat.isp.example", "81.2.69.142", "word_nat"},
    {"unassigned.isp.example", "81.2.69.142", "word_unassigned"},
    {"tunnel471100-pt.isp.example", "2001:db8::7", "word_tunnel"},
    {"resnet-12.campus.example", "81.2.69.142", "word_residential"},
    {"pc3.dyndns.isp.dhcp.campus.example", "81.2.69.142", "word_dhcp"},
});

struct Host {
  std::string_view name, address;
  bool mail_like = false;
  bool static_word = false;
};

constexpr std::array kHosts = std::to_array<Host>({
    {"generaldynamics.com", "81.2.69.142"},
    {"mail.generaldynamics.com", "81.2.69.142", true},
    {"dynamics.example.com", "81.2.69.142"},
    {"aerodynamic.example.com", "81.2.69.142"},
    {"mail-ej1-f51.google.com", "209.85.218.51", true},
    {"mail-wm1-x32d.google.com", "2a00:1450:4864:20::32d", true},
    {"o1.ptr123.sendgrid.net", "167.89.1.123"},
    {"a1-23.smtp-out.amazonses.com", "54.240.1.23", true},
    {"mail-eopbgr60102.outbound.protection.outlook.com", "40.107.6.102", true},
    {"mail-dm6nam11on2088.outbound.protection.outlook.com", "40.107.220.88", true},
    {"mail132-11.atl131.sender.example", "198.51.132.11", true},
    {"mx1.example.org", "81.2.69.142", true},
    {"mx-69-142.example.org", "81.2.69.142", true},
    {"mx.example.co.uk", "2001:db8::25", true},
    {"mx01.isp.example", "192.0.2.1", true},
    {"mx192.isp.example", "192.0.2.1", true},
    {"smtp.example.org", "81.2.69.142", true},
    {"smtp2-out.example.org", "81.2.69.142", true},
    {"out4-smtp.messages.example", "81.2.69.142", true},
    {"out69.142.relay.example.org", "81.2.69.142", true},
    {"relay-3.dc2.example.org", "81.2.69.142", true},
    {"mta7.am0.example.net", "81.2.69.142", true},
    {"mta-70-30-1.sender.example", "147.253.70.30", true},
    {"mx-30-1.example.org", "147.253.70.30", true},
    {"mailout12.isp.de", "81.2.69.142", true},
    {"fmail01.provider.example", "81.2.69.142", true},
    {"webmail.example.org", "81.2.69.142", true},
    {"mailserver.firm.example", "81.2.69.142", true},
    {"exchange.firm.example", "81.2.69.142", true},
    {"post.firm.no", "81.2.69.142", true},
    {"mgw3.campus.example", "81.2.69.142", true},
    {"sonic302-21.consmr.mail.example.com", "74.6.135.21", true},
    {"mail.dyn.example.net", "81.2.69.142", true},
    {"mail.cust17.isp.example", "81.2.69.142", true},
    {"smtp.cable.example", "81.2.69.142", true},
    {"mx3.pool.example", "81.2.69.142", true},
    {"bounce.news.example.org", "81.2.69.142", true},
    {"m69-169.mailer.example", "69.72.69.169"},
    {"p-east3-cluster4-host6-snip4-10.eps.example.com", "57.103.84.10"},
    {"pv50p00im-zteg10011401.me.example", "81.2.69.142"},
    {"rs224.sender.example", "209.61.151.224"},
    {"ccm164.contact.example", "208.75.123.164"},
    {"wrqvxxxx.outbound.sender.example", "81.2.69.142", true},
    {"xvfrpbqx.sender.example", "81.2.69.142"},
    {"sender4-of-o51.office.example", "136.143.188.51"},
    {"www.example.org", "81.2.69.142"},
    {"example.org", "81.2.69.142"},
    {"host.example.org", "81.2.69.142"},
    {"server1.example.org", "81.2.69.142"},
    {"vps-12345678.vps.hosts.example", "81.2.69.142"},
    {"v22012345678.hosts.example", "81.2.69.142"},
    {"srv1234.hosts.example", "81.2.69.142"},
    {"ns3001234.hosts.example", "81.2.69.142"},
    {"li123-45.members.hosts.example", "45.33.12.45"},
    {"r2d2.example.org", "81.2.69.142"},
    {"gateway.firm.example", "81.2.69.142"},
    {"fw1.firm.example", "81.2.69.142"},
    {"vpn.firm.example", "81.2.69.142"},
    {"home.example.org", "81.2.69.142"},
    {"mobile.example.org", "81.2.69.142"},
    {"cable.example.org", "81.2.69.142"},
    {"client.example.org", "81.2.69.142"},
    {"pool.example.org", "81.2.69.142"},
    {"homer.example.org", "81.2.69.142"},
    {"carpool7.example.org", "81.2.69.142"},
    {"customs3.example.org", "81.2.69.142"},
    {"liverpool1.example.org", "81.2.69.142"},
    {"dynamo7.example.org", "81.2.69.142"},
    {"pppp3.example.org", "81.2.69.142"},
    {"cable7.example", "81.2.69.142"},
    {"dynamic.example", "81.2.69.142"},
    {"broadband.co.uk", "81.2.69.142"},
    {"ns1.dynamic.example", "81.2.69.142"},
    {"static.isp.example", "81.2.69.142", false, true},
    {"host7.static.isp.example", "81.2.69.142", false, true},
    {"fixed-line.isp.example", "81.2.69.142", false, true},
    {"1-1.rack.example", "10.1.1.5"},
    {"rack-0-0-0.hosts.example", "2001:db8::1"},
    {"node-1-2-3.hosts.example", "2001:db8:0:0:1:2:3:4"},
    {"node00000001.hosts.example", "2001:db8::1"},
    {"db8.hosts.example", "2001:db8::1"},
    {"2001-db8.hosts.example", "2001:db8::1"},
    {"odyssey-2001.hosts.example", "2001:db8::1"},
    {"cafe-babe.hosts.example", "2001:db8:cafe::1"},
    {"lists.project.example", "2001:db8:1:2::25"},
    {"vger.kernel.example", "2001:db8:1:2::25"},
    {"sv-2026-11-21.hosts.example", "81.2.69.142"},
    {"20261121.hosts.example", "81.2.69.142"},
    {"83-1-70-141.isp-of-another.example", "81.2.69.142"},
    {"localhost", "81.2.69.142"},
    {"a.b", "81.2.69.142"},
    {"com", "81.2.69.142"},
    {"", "81.2.69.142"},
});

TEST(GenericName, PoolsAreFoundWithTheReason) {
  static_assert(kPools.size() + kHosts.size() >= 150);
  for (const Pool& pool : kPools) {
    const GenericName got = judge(pool.name, pool.address);
    EXPECT_EQ(got.why, pool.why) << pool.name << " of " << pool.address;
    EXPECT_EQ(got.generic, !pool.why.empty()) << pool.name;
  }
}

TEST(GenericName, HostsAreNone) {
  for (const Host& host : kHosts) {
    const GenericName got = judge(host.name, host.address);
    EXPECT_FALSE(got.generic) << host.name << " of " << host.address << ": " << got.why;
    EXPECT_EQ(got.mail_like, host.mail_like) << host.name;
    EXPECT_EQ(got.static_word, host.static_word) << host.name;
  }
}

TEST(GenericName, OfAnotherAddressItIsNotItsOwn) {
  EXPECT_FALSE(judge("81-2-69-142.hosts.example", "83.1.70.141").generic);
  EXPECT_FALSE(judge("p5102458e.hosts.example", "83.1.70.141").generic);
  EXPECT_FALSE(judge("20010db8abcd12340081000200690142.hosts.example", "2a01:c23:7d12:4a00::1").generic);
}

TEST(GenericName, OctetsOfAnyKindAreRead) {
  std::string odd = "81-2-69-142.";
  for (int c = 0; c < 256; ++c)
    if (c != '.' && odd.size() - odd.rfind('.') < dns::kLabelMax) odd += static_cast<char>(c);
  EXPECT_TRUE(judge(odd, "81.2.69.142").generic);
  EXPECT_FALSE(judge("\xff\xfe\xff.example", "81.2.69.142").generic);
  std::string longest;
  while (longest.size() + 2 <= dns::kNameMax) longest += longest.empty() ? "1" : ".1";
  EXPECT_FALSE(judge(longest, "81.2.69.142").generic);
  EXPECT_TRUE(judge("01010101.example.org", "1.1.1.1").generic);
}

// What programs and providers make of an address: Knot's synthrecord, PowerDNS' automatic and Lua records, dnsmasq's
// synth-domain, templates of zone generators.
std::vector<std::string> synthesised(const ip::Address& address) {
  const auto& o = address.octets();
  std::vector<std::string> out;
  const auto add = [&out](const std::string& host) { out.push_back(host + ".isp.example"); };
  char text[160];
  const auto print = [&text](const char* format, auto... values) {
    std::snprintf(text, sizeof text, format, values...);  // NOLINT: the formats are below
    return std::string(text);
  };
  if (address.is_v4()) {
    for (const bool backwards : {false, true}) {
      const auto [a, b, c, d] =
          backwards ? std::array{o[15], o[14], o[13], o[12]} : std::array{o[12], o[13], o[14], o[15]};
      for (const char* format :
           {"dynamic-%u-%u-%u-%u", "%u.%u.%u.%u", "host%u-%u-%u-%u", "%ux%ux%ux%u.ap", "ip_%u_%u_%u_%u", "c%u.%u-%u-%u",
            "%03u-%03u-%03u-%03u", "kd%03u%03u%03u%03u", "h%u%u%u%u", "p%02x%02x%02x%02x.dip0", "%02x-%02x-%02x-%02x",
            "ip-%02X%02X%02X%02X", "%u-%u-%u-%u.static", "%u.sub-%u-%u-%u", "pool%u.%u.net%u-%u", "mail-%u-%u-%u-%u"}) {
        add(print(format, a, b, c, d));
      }
      const std::uint32_t number = (std::uint32_t{a} << 24U) | (b << 16U) | (c << 8U) | d;
      if (number >= 10'000'000) add("n" + std::to_string(number));
      add(print("x%x", number).size() >= 8 ? print("x%x", number) : print("x%08x", number));
    }
    return out;
  }
  std::string nibbles;
  for (const std::uint8_t octet : o) nibbles += print("%02x", octet);
  const std::string backwards(nibbles.rbegin(), nibbles.rend());
  for (const std::string& order : {nibbles, backwards}) {
    std::string dotted;
    std::string dashed;
    std::string by_four;
    for (std::size_t i = 0; i < 32; ++i) {
      dotted += (i == 0 ? "" : ".") + order.substr(i, 1);
      dashed += (i == 0 ? "" : "-") + order.substr(i, 1);
      by_four += (i == 0 || i % 4 != 0 ? "" : "-") + order.substr(i, 1);
    }
    for (const std::string& host : {order, "p" + order + ".dip0", dotted, dashed, by_four, "dyn-" + by_four}) add(host);
    add(order.substr(order == nibbles ? 16 : 0, 16));  // the interface alone
  }
  std::string full;
  for (std::size_t i = 0; i < 16; i += 2) full += print(i == 0 ? "%x" : "-%x", (o[i] << 8U) | o[i + 1]);
  add(full);
  add("cpe-" + full + ".v6");
  add("ip" + full);
  std::string compressed = address.text();
  std::ranges::replace(compressed, ':', '-');
  add("dynamic-" + compressed);
  add(compressed);
  if (o[11] == 0xFF && o[12] == 0xFE) {
    add(print("mac-%02x%02x%02x%02x%02x%02x", o[8] ^ 2U, o[9], o[10], o[13], o[14], o[15]));
    add(print("%02x-%02x-%02x-%02x-%02x-%02x.cm", o[8] ^ 2U, o[9], o[10], o[13], o[14], o[15]));
  }
  return out;
}

std::uint8_t octet(std::mt19937_64& random) { return static_cast<std::uint8_t>(random()); }

ip::Address random_v4(std::mt19937_64& random) {
  return ip::Address::v4({static_cast<std::uint8_t>(1 + random() % 223), octet(random), octet(random), octet(random)});
}

// Of a random network; the interface identifier is random, made of a hardware address, or a small number.
ip::Address random_v6(std::mt19937_64& random) {
  std::array<std::uint8_t, 16> octets{0x20, 0x01, 0x0d, 0xb8};
  if (random() % 2 != 0) octets = {0x2a, octet(random)};
  const std::uint64_t kind = random() % 3;
  for (std::size_t i = 4; i < 8; ++i) octets.at(i) = random() % 2 != 0 ? octet(random) : 0;
  for (std::size_t i = kind == 2 ? 15 : 8; i < 16; ++i) octets.at(i) = octet(random);
  if (kind == 1) {
    octets[11] = 0xFF;
    octets[12] = 0xFE;
  }
  if (octets[15] == 0) octets[15] = 1;
  return ip::Address::v6(octets);
}

TEST(GenericName, WhatIsSynthesisedIsAlwaysGeneric) {
  std::mt19937_64 random(5);
  std::size_t names = 0;
  for (int i = 0; i < 4000; ++i) {
    const ip::Address address = i % 2 != 0 ? random_v4(random) : random_v6(random);
    for (const std::string& name : synthesised(address)) {
      ++names;
      const GenericName got = judge_name(name_of(name), address, test::suffixes());
      ASSERT_TRUE(got.generic) << name << " of " << address.text();
      ASSERT_TRUE(got.why.starts_with("encodes_")) << name << ": " << got.why;
    }
  }
  EXPECT_GT(names, 50'000U);
}

// Names as operators of mail number them. `random_host` has as many digits as those have, in the same places.
std::string random_host(std::mt19937_64& random) {
  constexpr std::array kTemplates =
      std::to_array<std::string_view>({"mail-ej#-f##.big.example",
                                       "mail-wm#-x##a.big.example",
                                       "o#.ptr####.grid.example",
                                       "a##-##.smtp-out.ses.example",
                                       "mail-eopbgr#####.outbound.protection.big.example",
                                       "mail-dm#nam##on####.outbound.protection.big.example",
                                       "mail###-##.atl###.chimp.example",
                                       "out#-smtp.messages.example",
                                       "sonic###-##.consmr.mail.ne#.big.example",
                                       "p-east#-cluster#-host#-snip#-##.eps.big.example",
                                       "mx##.isp.example",
                                       "mta##.am#.example.net",
                                       "mail##.#.example.org",
                                       "smtp##-##.relay.example",
                                       "rs###.gun.example",
                                       "ccm###.contact.example",
                                       "vps-########.vps.hosts.example",
                                       "v##########.hosts.example",
                                       "srv####.hosts.example",
                                       "h#######.hosts.example",
                                       "li###-##.members.hosts.example",
                                       "sender#-of-o##.office.example",
                                       "host-##-##.dc#.example",
                                       "server#.rack##-##.dc#.example",
                                       "n##.g##.dc.example",
                                       "db######.example.org",
                                       "s#-#.r##.example"});
  std::string out(kTemplates[random() % kTemplates.size()]);
  for (char& c : out)
    if (c == '#') c = static_cast<char>('0' + random() % 10);
  return out;
}

TEST(GenericName, AHostIsTakenForAPoolLessThanOnceInAThousand) {
  std::mt19937_64 random(11);
  constexpr int kNames = 300'000;
  int generic = 0;
  for (int i = 0; i < kNames; ++i) {
    const ip::Address address = i % 2 != 0 ? random_v4(random) : random_v6(random);
    const auto name = dns::Name::parse(random_host(random));
    generic += judge_name(*name, address, test::suffixes()).generic;
  }
  RecordProperty("generic", generic);
  EXPECT_LT(generic, kNames / 1000);
}

}  // namespace
}  // namespace postern::signals
