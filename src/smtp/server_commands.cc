// What each command does, and in which order commands may come (RFC 5321 4.1.4).
#include <algorithm>

#include "base/text.h"
#include "smtp/server_state.h"

namespace postern::smtp {

// Judges octets that no command may have. The first fault in the line names the refusal.
bool ServerMachine::State::line_is_clean(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const ServerText* refusal = nullptr;
    if (text[i] == '\0') {
      fact(Fact::nul_in_command);
      refusal = &texts::kNul;
    } else if (text[i] == '\n') {
      fact(Fact::bare_line_feed_in_command);
      refusal = &texts::kBareLf;
    } else if (text[i] == '\r') {
      fact(Fact::bare_carriage_return_in_command);
      refusal = &texts::kBareCr;
    }
    if (refusal != nullptr) {
      verb = 'X';
      error(*refusal);
      return false;
    }
  }
  return true;
}

// Where UTF-8 may stand, the command's own grammar judges it (RFC 6531 3.4, 3.7.4.2 for VRFY)
bool ServerMachine::State::may_be_eight_bit(const Command& command) const {
  if (!options->smtputf8 || !extended) return false;
  if (command.verb == Verb::mail) return true;
  if (command.verb == Verb::rcpt) return transaction.utf8;
  constexpr std::string_view kParameter = " SMTPUTF8";
  return command.verb == Verb::vrfy && is_utf8(command.argument) && command.argument.size() > kParameter.size() &&
         iequals(command.argument.substr(command.argument.size() - kParameter.size()), kParameter);
}

void ServerMachine::State::wait_for(EventKind kind, Event& event) {
  event.kind = kind;
  waiting = kind;
}

void ServerMachine::State::command(std::string_view text, Event& event) {
  if (++commands > options->limits.commands) {
    close_soon(texts::kTooManyCommands);
    return;
  }
  const std::uint32_t before = errors;
  judge_command(text, event);
  if (options->keep_errors && (errors > before || verb == 'X')) keep_error(text);
}

void ServerMachine::State::keep_error(std::string_view text) {
  if (errors_kept.size() >= kErrorsKept) return;
  std::string_view shown = text.substr(0, kErrorText);
  if (verb == 'A') {
    const std::size_t mechanism = shown.find_first_not_of(' ', std::min(shown.find(' '), shown.size()));
    if (mechanism != std::string_view::npos) shown = shown.substr(0, shown.find(' ', mechanism));
  }
  errors_kept.emplace_back(shown);
}

void ServerMachine::State::judge_command(std::string_view text, Event& event) {
  // With HELO alone nothing was offered: whoever sends on without waiting did not read (RFC 2920 3.1)
  if (more && hello && !extended) fact(Fact::pipelined_before_ehlo);
  if (!line_is_clean(text)) return;
  const Command parsed = parse_command(text);
  verb = outline_letter(parsed.verb);
  if (!is_ascii(text)) {
    if (!may_be_eight_bit(parsed)) {
      fact(Fact::eight_bit_command);
      if (parsed.verb == Verb::mail)
        error(texts::kSenderUtf8);
      else if (parsed.verb == Verb::rcpt)
        error(texts::kRecipientUtf8);
      else
        error(texts::kEightBit);
      return;
    }
  }
  dispatch(parsed, event);
}

void ServerMachine::State::dispatch(const Command& command, Event& event) {
  switch (command.verb) {
    case Verb::helo:
    case Verb::ehlo:
      on_hello(command, event);
      return;
    case Verb::mail:
      on_mail(command.argument, event);
      return;
    case Verb::rcpt:
      on_rcpt(command.argument, event);
      return;
    case Verb::data:
      on_data(command.argument, event);
      return;
    case Verb::bdat:
      on_bdat(command.argument, event);
      return;
    case Verb::starttls:
      on_starttls(command.argument, event);
      return;
    case Verb::auth:
      on_auth(command.argument, event);
      return;
    case Verb::http:
      fact(Fact::non_smtp_http);
      close_soon(texts::kSpeaksHttp);
      return;
    case Verb::unknown:
      fact(Fact::unknown_command);
      error(texts::kUnknown);
      return;
    default:
      on_simple(command, event);
  }
}

// RFC 5321 4.1.4: these may come at any time; but not for ever
bool ServerMachine::State::spend_empty() {
  if (transaction.open) return true;
  if (++empty_commands <= options->limits.empty_commands) return true;
  close_soon(texts::kTooManyEmpty);
  return false;
}

void ServerMachine::State::on_simple(const Command& command, Event& event) {
  if (command.verb == Verb::expn) {
    error(texts::kNoExpn);
    return;
  }
  // RFC 5321 4.1.1.5, 4.1.1.10: no argument
  if (!command.argument.empty() && (command.verb == Verb::rset || command.verb == Verb::quit)) {
    error(texts::kNoArgument);
    return;
  }
  if (command.verb == Verb::quit) {
    say(texts::kBye);
    event.kind = EventKind::quit;
    end_transaction();
    mode = Mode::closed;
    return;
  }
  if (!spend_empty()) return;
  switch (command.verb) {
    case Verb::rset:
      abort_transaction("rset");
      bdat_failed = false;
      say(texts::kOk);
      return;
    case Verb::vrfy:
      // RFC 5321 3.5.3, 7.3: 252, so that nobody harvests addresses
      if (command.argument.empty())
        error(texts::kVrfySyntax);
      else
        say(texts::kVrfy);
      return;
    case Verb::help:
      say(texts::kHelp);
      return;
    default:
      say(texts::kOk);
  }
}

void ServerMachine::State::on_hello(const Command& command, Event& event) {
  if (!spend_empty()) return;
  // RFC 5321 4.1.1.1: EHLO SP (Domain / address-literal); what the name is worth, the caller judges
  const bool good = !command.argument.empty() && command.argument.size() <= kDomainMax + 2 &&
                    std::ranges::all_of(command.argument, [](char c) { return c > ' ' && c <= '~'; });
  if (!good) {
    error(texts::kHelloName);
    return;
  }
  pending_extended = command.verb == Verb::ehlo;
  event.extended = pending_extended;
  event.name = command.argument;
  wait_for(EventKind::hello, event);
}

void ServerMachine::State::on_mail(std::string_view argument, Event& event) {
  if (!hello) {
    error(texts::kHelloFirst);
    return;
  }
  if (transaction.open) {
    error(texts::kNestedMail);
    return;
  }
  // RFC 6409 4.3, RFC 4954 6; RFC 3207 4 where TLS has to come first
  if (options->auth_required && !authed) {
    error(tls ? texts::kAuthRequired : texts::kTlsRequired);
    return;
  }
  const MailOffer offer{.extended = extended,
                        .utf8 = options->smtputf8,
                        .auth = tls && !auth.empty(),
                        .dsn = options->dsn,
                        .require_tls = tls,
                        .submitter = !future_release.empty(),
                        .size_max = options->limits.message_size};
  auto parsed = parse_mail(argument, offer);
  if (!parsed) {
    const Complaint& complaint = parsed.error();
    if (complaint.text.text == texts::kSenderUtf8.text) fact(Fact::eight_bit_command);
    // A message that is too large, and says so, is no error of the client's
    if (complaint.text.code == 552)
      say(complaint.text);
    else
      error(complaint.text, complaint.detail);
    return;
  }
  // RFC 9422 4.1: MAILMAX
  if (transactions >= options->limits.transactions) {
    close_soon(texts::kTooManyTransactions);
    return;
  }
  end_transaction();
  transaction.utf8 = parsed->params.utf8;
  event.path = std::move(parsed->path);
  event.mail = std::move(parsed->params);
  wait_for(EventKind::mail, event);
}

void ServerMachine::State::on_rcpt(std::string_view argument, Event& event) {
  if (!transaction.open) {
    error(texts::kRcptNeedsMail);
    return;
  }
  if (transaction.chunked) {
    error(texts::kRcptAfterBdat);
    return;
  }
  auto parsed = parse_rcpt(argument, {.extended = extended, .utf8 = transaction.utf8, .dsn = options->dsn});
  if (!parsed) {
    if (parsed.error().text.text == texts::kRecipientUtf8.text) fact(Fact::eight_bit_command);
    error(parsed.error().text, parsed.error().detail);
    return;
  }
  // RFC 5321 4.5.3.1.10: 452, not 552; the rest goes in a transaction of its own
  if (transaction.recipients >= options->limits.recipients) {
    say(texts::kTooManyRecipients);
    return;
  }
  event.path = std::move(parsed->path);
  event.rcpt = std::move(parsed->params);
  wait_for(EventKind::rcpt, event);
}

void ServerMachine::State::on_data(std::string_view argument, Event& event) {
  if (!argument.empty()) {
    error(texts::kNoArgument);
    return;
  }
  if (!transaction.open) {
    error(texts::kDataNeedsMail);
    return;
  }
  // RFC 3030 2: DATA and BDAT do not mix
  if (transaction.chunked) {
    error(texts::kDataAfterBdat);
    return;
  }
  // RFC 5321 3.3: 554 (or 503) where no recipient was accepted. No error of a pipelining client's (RFC 2920 3.1).
  if (transaction.recipients == 0) {
    if (more) fact(Fact::pipelined_before_data_reply);
    say(texts::kNoRecipients);
    return;
  }
  wait_for(EventKind::data, event);
}

void ServerMachine::State::discard_chunk(std::uint64_t size) {
  transaction.chunk = BdatReceiver(size);
  mode = Mode::discard;
}

void ServerMachine::State::on_bdat(std::string_view argument, Event& event) {
  const BdatArgument parsed = parse_bdat(argument);
  if (parsed.status == BdatArgument::Status::no_size || parsed.status == BdatArgument::Status::bad_keyword) {
    // Octets of the message are lost with this command, so the transaction is, too
    if (transaction.open) {
      abort_transaction("bdat_failed");
      bdat_failed = true;
    }
    error(texts::kBdatSyntax);
    if (parsed.status == BdatArgument::Status::bad_keyword) discard_chunk(parsed.size);
    return;
  }
  if (parsed.status == BdatArgument::Status::overflow) {
    // How many octets follow is unknown: they must not be read as commands
    close_soon(texts::kChunkTooLarge);
    return;
  }
  if (parsed.size >= kChunkCounts) --commands;  // mail, not chatter: its size is what limits it
  // From here on the octets are read whatever the answer (RFC 3030 2)
  const ServerText* refusal = nullptr;
  bool counts = true;
  if (!options->chunking) {
    refusal = &texts::kNoBdat;
  } else if (bdat_failed) {
    // The client sent ahead; each chunk has its reply, the last one ends the matter
    refusal = &texts::kBdatFailed;
    counts = false;
    bdat_failed = !parsed.last;
  } else if (!transaction.open) {
    refusal = &texts::kBdatNeedsMail;
  } else if (transaction.recipients == 0) {
    refusal = &texts::kBdatNoRecipients;
    counts = false;
    abort_transaction("no_recipients");
    bdat_failed = !parsed.last;
  }
  if (refusal != nullptr) {
    if (counts)
      error(*refusal);
    else
      say(*refusal);
    // In a transaction that goes on, its own chunk is done and its receiver free
    discard_chunk(parsed.size);
    return;
  }
  const bool first = !transaction.chunked;
  transaction.chunked = true;
  transaction.last = parsed.last;
  transaction.chunk_size = parsed.size;
  transaction.chunk = BdatReceiver(parsed.size);
  if (first) {
    event.chunked = true;
    wait_for(EventKind::data, event);
  } else {
    mode = Mode::chunk;
  }
}

void ServerMachine::State::on_starttls(std::string_view argument, Event& event) {
  // RFC 3207 4: 501 where there is a parameter
  if (!argument.empty())
    error(texts::kStarttlsArgument);
  else if (tls)
    error(texts::kTlsAlready);
  else if (!options->starttls)
    error(texts::kNoStarttls);
  else if (!extended)
    error(texts::kStarttlsFirstHello);
  else
    wait_for(EventKind::starttls, event);
}

void ServerMachine::State::on_auth(std::string_view argument, Event& event) {
  const ServerText* refusal = nullptr;
  if (auth.empty())
    refusal = &texts::kNoAuth;
  else if (!tls)
    refusal = &texts::kAuthNeedsTls;
  else if (!extended)
    refusal = &texts::kAuthNeedsEhlo;
  else if (authed)
    refusal = &texts::kAuthTwice;
  else if (transaction.open)
    refusal = &texts::kAuthInMail;
  if (refusal != nullptr) {
    error(*refusal);
    return;
  }
  const std::string_view name = argument.substr(0, argument.find(' '));
  std::string_view initial = trim(argument.substr(name.size()));
  const bool printable_initial = std::ranges::all_of(initial, [](char c) { return c > ' ' && c <= '~'; });
  if (name.empty() || !printable_initial) {
    error(texts::kAuthSyntax);
    return;
  }
  std::string mechanism = upper(name);
  const auto offered = split(auth, ' ');
  const auto found = std::ranges::find(offered, std::string_view(mechanism));
  if (found == offered.end()) {
    error(texts::kAuthMechanism);
    return;
  }
  event.name = *found;  // the offer's own spelling, which lives as long as the offer
  event.has_initial = !initial.empty();
  if (initial == "=") initial = {};  // RFC 4954 4: an empty initial response
  event.bytes = initial;
  wait_for(EventKind::auth, event);
}

}  // namespace postern::smtp
