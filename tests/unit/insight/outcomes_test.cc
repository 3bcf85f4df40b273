#include "insight/outcomes.h"

#include <gtest/gtest.h>

#include "traffic.h"

namespace postern::insight {
namespace {

using namespace testing;

class Ground : public ::testing::Test {
 protected:
  Session session(WallMs at, const std::string& who, const std::string& client = "192.0.2.1") {
    return {*policy_, at, client, who.empty() ? "" : "spf:" + who};
  }
  // Adds what is written, and gives the truth of each session then.
  std::vector<Truth> truths(Marks marks = {}, Signs left_out = 0) {
    Outcomes outcomes(std::move(marks));
    read_lines(lines_, [&](const record::SessionView& session) { outcomes.add(session); });
    std::vector<Truth> out;
    EvidenceWalk walk;
    read_lines(lines_, [&](const record::SessionView& session) {
      walk.begin();
      for (const auto& decision : session.decisions) walk.next(decision);
      out.push_back(Outcomes::truth(outcomes.signs_of(session, walk.now()),
                                    outcomes.signs_of_sender(sender_key(session, walk.now())), left_out));
    });
    return out;
  }
  std::shared_ptr<const policy::Policy> policy_ = compile(preset("none"));
  std::string lines_;
};

using T = Truth;

TEST_F(Ground, ASenderIsWhatHeTurnsOutToBeLater) {
  lines_ += session(kMonday, "friend.example").connect().mail("x@friend.example").line();
  lines_ += session(kMonday + 1, "spammer.example").connect().mail("x@spammer.example").line();
  lines_ += session(kMonday + 2, "nobody.example").connect().mail("x@nobody.example").line();
  EXPECT_EQ(truths(), (std::vector{T::unknown, T::unknown, T::unknown}));
  lines_ += session(kMonday + kDay, "friend.example")
                .with(Signal::known, value::Known::known)
                .connect()
                .mail("x@friend.example")
                .line();
  lines_ += session(kMonday + kDay, "spammer.example")
                .with(Signal::trap, value::YesNo::yes)
                .connect()
                .mail("x@spammer.example")
                .line();
  EXPECT_EQ(truths(), (std::vector{T::ham, T::spam, T::unknown, T::ham, T::spam}));
  EXPECT_EQ(truths({}, rests_on(Signal::known)), (std::vector{T::unknown, T::spam, T::unknown, T::unknown, T::spam}));
}

TEST_F(Ground, EachSign) {
  const auto with = [&](const std::string& who, Signal signal, auto word) {
    lines_ += session(kMonday, who).with(signal, word).connect().mail("x@" + who).line();
  };
  with("a.example", Signal::recipient, value::Recipient::trap);
  with("b.example", Signal::recipient, value::Recipient::retired);
  with("c.example", Signal::known, value::Known::replied_to);
  with("d.example", Signal::known, value::Known::seen);
  Session storm = session(kMonday, "e.example");
  storm.evidence().set_number(Signal::unknown_recipients, kUnknownUsers);
  storm.evidence().set_number(Signal::recipients, kUnknownUsers);
  lines_ += storm.connect().mail("x@e.example").line();
  Session some = session(kMonday, "f.example");  // a list with old addresses
  some.evidence().set_number(Signal::unknown_recipients, kUnknownUsers);
  some.evidence().set_number(Signal::recipients, 2 * kUnknownUsers);
  lines_ += some.connect().mail("x@f.example").line();
  EXPECT_EQ(truths(), (std::vector{T::spam, T::spam, T::ham, T::unknown, T::spam, T::unknown}));
}

TEST_F(Ground, ThatSomebodyCameBackIsShownAndProvesNothing) {
  policy::RuleOptions grey;
  grey.name = "grey";
  grey.when = "known == stranger";
  grey.action = evidence::Action::greylist;
  const auto policy = compile(preset("none", {grey}));
  Session first(*policy, kMonday, "192.0.2.1", "spf:a.example");
  first.with(Signal::known, value::Known::stranger).with(Signal::greylist, value::Greylist::first);
  lines_ = first.connect().mail("x@a.example").line();
  ASSERT_EQ(first.record().decisions.back().action, evidence::Action::greylist);
  EXPECT_EQ(truths(), (std::vector{T::unknown}));
  lines_ += session(kMonday + kHour, "a.example")
                .with(Signal::known, value::Known::seen)
                .connect()
                .mail("x@a.example")
                .line();
  EXPECT_EQ(truths(), (std::vector{T::unknown, T::unknown})) << "bots come back as well";
  Outcomes outcomes;
  std::string shown;
  read_lines(lines_, [&](const record::SessionView& session) { outcomes.add(session); });
  read_lines(lines_, [&](const record::SessionView& session) {
    shown = text_of(outcomes.signs_of_sender(sender_key(session, {})));
  });
  EXPECT_EQ(shown, "retried");
}

TEST_F(Ground, SignsOfBothSidesLeaveItOpenAndMarksDecide) {
  Session old_friend = session(kMonday, "a.example");
  old_friend.with(Signal::known, value::Known::known).with(Signal::recipient, value::Recipient::retired);
  lines_ += old_friend.connect().mail("x@a.example").line();
  Session trapped = session(kMonday, "b.example");
  trapped.with(Signal::known, value::Known::known).with(Signal::trap, value::YesNo::yes);
  lines_ += trapped.connect().mail("x@b.example").line();
  Session later = session(kMonday + 1, "b.example");
  lines_ += later.connect().mail("x@b.example").line();
  EXPECT_EQ(truths(), (std::vector{T::unknown, T::spam, T::unknown}));
  Marks marks;
  marks.add(old_friend.record().transactions[0].message, MarkWord::spam);
  marks.add(later.record().id, MarkWord::ham);
  EXPECT_EQ(truths(std::move(marks)), (std::vector{T::spam, T::spam, T::ham}));
}

TEST_F(Ground, WithoutAnIdentityTheNetworkIsTheSender) {
  lines_ +=
      session(kMonday, "", "192.0.2.9").connect().line() + session(kMonday, "", "2001:db8:1:2::9").connect().line();
  std::vector<std::string> senders;
  read_lines(lines_, [&](const record::SessionView& session) { senders.push_back(sender_of(session, {})); });
  EXPECT_EQ(senders, (std::vector<std::string>{"net:192.0.2.0/24", "net:2001:db8:1:2::/64"}));
}

TEST_F(Ground, ADkimDomainIsNotWhomTheGreylistKnew) {
  Session one = session(kMonday, "");
  one.record().state.identity = "dkim:news.example";
  one.with(Signal::spf, value::Spf::pass).connect().mail("x@Bounces.example");
  Session two = session(kMonday, "");
  two.record().state.identity = "dkim:news.example";
  two.with(Signal::rdns, value::Rdns::mail);
  two.evidence().set_text(Signal::rdns_domain, "host.example");
  two.connect().mail("x@bounces.example");
  Session three = session(kMonday, "");
  three.record().state.identity = "dkim:news.example";
  three.with(Signal::rdns, value::Rdns::confirmed);
  three.evidence().set_text(Signal::rdns_domain, "hoster.example");
  three.evidence().set_text(Signal::rdns_name, "vmi7.hoster.example");
  three.connect().mail("x@bounces.example");
  std::vector<std::string> senders;
  EvidenceWalk walk;
  read_lines(one.line() + two.line() + three.line(), [&](const record::SessionView& session) {
    walk.begin();
    for (const auto& decision : session.decisions) walk.next(decision);
    senders.push_back(sender_of(session, walk.now()));
    EXPECT_EQ(sender_key(session, walk.now()), std::hash<std::string>{}(senders.back()));
  });
  EXPECT_EQ(senders,
            (std::vector<std::string>{"spf:bounces.example", "rdns:host.example", "name:vmi7.hoster.example"}));
}

TEST_F(Ground, OneEventASenderAndDay) {
  const auto add = [&](WallMs at, const std::string& who) {
    lines_ += session(at, who).connect().mail("x@" + who).line();
  };
  add(kMonday, "a.example");
  add(kMonday + kHour, "a.example");  // again
  add(kMonday + kHour, "b.example");
  add(kMonday + kDay, "a.example");       // the next day
  add(kMonday + 2 * kHour, "a.example");  // late, of the day before
  add(kMonday + 2 * kHour, "c.example");  // late, and new
  add(kMonday + 3 * kDay, "a.example");
  add(kMonday, "d.example");                                            // too late to know
  lines_ += session(kMonday + 3 * kDay, "e.example").connect().line();  // no mail
  lines_ += session(kMonday + 3 * kDay, "f.example").connect().mail("x@f.example").told_only().line();
  SenderDays days;
  std::vector<bool> first;
  read_lines(lines_, [&](const record::SessionView& session) {
    first.push_back(days.first(session, sender_key(session, {})));
  });
  EXPECT_EQ(first, (std::vector<bool>{true, false, true, true, false, true, true, false, false, true}));
}

}  // namespace
}  // namespace postern::insight
