// Messages of this machine's programs: the file, what becomes of its header, and the folder.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inbound/pickup.h"
#include "inbound/pickup_file.h"
#include "inbound/pickup_message.h"
#include "session_fixture.h"
#include "unit/temporary_folder.h"

namespace postern::inbound {
namespace {

PickupHead some() {
  return {.reverse_path = "root",
          .recipients = {"alice", "carol@example.com"},
          .full_name = "The \"root\"",
          .envid = "e",
          .ret = "HDRS",
          .notify = 2};
}

TEST(PickupFile, ReadsBackAndTellsDamage) {
  const std::string text = encode_pickup(some());
  const auto fixed = parse_pickup_fixed(text);
  ASSERT_TRUE(fixed);
  const std::string_view head = std::string_view(text).substr(kPickupFixed);
  const auto parsed = parse_pickup_head(*fixed, head);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, some());
  for (std::size_t size = 0; size < kPickupFixed; ++size) EXPECT_FALSE(parse_pickup_fixed(text.substr(0, size)));
  for (std::size_t i = 0; i < head.size(); ++i) {
    std::string damaged(head);
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(parse_pickup_head(*fixed, damaged)) << i;
    EXPECT_FALSE(parse_pickup_head(*fixed, head.substr(0, i)));
  }
}

TEST(PickupFile, AnAddressWithoutADomainGetsOne) {
  const auto whole = [](std::string_view address) {
    const auto mailbox = complete_address(address, "example.org");
    return mailbox ? mailbox->text() : "?";
  };
  EXPECT_EQ(whole("root"), "root@example.org");
  EXPECT_EQ(whole("root@Example.COM"), "root@example.com");
  EXPECT_EQ(whole("\"a b\""), "\"a b\"@example.org");
  for (const std::string_view bad : {"", "foo@bar@baz", "root@local host", "a b", "@example.org", "a@", "a..b", "a\nb"})
    EXPECT_EQ(whole(bad), "?") << bad;
  EXPECT_EQ(whole(std::string(64, 'a')), std::string(64, 'a') + "@example.org");
  EXPECT_EQ(whole(std::string(65, 'a')), "?");
}

TEST(PickupFile, Limits) {
  const auto good = [](const PickupHead& head) {
    const std::string text = encode_pickup(head);
    const auto fixed = parse_pickup_fixed(text);
    return fixed && parse_pickup_head(*fixed, std::string_view(text).substr(kPickupFixed));
  };
  PickupHead head = some();
  head.recipients.assign(kPickupRecipientsMax, "a");
  EXPECT_TRUE(good(head));
  head.recipients.emplace_back("a");
  EXPECT_FALSE(good(head));
  head = some();
  head.recipients.clear();
  EXPECT_FALSE(good(head));
  head = some();
  head.recipients[0] = "a\nb";
  EXPECT_FALSE(good(head));
  head = some();
  head.full_name = std::string(1000, 'x');
  EXPECT_TRUE(good(head));
  head.full_name += 'x';
  EXPECT_FALSE(good(head));
}

class PickupTest : public SessionFixture {
 protected:
  PickupTest() {
    configure([](Settings& settings) { settings.submission.domain = "example.org"; });
    pool = std::make_unique<io::BlockingPool>(1);
  }
  void leave(const std::string& name, const std::string& octets) {
    std::ofstream(folder_.path() + "/pickup/" + name, std::ios::binary) << octets;
  }
  // Whole looks, each with the files that are there.
  std::size_t look(Pickup& pickup) {
    std::size_t taken = 0;
    io::Scope scope(loop);
    loop.post([&] { scope.spawn(run(pickup, taken)); });
    loop.run();
    return taken;
  }
  Pickup make(bool everybody = false) {
    return {loop, *pool, *store, {.folder = folder_.path() + "/pickup", .everybody = everybody}, [this] {
              return std::make_shared<const Settings>(runtime->settings);
            }};
  }
  [[nodiscard]] bool there(const std::string& name) const {
    return ::access((folder_.path() + "/pickup/" + name).c_str(), F_OK) == 0;
  }
  postern::testing::TemporaryFolder folder_;

 private:
  Task<void> run(Pickup& pickup, std::size_t& taken) {
    taken = co_await pickup.take_all();
    loop.stop();
  }
};

TEST_F(PickupTest, AMessageIsMendedAndStored) {
  Pickup pickup = make();
  ASSERT_TRUE(pickup.prepare());
  leave("1.mail", encode_pickup(some()) + "Subject: x\r\nBcc: hidden@example.com\r\n\r\nbody\r\n");
  leave("tmp-2", "not whole yet");
  EXPECT_EQ(look(pickup), 1U);
  EXPECT_FALSE(there("1.mail"));
  EXPECT_TRUE(there("tmp-2"));
  ASSERT_EQ(stored().size(), 1U);
  const std::string text = stored()[0];
  EXPECT_TRUE(
      text.starts_with("Received: by mx.example.org (Postern, from uid " + std::to_string(::getuid()) + ")\r\n"));
  EXPECT_NE(text.find("\r\nFrom: \"The \\\"root\\\"\" <root@example.org>\r\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\r\nDate: "), std::string::npos);
  EXPECT_NE(text.find("\r\nMessage-ID: <"), std::string::npos);
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\nSubject: x\r\n\r\nbody\r\n")) << text;
  const spool::Envelope first = envelope(0);
  EXPECT_EQ(first.reverse_path, "root@example.org");
  EXPECT_EQ(first.origin, spool::Origin::local);
  ASSERT_EQ(first.recipients.size(), 2U);
  EXPECT_EQ(first.recipients[0].forward_path, "alice@example.org");
  EXPECT_EQ(first.recipients[1].forward_path, "carol@example.com");
  EXPECT_EQ(first.recipients[1].notify, 2);
  EXPECT_EQ(first.envid, "e");
}

TEST_F(PickupTest, NobodyOfThatNameIsLeftToTheQueue) {
  Pickup pickup = make();
  ASSERT_TRUE(pickup.prepare());
  PickupHead head = some();
  head.recipients = {"nobody", "team"};
  leave("1.mail", encode_pickup(head) + "From: alice@example.org\r\n\r\n");
  EXPECT_EQ(look(pickup), 1U);
  const spool::Envelope taken = envelope(0);
  ASSERT_EQ(taken.recipients.size(), 3U);
  EXPECT_EQ(taken.recipients[0].state, spool::RecipientState::pending);  // which refuses it, and tells the sender
  EXPECT_EQ(taken.recipients[1].original, "team@example.org");
  EXPECT_EQ(taken.recipients[2].state, spool::RecipientState::pending);
}

TEST_F(PickupTest, AnAddressThatCannotBeReadCostsTheOthersNothing) {
  Pickup pickup = make();
  ASSERT_TRUE(pickup.prepare());
  PickupHead head = some();
  head.recipients = {"foo@bar@baz", "bob@example.org"};
  leave("1.mail", encode_pickup(head) + "Subject: x\r\n\r\n");
  EXPECT_EQ(look(pickup), 1U);
  EXPECT_FALSE(there("1.mail.bad"));
  ASSERT_EQ(stored().size(), 1U);
  const spool::Envelope taken = envelope(0);
  ASSERT_EQ(taken.recipients.size(), 2U);
  EXPECT_EQ(taken.recipients[0].forward_path, "foo@bar@baz");
  EXPECT_EQ(taken.recipients[0].state, spool::RecipientState::pending);  // which fails it, and tells the sender
  EXPECT_EQ(taken.recipients[0].notify, 2);
  EXPECT_EQ(taken.recipients[1].forward_path, "bob@example.org");
}

// RFC 8689 5
TEST_F(PickupTest, TheHeaderMaySayThatTlsIsOptional) {
  Pickup pickup = make();
  ASSERT_TRUE(pickup.prepare());
  leave("1.mail", encode_pickup(some()) + "Subject: x\r\nTLS-Required: No\r\n\r\n");
  EXPECT_EQ(look(pickup), 1U);
  EXPECT_TRUE(envelope(0).tls_optional);
  ASSERT_TRUE(store->drop(envelope(0).id).has_value());
  leave("2.mail", encode_pickup(some()) + "Subject: x\r\nTLS-Required: yes\r\n\r\nTLS-Required: No\r\n");
  EXPECT_EQ(look(pickup), 1U);
  EXPECT_FALSE(envelope(0).tls_optional);
}

TEST_F(PickupTest, WhatIsNoMessageIsPutAside) {
  Pickup pickup = make();
  ASSERT_TRUE(pickup.prepare());
  const std::string base = folder_.path() + "/pickup/";
  const std::string head = encode_pickup(some());
  leave("1.mail", "nonsense");
  leave("2.mail", head + "Subject: x\n\nbare\n");
  leave("3.mail", head.substr(0, head.size() - 1));
  leave("4.mail", head + "Subject: x\r\n\r\nno end");
  ASSERT_EQ(::mkfifo((base + "5.mail").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("/etc/passwd", (base + "6.mail").c_str()), 0);
  leave("7", head + "\r\n");
  ASSERT_EQ(::link((base + "7").c_str(), (base + "7.mail").c_str()), 0);
  leave("8.mail", head + "Subject: good\r\n\r\n");
  look(pickup);
  EXPECT_EQ(stored().size(), 1U);
  for (const char* const name : {"1", "2", "3", "4", "5", "6", "7"}) {
    EXPECT_TRUE(there(std::string(name) + ".mail.bad") || std::string(name) == "6") << name;
    EXPECT_FALSE(there(std::string(name) + ".mail")) << name;
  }
}

TEST_F(PickupTest, FilesWaitWhereStorageIsFull) {
  Pickup pickup = make();
  ASSERT_TRUE(pickup.prepare());
  leave("1.mail", encode_pickup(some()) + "Subject: x\r\n\r\n");
  faults.begin_full = true;
  EXPECT_EQ(look(pickup), 0U);
  EXPECT_TRUE(there("1.mail"));
  faults.begin_full = false;
  EXPECT_EQ(look(pickup), 1U);
  EXPECT_FALSE(there("1.mail"));
}

TEST_F(PickupTest, TheFoldersModeIsWhatItIsFor) {
  const auto mode = [&] {
    struct stat status{};
    EXPECT_EQ(::stat((folder_.path() + "/pickup").c_str(), &status), 0);
    return status.st_mode & 07777U;
  };
  ASSERT_TRUE(make().prepare());
  EXPECT_EQ(mode(), 0700U);
  ASSERT_TRUE(make(true).prepare());
  EXPECT_EQ(mode(), 03733U);
  ASSERT_TRUE(make().prepare());
  EXPECT_EQ(mode(), 0700U);
}

}  // namespace
}  // namespace postern::inbound
