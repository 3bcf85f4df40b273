#include "maillog/event.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>

#include "maillog/fields.h"
#include "maillog/reason.h"
#include "maillog/scan.h"

namespace postern::maillog {
namespace {

// Events are views: the messages of a test stay where they are.
std::string_view kept(std::string_view message) {
  static std::deque<std::string> all;
  return all.emplace_back(message);
}

Event of(Daemon daemon, std::string_view message) {
  Event event;
  read_postfix(daemon, kept(message), event);
  return event;
}

Event exim(std::string_view message) {
  Event event;
  read_exim(kept(message), event);
  return event;
}

std::string field(const Event& event, std::string_view name) {
  std::vector<Field> fields;
  append_fields(event, fields);
  const auto at = std::ranges::find(fields, name, &Field::name);
  return at == fields.end() ? "(none)" : std::string(at->value);
}

TEST(Event, QueueIds) {
  EXPECT_EQ(queue_id_length("4104E3D: x"), 7U);
  EXPECT_EQ(queue_id_length("4Zl1mn3qPXz3vvg: x"), 15U);
  EXPECT_EQ(queue_id_length("NOQUEUE: x"), 7U);
  EXPECT_EQ(queue_id_length("ABCDE: x"), 5U);
  for (const std::string_view none : {"warning: x", "statistics: x", "ABCD: x", "4104E3D:x", "4104E3D x", "4104e3d: x",
                                      "bcdfghjkl: x", "", "4104E3D", "4104E3D:"})
    EXPECT_EQ(queue_id_length(none), 0U) << none;
}

TEST(Event, Smtpd) {
  const Event connect = of(Daemon::smtpd, "connect from unknown[2001:db8::1]");
  EXPECT_EQ(connect.kind, Kind::connect);
  EXPECT_TRUE(connect.host.ipv6());
  const Event port = of(Daemon::smtpd, "connect from a.example[192.0.2.1]:4711");  // smtpd_client_port_logging
  EXPECT_EQ(port.kind, Kind::connect);
  EXPECT_EQ(port.host.port, "4711");
  EXPECT_EQ(of(Daemon::smtpd, "connect from unknown[unknown]").host.known(), false);

  const Event tls = of(Daemon::smtpd,
                       "Verified TLS connection established from a[192.0.2.1]: TLSv1.2 with cipher X-Y (128/128 bits)");
  EXPECT_EQ(tls.kind, Kind::tls_in);
  EXPECT_EQ(tls.action, "Verified");
  EXPECT_EQ(tls.tls, "TLSv1.2");
  EXPECT_EQ(tls.cipher, "X-Y");

  const Event received =
      of(Daemon::smtpd, "4Zl1mn3qPXz3vvg: client=a[192.0.2.1], sasl_method=PLAIN, sasl_username=u@example.org");
  EXPECT_EQ(received.kind, Kind::received);
  EXPECT_EQ(received.queue_id, "4Zl1mn3qPXz3vvg");
  EXPECT_EQ(field(received, "sasl_username"), "u@example.org");

  const Event list =
      of(Daemon::smtpd,
         "NOQUEUE: reject: RCPT from a[192.0.2.1]: 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked "
         "using zen.example; see; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x; from=<y>");
  EXPECT_EQ(list.kind, Kind::decision);
  EXPECT_EQ(list.pairs, "from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x; from=<y>");
  EXPECT_EQ(field(list, "status_data"), "192.0.2.1");
  EXPECT_EQ(field(list, "reply"),
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example; see");
  EXPECT_EQ(
      of(Daemon::smtpd, "NOQUEUE: milter-reject: MAIL from a[192.0.2.1]: 550 5.7.1 no; from=<a@b.example>").action,
      "milter-reject");
  // long queue ids begin with letters that messages begin with as well
  EXPECT_EQ(of(Daemon::smtpd, "tkBxJzkQwDz6tm: client=a[192.0.2.1]").kind, Kind::received);
  EXPECT_EQ(of(Daemon::smtpd,
               "dkBxJzkQwDz6tm: reject: DATA from a[192.0.2.1]: 550 5.5.3 <DATA>: Data command rejected: x; proto=SMTP")
                .data,
            "DATA");
  EXPECT_EQ(of(Daemon::smtpd, "too many errors after RCPT from a[192.0.2.1]").stage, "RCPT");
  EXPECT_EQ(of(Daemon::smtpd, "warning: a[192.0.2.1]: SASL PLAIN authentication failed: x").kind, Kind::auth_failed);
  EXPECT_EQ(of(Daemon::smtpd, "warning: hostname a.example does not resolve to address 192.0.2.1").kind, Kind::message);
  EXPECT_EQ(of(Daemon::smtpd, "a sentence with a host[192.0.2.1]").kind, Kind::unknown);
  EXPECT_EQ(of(Daemon::smtpd, "").kind, Kind::unknown);
}

TEST(Event, RepliesWithoutAText) {
  for (const std::string_view reply : {"550 5.1.1", "550 5.7.25", "550 5.1.1 ", "550 x", "550 5.1.1 no"}) {
    const Event event = of(Daemon::smtpd, "NOQUEUE: reject: RCPT from a[192.0.2.1]: " + std::string(reply));
    EXPECT_EQ(event.kind, Kind::decision) << reply;
    EXPECT_EQ(event.code, "550") << reply;
    EXPECT_EQ(event.reply, reply);
  }
  const Event bare = of(Daemon::smtpd, "NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1");
  EXPECT_EQ(bare.enhanced, "5.1.1");
  EXPECT_EQ(bare.text, "");
}

TEST(Event, TlsToANameThatWasAskedFor) {
  const std::string summary = ": TLSv1.3 with cipher X (256/256 bits) key-exchange ECDHE (P-256) server-signature Y";
  for (const auto daemon : {Daemon::smtpd, Daemon::tlsproxy}) {
    const std::string from = "Anonymous TLS connection established from x[192.0.2.1]";
    const Event tls = of(daemon, from + " to mx.example.org" + summary);
    EXPECT_EQ(tls.kind, daemon == Daemon::smtpd ? Kind::tls_in : Kind::tls_proxied);
    EXPECT_EQ(tls.tls, "TLSv1.3");
    EXPECT_EQ(tls.cipher, "X");
    EXPECT_EQ(field(tls, "tls_server_name"), "mx.example.org");
    EXPECT_EQ(field(of(daemon, from + summary), "tls_server_name"), "(none)");
    for (const std::string_view none : {" to ", " to a b", "to mx.example.org", " to"})
      EXPECT_EQ(of(daemon, from + std::string(none) + summary).kind, Kind::unknown) << none;
    EXPECT_EQ(of(daemon, "TLS SNI x.example from a[192.0.2.1] not matched, using default chain").kind, Kind::noted);
  }
}

// Whoever writes an address chooses what stands in it; a quoted local part may look like the rest of the line.
TEST(Event, AddressesAreNoKeys) {
  const std::string_view response = "host mx[192.0.2.9] said: 550 5.1.1 no";
  for (const std::string evil :
       {R"("a, status=sent (ok) "@b.example)", R"("a>, relay=x[2001:db8::1]:25, status=sent (ok) "@b.example)",
        R"("\"a>, dsn=2.0.0, tls=dane, delay=9, status=sent "@b.example)", R"("a@b.example)"}) {
    for (const std::string_view orig : {"", "orig_to=<\"c, status=sent \"@d.example>, "}) {
      const std::string line = "3A1F81C0B2: to=<" + evil + ">, " + std::string(orig) +
                               "relay=mx[192.0.2.9]:25, delay=30, delays=0/0/30/0, dsn=5.1.1, status=bounced (" +
                               std::string(response) + ")";
      const Event bounced = of(Daemon::smtp, line);
      EXPECT_EQ(bounced.status, "bounced") << line;
      EXPECT_EQ(bounced.text, response) << line;
      EXPECT_EQ(bounced.host.address, "192.0.2.9") << line;
      EXPECT_EQ(bounced.enhanced, "5.1.1") << line;
      EXPECT_EQ(bounced.data, "30") << line;
      EXPECT_EQ(bounced.rest, "") << line;
      EXPECT_EQ(field(bounced, "to"), evil) << line;
      EXPECT_EQ(field(bounced, "delay"), "30") << line;
    }
  }
  const Event queued =
      of(Daemon::qmgr, R"(3A1F81C0B2: from=<"a, status=expired, "@b.example>, size=1, nrcpt=1 (queue active))");
  EXPECT_EQ(queued.kind, Kind::queued);
  EXPECT_EQ(field(queued, "size"), "1");
  const Event expired = of(Daemon::qmgr, R"(3A1F81C0B2: from=<"a, status=x "@b>, status=expired, returned to sender)");
  EXPECT_EQ(expired.kind, Kind::expired);
  EXPECT_EQ(expired.status, "expired");
  EXPECT_EQ(expired.text, "returned to sender");

  const std::string refusal = "NOQUEUE: reject: RCPT from x[192.0.2.1]: 550 5.1.1 ";
  for (const std::string evil : {R"("; from=<x> to=<y> "@b)", R"(">: sent; from=<x> "@b)"}) {
    const Event no =
        of(Daemon::smtpd, refusal + "<" + evil + ">: Recipient address rejected: User unknown; from=<a@b> to=<" + evil +
                              "> proto=ESMTP helo=<x>");
    EXPECT_EQ(no.data, evil);
    EXPECT_EQ(no.text, "Recipient address rejected: User unknown");
    EXPECT_EQ(no.reply, "550 5.1.1 <" + evil + ">: Recipient address rejected: User unknown");
    EXPECT_EQ(field(no, "from"), "a@b");
    EXPECT_EQ(field(no, "to"), evil);
    EXPECT_EQ(field(no, "helo"), "x");
    const Event proxy =
        of(Daemon::smtpd, "proxy-reject: RCPT: 550 5.1.1 <" + evil + ">: no; from=<a@b> to=<" + evil + "> proto=SMTP");
    EXPECT_EQ(proxy.text, "550 5.1.1 <" + evil + ">: no");
    EXPECT_EQ(field(proxy, "from"), "a@b");
  }
  const Event header = of(Daemon::cleanup,
                          "4104E3D: reject: header Subject: x; from=<evil> from a[2001:db8::1]; from=<a@b> to=<c@d> "
                          "proto=ESMTP helo=<h>: no");
  EXPECT_EQ(header.host.address, "2001:db8::1");
  EXPECT_EQ(field(header, "from"), "a@b");

  const Event refused = exim(R"(H=x [192.0.2.1] F=<a@b> rejected RCPT <"a>: evil"@c.example>: relay not permitted)");
  EXPECT_EQ(refused.text, "relay not permitted");
  EXPECT_EQ(refused.data, R"("a>: evil"@c.example)");
  EXPECT_EQ(exim(R"(1abcde-000000-AB ** "a: evil"@c.example R=r T=t: Unrouteable address)").text,
            "Unrouteable address");
}

TEST(Event, Deliveries) {
  const Event sent =
      of(Daemon::smtp,
         "0D9633D: to=<a@b.example>, relay=mx.example[2001:db8::9]:25, delay=3.6, delays=0/0/1/2, tls=dane, dsn=2.0.0, "
         "status=sent (250 2.0.0 Ok: queued (again) as 153053D)");
  EXPECT_EQ(sent.kind, Kind::delivery);
  EXPECT_EQ(sent.status, "sent");
  EXPECT_EQ(sent.enhanced, "2.0.0");
  EXPECT_EQ(sent.text, "250 2.0.0 Ok: queued (again) as 153053D");
  EXPECT_EQ(sent.host.address, "2001:db8::9");
  EXPECT_EQ(field(sent, "tls_security_level"), "dane");
  EXPECT_EQ(field(sent, "delay_transmission"), "2");
  const Event may =
      of(Daemon::smtp, "0D9633D: to=<a@b.example>, relay=none, delay=1, tls=may?, dsn=4.4.1, status=deferred (x)");
  EXPECT_EQ(field(may, "tls_security_level"), "may");
  EXPECT_EQ(field(may, "tls_policy_undecided"), "true");
  const Event broken = of(Daemon::smtp,
                          "0D9633D: to=<a@b.example>, relay=none, delay=1, tls=dane:none/!requiretls?:nostarttls, "
                          "dsn=4.4.1, status=deferred (x)");
  EXPECT_EQ(field(broken, "tls_downgrade_level"), "none");
  EXPECT_EQ(field(broken, "requiretls_policy_violation"), "!");
  EXPECT_EQ(field(broken, "requiretls_policy_undecided"), "true");
  EXPECT_EQ(field(broken, "requiretls_downgrade_level"), "nostarttls");
  EXPECT_EQ(of(Daemon::local,
               "0D9633D: to=<a@b.example>, relay=local, delay=1, dsn=2.0.0, status=sent (forwarded as 1DF35917)")
                .text,
            "forwarded as 1DF35917");
  EXPECT_EQ(
      of(Daemon::smtp, "Verified TLS connection reused to a[192.0.2.1]:25: TLSv1.3 with cipher X (1/1 bits)").kind,
      Kind::noted);
  EXPECT_EQ(of(Daemon::smtp, "0D9633D: conversation with a[192.0.2.1] timed out while sending MAIL FROM").action,
            "conversation timed out");
  EXPECT_EQ(of(Daemon::qmgr, "66C15648577B: from=<a@b.example>, size=1, nrcpt=1 (queue active)").kind, Kind::queued);
}

TEST(Event, Postscreen) {
  const Event greeted = of(Daemon::postscreen, "PREGREET 14 after 0.06 from [192.0.2.1]:4711: EHLO a\\r\\n");
  EXPECT_EQ(greeted.action, "PREGREET");
  EXPECT_EQ(field(greeted, "postscreen_violation_time"), "0.06");
  EXPECT_EQ(of(Daemon::postscreen, "ALLOWLISTED [2001:db8::1]:4711").action, "ALLOWLISTED");
  EXPECT_EQ(of(Daemon::postscreen, "CONNECT from [192.0.2.1]:4711 to [192.0.2.25]:25").kind, Kind::screen_connect);
  EXPECT_EQ(of(Daemon::postscreen, "NON-SMTP COMMAND from [192.0.2.1]:4711 after CONNECT: GET / HTTP/1.0").stage,
            "CONNECT");
  EXPECT_EQ(of(Daemon::tlsproxy,
               "Anonymous TLS connection established from [192.0.2.1]:4711: TLSv1.3 with cipher X (1/1 bits)")
                .kind,
            Kind::tls_proxied);
}

TEST(Event, Exim) {
  const Event in = exim(
      "1abcde-000000-AB <= a@b.example H=mx.example (helo) [2001:db8::1]:4711 P=esmtps "
      "X=TLS1.3:TLS_AES_256_GCM_SHA384:256 S=1");
  EXPECT_EQ(in.kind, Kind::exim_arrival);
  EXPECT_EQ(in.queue_id, "1abcde-000000-AB");
  EXPECT_EQ(in.host.name, "mx.example");
  EXPECT_EQ(in.host.address, "2001:db8::1");
  EXPECT_EQ(in.tls, "TLS1.3");
  EXPECT_EQ(in.cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(exim("1abcde-00000000abc-1234 Completed").queue_id, "1abcde-00000000abc-1234");
  EXPECT_EQ(
      exim("1abcde-000000-AB => u@c.example R=r T=t H=mx.example [192.0.2.9] X=TLS1.2:A_B:256 C=\"250 ok\"").status,
      "sent");
  const Event bounced = exim("1abcde-000000-AB ** u@c.example R=r T=t H=mx.example [192.0.2.9]: SMTP error: 550 no");
  EXPECT_EQ(bounced.status, "bounced");
  EXPECT_EQ(bounced.text, "SMTP error: 550 no");
  EXPECT_EQ(exim("1abcde-000000-AB == u@c.example R=r T=t defer (110): Connection timed out").status, "deferred");
  const Event no =
      exim("H=([192.0.2.77]) [192.0.2.1]:4711 F=<a@b.example> temporarily rejected RCPT <u@c.example>: greylisted");
  EXPECT_EQ(no.kind, Kind::exim_reject);
  EXPECT_EQ(no.host.address, "192.0.2.1");
  EXPECT_EQ(no.stage, "RCPT");
  EXPECT_EQ(no.data, "u@c.example");
  EXPECT_EQ(no.text, "greylisted");
  EXPECT_EQ(exim("SMTP connection from [192.0.2.1]:4711 (TCP/IP connection count = 1)").kind, Kind::connect);
  EXPECT_EQ(exim("SMTP connection from a [192.0.2.1]:4711 closed by QUIT").kind, Kind::noted);
  EXPECT_EQ(exim("dovecot_login authenticator failed for (x) [192.0.2.1]: 535 Incorrect").kind, Kind::auth_failed);
  EXPECT_EQ(exim("something else").kind, Kind::unknown);
  // Attributes are read in order, and what strangers wrote is none
  const Event subject =
      exim("1abcde-000000-AB <= a@b.example H=x [192.0.2.1] P=smtp S=1 T=\"a X=TLS1.3:B:256 H=y [2001:db8::1]\"");
  EXPECT_EQ(subject.host.address, "192.0.2.1");
  EXPECT_EQ(subject.tls, "");
  const Event local =
      exim("1abcde-000000-AB <= \"x H=y [2001:db8::1]\"@b.example U=root P=local S=1 T=\"H=y [2001:db8::1]\"");
  EXPECT_FALSE(local.host.known());
  const Event deferred = exim(
      "1abcde-000000-AB == u@c.example R=r T=t H=mx [192.0.2.9] X=TLS1.2:A:1 defer (-44) : 450 X=Y:Z:1 rejected RCPT");
  EXPECT_EQ(deferred.host.address, "192.0.2.9");
  EXPECT_EQ(deferred.cipher, "A");
  for (const char* theirs :
       {"1abcde-000000-AB SMTP error from remote mail server after RCPT TO:<x@y.example>: 550 rejected by policy",
        "1abcde-000000-AB H=mx.example [192.0.2.9]: SMTP error from remote mail server after end of data: 554 rejected "
        "as spam",
        "1abcde-000000-AB Remote host mx.example [192.0.2.9] rejected the message"})
    EXPECT_NE(exim(theirs).kind, Kind::exim_reject) << theirs;
  const Event data = exim(
      "1abcde-000000-AB H=x.example (y) [192.0.2.1] X=TLS1.3:A:256 CV=no F=<a@b.example> rejected after DATA: spam");
  EXPECT_EQ(data.kind, Kind::exim_reject);
  EXPECT_EQ(data.stage, "DATA");
  EXPECT_EQ(data.host.name, "x.example");
  EXPECT_EQ(exim("1abcde-000000-AB *> u@c.example R=r T=t").kind, Kind::noted);
  const Event fake = exim("1abcde-000000-AB (= a@b.example H=mx.b.example [2001:db8::1]:4711 P=esmtp S=812");
  EXPECT_EQ(fake.kind, Kind::exim_arrival);
  EXPECT_EQ(fake.host.address, "2001:db8::1");
  for (const std::string_view nobody : {"=> blackhole (DATA ACL discarded recipients)",
                                        "=> blackhole local_scan says so: x", "=> :blackhole: <u@c.example> R=spam"})
    EXPECT_EQ(exim("1abcde-000000-AB " + std::string(nobody)).status, "discarded") << nobody;
  EXPECT_EQ(exim("1abcde-000000-AB => blackhole <blackhole@c.example> R=local_user T=mail_spool").status, "sent");
  for (const auto& [line, why] :
       {std::pair{
            "Connection from [192.0.2.1]:4711 I=[192.0.2.2]:25 refused: too many connections from that IP address",
            "too many connections from that IP address"},
        {"Connection from [192.0.2.1] refused: load average = 12.34", "load average"},
        {"refused connection from mx.example (h) [192.0.2.1] (host_reject_connection)", "host_reject_connection"},
        {"refused connection from [192.0.2.1] U=x (tcp wrappers)", "tcp wrappers"}}) {
    const Event none = exim(line);
    EXPECT_EQ(none.kind, Kind::exim_reject) << line;
    EXPECT_EQ(none.stage, "connection") << line;
    EXPECT_EQ(none.text, why) << line;
    EXPECT_EQ(none.host.address, "192.0.2.1") << line;
  }
}

// What real daemons say beside what is tested above: all of it is understood.
TEST(Event, NothingOfTheseIsUnknown) {
  static constexpr std::pair<std::string_view, std::string_view> kMessages[]{
      {"smtpd", "certificate verification failed for a.example[192.0.2.1]: untrusted issuer /C=US"},
      {"smtpd", "a.example[192.0.2.1]: Untrusted: subject_CN=a, issuer=b, fingerprint=C, pkey_fingerprint=D"},
      {"smtpd", "a.example[192.0.2.1]: Issuing session ticket, key expiration: 1"},
      {"smtpd",
       "warning: TLS library problem: error:1417A0C1:SSL routines:tls_post_process_client_hello:no shared "
       "cipher:../ssl/statem/statem_srvr.c:2283:"},
      {"smtpd",
       "4104E3D: reject: END-OF-MESSAGE from a[192.0.2.1]: 554 5.7.1 <END-OF-MESSAGE>: End-of-data rejected: x; "
       "from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<h>"},
      {"smtpd",
       "proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as 4104E3D; from=<a@b.example> to=<c@d.example> proto=ESMTP "
       "helo=<h>"},
      {"smtpd", "NOQUEUE: client=a[192.0.2.1]"},
      {"smtpd", "disconnect from a[192.0.2.1]"},
      {"smtpd",
       "NOQUEUE: reject: CONNECT from unknown[unknown]: 554 5.7.1 <unknown[unknown]>: Client host rejected: x; "
       "proto=SMTP"},
      {"smtpd", "table hash:/etc/postfix/x(0,lock|fold_fix) has changed -- restarting"},
      {"smtpd", "warning: unknown[192.0.2.1]: SASL PLAIN authentication failed: Invalid authentication mechanism"},
      {"smtp",
       "4104E3D: to=<a@b.example>, relay=x.example[192.0.2.9]:25, conn_use=2, delay=1, delays=0/0/0/1, dsn=5.1.1, "
       "status=bounced (host x.example[192.0.2.9] said: 550 5.1.1 <a@b.example>: no (in reply to RCPT TO command))"},
      {"smtp", "4104E3D: host x.example[192.0.2.9] refused to talk to me: 421 4.7.0 try again later"},
      {"smtp", "4104E3D: Cannot start TLS: handshake failure"},
      {"smtp",
       "x.example[192.0.2.9]:25: re-using session with untrusted certificate, look for details earlier in the log"},
      {"smtp",
       "server certificate verification failed for x.example[192.0.2.9]:25: num=20:unable to get local issuer "
       "certificate"},
      {"smtp", "warning: no MX host for b.example has a valid address record"},
      {"smtp",
       "Verified TLS connection established to x.example[2001:db8::9]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
       "(256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256"},
      {"qmgr",
       "4104E3D: to=<a@b.example>, relay=none, delay=1, delays=0/1/0/0, dsn=4.4.1, status=deferred (delivery "
       "temporarily suspended: connect to x[192.0.2.9]:25: Connection refused)"},
      {"error", "4104E3D: to=<a@b.example>, relay=none, delay=1, delays=0/1/0/0, dsn=4.4.1, status=deferred (x)"},
      {"local", "4104E3D: passing <a@b.example> to transport=dovecot"},
      {"postscreen",
       "close database /var/lib/postfix/postscreen_cache.db: No such file or directory (possible Berkeley DB bug)"},
      {"cleanup", "4104E3D: resent-message-id=<x@y>"},
      {"cleanup",
       "4104E3D: prepend: header Subject: x from a[192.0.2.1]; from=<a@b.example> to=<c@d.example> proto=ESMTP "
       "helo=<h>: X-A: b"},
      {"cleanup", "warning: milter inet:127.0.0.1:8891: can't read SMFIC_EOH reply packet header: Success"},
      {"bounce", "4104E3D: sender non-delivery notification: 4104E3E"},
      {"master", "daemon started -- version 3.7.11, configuration /etc/postfix"},
      {"postfix-script", "starting the Postfix mail system"},
      {"postscreen", "discarding EHLO keywords: CHUNKING"},
      {"postscreen", "BARE NEWLINE from [192.0.2.1]:4711 after DATA"},
      {"scache", "statistics: domain lookup hits=0 miss=1 success=0%"},
      {"trivial-rewrite", "table hash:/x has changed -- restarting"},
      {"pickup", "4104E3D: uid=0 from=<root>"},
      {"postsuper", "4104E3D: released from hold"},
      {"tlsmgr", "open smtpd TLS cache btree:/var/lib/postfix/smtpd_scache"},
      {"tlsproxy", "SSL_accept error from [192.0.2.1]:4711: lost connection"},
      {"lmtp",
       "4104E3D: to=<a@b.example>, relay=mx1[private/dovecot-lmtp], delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent "
       "(250 2.0.0 <a@b.example> x Saved)"},
      {"anvil", "statistics: max message rate 1/60s for (smtpd:2001:db8::1) at Oct  9 08:53:20"},
      {"discard", "4104E3D: to=<a@b.example>, relay=none, delay=1, delays=0/0/0/0, dsn=2.0.0, status=sent (x)"},
  };
  for (const auto& [name, message] : kMessages) {
    const auto daemon = daemon_named(name);
    ASSERT_TRUE(daemon) << name;
    EXPECT_NE(of(*daemon, message).kind, Kind::unknown) << name << ": " << message;
  }
}

TEST(Event, PairsAreFoundByTheirWholeName) {
  EXPECT_EQ(pair_value("orig_to=<x>, to=<y>", "to"), "y");
  EXPECT_EQ(pair_value("from=<> to=<a b>", "from"), "");
  EXPECT_EQ(pair_value("from=<> to=<a b>", "to"), "a b");
  EXPECT_EQ(pair_value("to=<open", "to"), "open");
  EXPECT_EQ(pair_value("delay=1, delays=2", "delays"), "2");
  EXPECT_EQ(pair_value("", "to"), "");
  EXPECT_EQ(pair_value(R"(from=<"x> to=<evil> "@a>, to=<y>)", "to"), "y");
  EXPECT_EQ(pair_value("helo=<; from=<x> from=<y>", "from"), "y");
  EXPECT_EQ(pair_value("a b=1 c d=2", "d"), "2");
  EXPECT_EQ(pair_value("from=<open to=<y>", "size"), "");
}

TEST(Event, ReasonsOfEvents) {
  ReasonBuffer buffer;
  EXPECT_EQ(reason_of(Event{.kind = Kind::exim_reject, .stage = "RCPT", .text = "no <a@b.example>"}, buffer),
            "RCPT no");
  EXPECT_EQ(reason_of(Event{.kind = Kind::milter, .action = "reject", .text = "from a[192.0.2.1]: 5.7.1 no"}, buffer),
            "milter 5.7.1 no");
  EXPECT_EQ(reason_of(Event{.kind = Kind::screen_busy, .action = "reject", .text = "too many connections"}, buffer),
            "too many connections");
  EXPECT_EQ(reason_of(Event{.kind = Kind::connect}, buffer), "");
}

TEST(Event, Reasons) {
  ReasonBuffer buffer;
  const auto reason = [&](std::string_view text) { return std::string(reason_of("550", "5.1.1", text, buffer)); };
  EXPECT_EQ(reason("<a@b.example>: Recipient address rejected: User unknown"),
            "550 5.1.1 Recipient address rejected: User unknown");
  EXPECT_EQ(reason("Recipient address rejected: Greylisted, see http://a.example/b"),
            "550 5.1.1 Recipient address rejected: Greylisted");
  EXPECT_EQ(reason("Client host [192.0.2.1] blocked using zen.example; https://x"),
            "550 5.1.1 Client host blocked using zen.example");
  EXPECT_EQ(reason("wait 300 seconds for 5s"), "550 5.1.1 wait N seconds for Ns");
  EXPECT_EQ(reason("<unclosed"), "550 5.1.1 <unclosed");
  EXPECT_EQ(reason("host mx1.a.example[192.0.2.1] said: 550 5.1.1 <x@y.example>: no such user"),
            "550 5.1.1 host said: 550 5.1.1 no such user");
  EXPECT_EQ(reason("after RCPT TO:<x@y.example>: 550 no"), "550 5.1.1 after RCPT TO: 550 no");
  EXPECT_EQ(reason("wait: 300 seconds"), "550 5.1.1 wait: N seconds");
  EXPECT_EQ(reason("wait 450 seconds"), "550 5.1.1 wait N seconds");
  for (const std::string address : {"192.0.2.1", "2001:db8::1", "::1", "fe80::", "FE80::1:2", "::ffff:192.0.2.1"}) {
    EXPECT_EQ(reason("warning: hostname mail.a.example does not resolve to address " + address),
              "550 5.1.1 warning: hostname does not resolve to address");
    EXPECT_EQ(reason("hostname a.example does not resolve to address " + address + ": Name or service not known"),
              "550 5.1.1 hostname does not resolve to address: Name or service not known");
    EXPECT_EQ(reason(address + " is not wanted"), "550 5.1.1 is not wanted");
    EXPECT_EQ(reason("from " + address + ", " + address + "; no"), "550 5.1.1 from,; no") << address;
  }
  EXPECT_EQ(reason("connect to 192.0.2.1:25: refused"), "550 5.1.1 connect to: refused");
  for (const std::string none :
       {"5.7.1 x", "dead: beef", "1.2.3.4.5 x", "192.0.2.1.dyn.example x", "cafe x", "12:30 x"})
    EXPECT_EQ(reason("at " + none), "550 5.1.1 at " + none);
  EXPECT_EQ(reason("connect to mx1.a.example[192.0.2.1]:25: Connection refused"),
            "550 5.1.1 connect to host: Connection refused");
  EXPECT_EQ(reason("lost connection with mx1.a.example[2001:db8::1] while sending RCPT TO"),
            "550 5.1.1 lost connection with host while sending RCPT TO");
  EXPECT_EQ(reason("Helo command rejected: Host not found"), "550 5.1.1 Helo command rejected: Host not found");
  EXPECT_EQ(reason("unknown host or so"), "550 5.1.1 unknown host or so");
  EXPECT_EQ(reason(std::string(1000, 'x')).size(), kReasonMax);
  EXPECT_EQ(reason(""), "550 5.1.1");
}

}  // namespace
}  // namespace postern::maillog
