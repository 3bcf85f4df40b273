// SpfWalk: an SPF record and all that it includes, walked as RFC 7208 evaluates them, but to the end: what a check of
// one client stops at is only one of the things that are wrong. Internal to check. Thread rule: the loop's.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "check/context.h"
#include "spf/record.h"

namespace postern::check {

// Terms that ask, to whose end a record is followed that breaks the limit of ten: how far it is off, and no more.
inline constexpr std::uint32_t kSpfTermsFollowed = 2 * spf::kTermsMax;

// What strangers get: by the "all" of the record, or of the one that its redirect ends in (RFC 7208 5.1, 6.1).
struct SpfDecision {
  enum class State : std::uint8_t { none, decided, unknown } state = State::none;
  spf::Outcome all = spf::Outcome::neutral;
  dns::Name domain;  // of the record that decides, and its text
  std::string text;
};

class SpfWalk {
 public:
  explicit SpfWalk(Context& context) : context_(context) {}
  Task<void> begin(std::string text);  // the domain's own record

  SpfDecision decision;
  std::uint32_t lookups = 0;
  std::vector<std::string> counted;  // the terms that asked
  std::vector<std::string> syntax, missing, loops, ptr, crowded, unknown, not_followed;
  std::vector<std::string> broken;  // terms of the domain's own record that lead to no record, or back, as published
  std::vector<std::string> everybody, breadth_fail, breadth_warn;  // what authorises all the world, or too much of it
  // Questions that found nothing (RFC 7208 4.6.4), of a client of one family whom no term matches.
  struct Voids {
    std::uint32_t count = 0;
    std::vector<std::string> names;  // each question once
    void add(const std::string& shown);
  } void6, void4;
  std::optional<dns::Name> bogus;  // the first of `unknown` that is
  std::string error;               // the first one that makes receivers give the record up (permerror)
  bool void_names = true;          // of those that were void every name is gone: none merely lacks a type
  bool stopped = false;            // there is more, which is not asked for
  bool lost = false;               // an included record is not known: there may be more terms that ask
  bool somebody = false;           // is authorised
  bool reached = false;            // and somebody by a term that is evaluated before that error
  bool unlisted = false;           // among them whoever a term says that asks about the client: nobody can list them
  std::set<std::string> networks4, networks6;  // that are authorised, hosts among them

 private:
  // Where the walk is: `grants`: a match here authorises; `top`: the domain's own record.
  struct At {
    dns::Name domain;
    bool grants = true, top = false;
  };
  Task<SpfDecision> visit(At at, std::string text);
  Task<void> mechanism(const spf::Term& term, const At& at);
  Task<SpfDecision> follow(const spf::Term& term, const At& from, bool grants);
  Task<void> addresses(dns::Name host, const spf::Term& term, bool grants, bool counts);
  Task<void> exists(const spf::Term& term, bool grants);
  void count(std::string shown);
  void is_unknown(const dns::Name& name, dns::Type type, const dns::Answer& answer);
  void is_void(const dns::Name& name, dns::Type type, const dns::Answer& answer, bool six, bool four);
  void authorise();
  void authorise_unlisted() {
    authorise();
    unlisted = true;
  }
  void grant(const ip::Prefix& prefix, std::string_view term);
  void give_up(std::string why);

  Context& context_;
  std::set<std::string> path_;
  std::size_t visits_ = 0;
};

}  // namespace postern::check
