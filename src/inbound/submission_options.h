// What the configuration says about users and their mail: [auth], [submission] and [[login]]. Plain values: config
// fills them, a reload replaces them whole. Thread rule: values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern::inbound {

// What one user may send before he is asked to wait: enough for a person, too little for who has stolen the password.
// Each is a burst, which comes back evenly over the hour or the day; 0 is no limit.
struct SubmissionLimits {
  std::uint32_t messages_per_hour = 200;
  std::uint32_t messages_per_day = 1000;
  std::uint32_t new_recipients_per_hour = 100;  // to whom the user has not written before
  std::uint32_t new_recipients_per_day = 500;
};

struct UserOptions {
  std::vector<std::string> identities;  // "info@example.org", "*@example.net" or "*", in canonical form
  SubmissionLimits limits;
};

struct SubmissionOptions {
  std::vector<std::string> mechanisms;  // as EHLO lists them; empty: all that the users' store can do
  std::string dovecot;                  // path of Dovecot's auth socket, which knows the users then; "": data_dir/users
  std::string domain;                   // of logins without one; "": they are taken as they are
  bool check_sender = true;             // sender and author must be the user's own
  bool hide_client = false;             // the Received field does not tell where the user is
  SubmissionLimits limits;
  std::map<std::string, UserOptions, std::less<>> users;  // by login, in lower case
};

}  // namespace postern::inbound
