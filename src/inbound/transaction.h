// Transaction: the state of one MAIL ... DATA, made at MAIL and destroyed whole at its end, so that nothing of it can
// leak into the next one (pitfall class 4: state not reset).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "inbound/authentication.h"
#include "inbound/head.h"
#include "inbound/refusals.h"
#include "inbound/signing.h"
#include "inbound/sinkhole.h"
#include "message/header_reader.h"
#include "record/session_record.h"
#include "smtp/server_machine.h"
#include "spool/store.h"

namespace postern::inbound {

inline constexpr std::size_t kFixUpsMax = 512;     // octets of fields that a submitted message is given (RFC 6409 8)
inline constexpr std::size_t kTargetsMax = 10000;  // mailboxes that one message's recipients may expand to

// What a stranger wrote, as records take it.
[[nodiscard]] inline std::string clipped(std::string_view text) {
  return std::string(text.substr(0, record::kTextMax));
}

struct Transaction {
  smtp::Path reverse_path;
  smtp::MailParams params;
  WallMs asked = 0;                          // when MAIL came
  std::vector<spool::Recipient> recipients;  // after aliases, without duplicates
  bool before_accept = false;                // its 250 waits for the server behind us
  std::string forwards_from;                 // the first domain of ours of which an alias leads to others
  record::TransactionRecord record;

  // From the answer to DATA on:
  Id message;
  std::unique_ptr<spool::Intake> intake;
  message::HeaderReader header;
  std::optional<Head> head;       // while the header is not whole
  std::string released;           // the header as it is stored, once it is whole, until it is
  std::size_t header_octets = 0;  // that `authentication` keeps
  std::unique_ptr<Authentication> authentication;
  std::unique_ptr<MessageSigning> signing;
  std::optional<arc::Chain> chain;  // what authentication found
  bool tls_optional = false;        // the header says so
  bool utf8_header = false;         // it has octets that are not ASCII
  bool several_parts = false;       // the body has headers of its own
  std::uint32_t results_removed = 0;
  bool swallowed = false;              // in a sinkhole: there is no intake
  std::unique_ptr<SinkholeBody> kept;  // there, where bodies are kept
  std::optional<Refusal> spoiled;      // found while the body came in: the reply at its end
  std::uint64_t in_flight = 0;         // octets taken from the gate
  std::uint64_t trace_octets = 0;      // of our own field, not counted against the sender's size
  Clock::time_point data_start;
  std::vector<std::string> written_to;  // by a user who has logged in: the addresses, as he named them

  // RFC 6531 3.1: SMTPUTF8 says that the client knows of it, too, and many say it of everything. A message that needs
  // none must not fail where it is not offered. 3.2: the headers of a body's parts count; they are not read here, so
  // that octets beyond ASCII anywhere in such a body are taken for one of them.
  [[nodiscard]] bool needs_utf8(const std::vector<spool::Recipient>& to) const;
};

}  // namespace postern::inbound
