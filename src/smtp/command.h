// The grammar of SMTP commands: verb, argument, ESMTP parameters. Views into the line; nothing is copied but addresses
// and the few parameter values that are kept. The line comes without its CRLF and is bounded by the caller. Not here:
// which command may stand when, what it does (server_machine). Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/server_machine.h"
#include "smtp/server_texts.h"

namespace postern::smtp {

enum class Verb : std::uint8_t {
  unknown,
  helo,
  ehlo,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  quit,
  vrfy,
  expn,
  help,
  starttls,
  auth,
  http,  // what an HTTP client begins with; never SMTP
};

struct Command {
  Verb verb = Verb::unknown;
  std::string_view argument;  // behind the verb, without leading and trailing blanks
};

[[nodiscard]] Command parse_command(std::string_view line);
// The letter of Exchange::verb
[[nodiscard]] char outline_letter(Verb verb);

// What a refused command is answered; `detail` stands behind the text.
struct Complaint {
  ServerText text;
  std::string detail;
};
template <class T = void>
using Parsed = std::expected<T, Complaint>;

struct Parameter {
  std::string_view keyword;
  std::string_view value;
  bool has_value = false;
};
inline constexpr std::size_t kParametersMax = 16;
// Takes one parameter off the front of `text` (which begins with its blank); nullopt where only blanks are left.
[[nodiscard]] Parsed<std::optional<Parameter>> next_parameter(std::string_view& text);

// What was offered, so that nothing else is taken.
struct MailOffer {
  bool extended = false;  // EHLO, not HELO
  bool utf8 = false;
  bool auth = false;
  bool dsn = false;
  bool require_tls = false;
  bool submitter = false;      // DELIVERBY, FUTURERELEASE, MT-PRIORITY
  std::uint64_t size_max = 0;  // 0: none
};
struct MailArgument {
  Path path;
  MailParams params;
};
[[nodiscard]] Parsed<MailArgument> parse_mail(std::string_view argument, const MailOffer& offer);
struct RcptOffer {
  bool extended = false;
  bool utf8 = false;  // of this transaction
  bool dsn = false;
};
struct RcptArgument {
  Path path;
  RcptParams params;
};
[[nodiscard]] Parsed<RcptArgument> parse_rcpt(std::string_view argument, const RcptOffer& offer);

struct BdatArgument {
  enum class Status : std::uint8_t { good, no_size, overflow, bad_keyword } status = Status::no_size;
  std::uint64_t size = 0;  // known in good and bad_keyword
  bool last = false;
};
[[nodiscard]] BdatArgument parse_bdat(std::string_view argument);

}  // namespace postern::smtp
