// The inside of ServerMachine, shared by its source files: server_machine.cc (answers and what the caller asks),
// server_input.cc (lines and bodies), server_commands.cc (each command). Include from those only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtp/command.h"
#include "smtp/server_machine.h"
#include "smtp/server_texts.h"

namespace postern::smtp {

inline constexpr std::size_t kAuthLineMax = 12288;  // RFC 4954 4
inline constexpr std::size_t kEndlessLineMax =
    65536;  // octets of one command line that are thrown away before we hang up
inline constexpr std::uint64_t kChunkCounts = 1024;  // a BDAT chunk of fewer octets counts as a command

struct ServerMachine::State {
  enum class Mode : std::uint8_t {
    command,
    data,      // the body, until its dot
    chunk,     // octets of a BDAT chunk that is wanted
    discard,   // octets of a BDAT chunk that was refused
    auth,      // client responses
    tls_wait,  // 220 to STARTTLS was said: nothing in the clear counts any more
    closed,
  };
  // Everything a transaction is. Replaced whole at its end, so that nothing of it can outlive it.
  struct Transaction {
    explicit Transaction(std::size_t line_max) : data(line_max), judge(line_max) {}
    bool open = false;
    bool utf8 = false;
    bool chunked = false;  // a BDAT was taken
    bool last = false;     // the chunk is the last one
    bool oversize = false;
    std::uint32_t recipients = 0;
    std::uint64_t size = 0;  // decoded octets so far
    std::uint64_t chunk_size = 0;
    DataReceiver data;
    BdatReceiver chunk{0};
    BodyJudge judge;
  };

  explicit State(const ServerOptions& o) : options(&o), auth(o.auth), transaction(o.limits.text_line) {}

  const ServerOptions* options;
  std::string_view auth;  // mechanisms offered
  Mode mode = Mode::command;
  EventKind waiting = EventKind::none;  // the event whose answer is due
  bool greeted = false;
  bool tls = false;
  bool authed = false;
  bool hello = false;  // HELO or EHLO was accepted
  bool extended = false;
  bool pending_extended = false;  // of the hello event that waits for its answer
  bool more = false;              // octets stood behind the command that waits for its answer
  bool line_done = false;         // `line` was handed out and goes at the next step
  bool dropped_cr = false;        // the last octet thrown away was a CR
  bool bdat_failed = false;       // chunks are thrown away until the next RSET, hello or MAIL
  std::uint32_t facts = 0;
  std::uint32_t commands = 0;
  std::uint32_t errors = 0;
  std::uint32_t empty_commands = 0;
  std::uint32_t refused_recipients = 0;
  std::uint32_t transactions = 0;
  std::size_t dropped = 0;              // octets of an overlong line thrown away so far
  char verb = '?';                      // of the command in hand
  std::string_view reset_why;           // a reset event is due
  const ServerText* closing = nullptr;  // a close event is due
  std::string line;                     // a command line that came in pieces; empty between lines
  std::string tag;
  std::string future_release;  // of the offer to a submitter; empty: it is none
  std::string output;
  std::vector<Exchange> outline;
  std::vector<std::string> errors_kept;
  Transaction transaction;

  void fact(Fact f) { facts |= static_cast<std::uint32_t>(f); }

  // Replies and their entry in the outline
  void note(int code);
  void say(const ServerText& text, std::string_view detail = {});
  void say(const Reply& reply);
  void say_hello();
  void error(const ServerText& text, std::string_view detail = {});  // counts; the limit closes
  void count_error();
  void close_soon(const ServerText& text);
  bool answer(EventKind kind);  // the answer to `kind` is here; false where it is not waited for

  void end_transaction() { transaction = Transaction(options->limits.text_line); }
  void abort_transaction(std::string_view why);  // with a reset event, where one was open

  // server_input.cc
  Event step(std::string_view input);
  enum class LineState : std::uint8_t { partial, whole, too_long };
  LineState take_line(std::string_view input, std::size_t& used, std::string_view& out);
  bool speaks_tls(std::string_view input) const;
  void auth_line(std::string_view text, Event& event);
  void body_data(std::string_view input, std::size_t& used, Event& event);
  void body_chunk(std::string_view input, std::size_t& used, Event& event);
  void end_of_chunk(Event& event);
  void hand_out(std::string_view bytes, Event& event);

  // server_commands.cc
  void command(std::string_view text, Event& event);
  void judge_command(std::string_view text, Event& event);
  void keep_error(std::string_view text);
  void dispatch(const Command& command, Event& event);
  bool line_is_clean(std::string_view text);
  bool may_be_eight_bit(const Command& command) const;
  bool spend_empty();
  void on_hello(const Command& command, Event& event);
  void on_mail(std::string_view argument, Event& event);
  void on_rcpt(std::string_view argument, Event& event);
  void on_data(std::string_view argument, Event& event);
  void on_bdat(std::string_view argument, Event& event);
  void start_chunk(std::uint64_t size, bool last);
  void discard_chunk(std::uint64_t size);
  void on_starttls(std::string_view argument, Event& event);
  void on_auth(std::string_view argument, Event& event);
  void on_simple(const Command& command, Event& event);
  void wait_for(EventKind kind, Event& event);
};

}  // namespace postern::smtp
