// Every text the automaton speaks by itself: code, enhanced code, one sentence, what to do. The texts are an interface
// (docs/refusals.md); each refusal is unique, so that one line of a foreign log names the rule that was broken.
// What is not said here (mailboxes, relaying, storage) the caller says.
#pragma once

#include <array>
#include <string_view>

#include "smtp/reply.h"

namespace postern::smtp {

struct ServerText {
  int code = 0;
  EnhancedCode enhanced;
  std::string_view text;
  std::string_view word = {};  // of those that end the session: for records and logs
};

namespace texts {

// Limits: the session ends
inline constexpr ServerText kTooManyErrors{
    421, {4, 7, 0}, "Too many errors in one session; mend the client's SMTP", "too_many_errors"};
inline constexpr ServerText kTooManyCommands{
    421, {4, 7, 0}, "Too many commands in one session; connect again to go on", "too_many_commands"};
inline constexpr ServerText kTooManyEmpty{
    421, {4, 7, 0}, "Too many commands without mail; connect when there is mail", "too_many_empty_commands"};
inline constexpr ServerText kTooManyTransactions{
    421,
    {4, 7, 0},
    "Too many messages in one session (see LIMITS MAILMAX); connect again to send more",
    "too_many_transactions"};
inline constexpr ServerText kTooManyRefused{
    421,
    {4, 7, 0},
    "Too many refused recipients in one session; remove dead addresses from the list",
    "too_many_refused_recipients"};
inline constexpr ServerText kEndlessLine{
    421, {4, 7, 0}, "Command line does not end; send commands that end with CRLF", "endless_line"};
inline constexpr ServerText kChunkTooLarge{
    421, {4, 5, 4}, "BDAT size is no 64-bit number; send smaller chunks", "chunk_size_overflow"};
inline constexpr ServerText kSpeaksHttp{
    421, {4, 7, 0}, "This is an SMTP server, not HTTP; connect to another port", "speaks_http"};
inline constexpr ServerText kSpeaksTls{
    421, {4, 7, 0}, "TLS must begin with STARTTLS here; do not begin with a handshake", "speaks_tls"};

// Lines
inline constexpr ServerText kLineTooLong{500, {5, 5, 2}, "Command line is too long; shorten it"};
inline constexpr ServerText kBareLf{
    501, {5, 5, 2}, "Command has a line feed without carriage return (RFC 5321 2.3.8); send CRLF"};
inline constexpr ServerText kBareCr{
    501, {5, 5, 2}, "Command has a carriage return without line feed (RFC 5321 2.3.8); send CRLF"};
inline constexpr ServerText kNul{501, {5, 5, 2}, "Command has a NUL octet; send text only"};
inline constexpr ServerText kEightBit{501, {5, 5, 2}, "Command has non-ASCII octets; use ASCII, host names as xn--"};
inline constexpr ServerText kUnknown{500, {5, 5, 1}, "Unknown command; HELP lists those served"};
inline constexpr ServerText kNoExpn{502, {5, 5, 1}, "EXPN is not served; send to the list itself"};
inline constexpr ServerText kNoArgument{501, {5, 5, 4}, "This command takes no argument; send it alone"};

// Greeting
inline constexpr ServerText kHelloName{
    501, {5, 5, 4}, "HELO and EHLO need one host name or address literal behind them"};

// MAIL and RCPT
inline constexpr ServerText kMailSyntax{501, {5, 5, 4}, "Write MAIL FROM:<address>, parameters behind it"};
inline constexpr ServerText kRcptSyntax{501, {5, 5, 4}, "Write RCPT TO:<address>"};
inline constexpr ServerText kSenderAddress{501, {5, 1, 7}, "Sender address is malformed: "};
inline constexpr ServerText kRecipientAddress{501, {5, 1, 3}, "Recipient address is malformed: "};
inline constexpr ServerText kSenderUtf8{553, {5, 6, 7}, "Sender address is not ASCII; send MAIL with SMTPUTF8"};
inline constexpr ServerText kRecipientUtf8{
    553, {5, 6, 7}, "Recipient address is not ASCII; begin with MAIL and SMTPUTF8"};
inline constexpr ServerText kParameterSyntax{
    501, {5, 5, 4}, "Parameter is malformed; write KEYWORD or KEYWORD=value: "};
inline constexpr ServerText kParameterTwice{501, {5, 5, 4}, "Parameter is given twice; send it once: "};
inline constexpr ServerText kParameterUnknown{555, {5, 5, 4}, "MAIL parameter is not offered here; leave it out: "};
inline constexpr ServerText kParametersNeedEhlo{555, {5, 5, 4}, "Parameters need EHLO; HELO offers none"};
inline constexpr ServerText kRcptParameter{555, {5, 5, 4}, "RCPT parameter is not offered here; leave it out: "};
inline constexpr ServerText kTooManyParameters{501, {5, 5, 4}, "Too many parameters; send each once"};
inline constexpr ServerText kSizeSyntax{501, {5, 5, 4}, "SIZE is no number of octets; write SIZE=12345"};
inline constexpr ServerText kBodySyntax{501, {5, 5, 4}, "BODY must be 7BIT or 8BITMIME"};
inline constexpr ServerText kBodyBinary{
    555, {5, 6, 1}, "BODY=BINARYMIME is not offered; encode the message and use 8BITMIME"};
inline constexpr ServerText kUtf8Value{501, {5, 5, 4}, "SMTPUTF8 takes no value; write it alone"};
inline constexpr ServerText kAuthValue{501, {5, 5, 4}, "AUTH value is neither <> nor xtext (RFC 4954 5)"};
inline constexpr ServerText kRetSyntax{501, {5, 5, 4}, "RET must be FULL or HDRS (RFC 3461 4.3)"};
inline constexpr ServerText kEnvidSyntax{
    501, {5, 5, 4}, "ENVID must be xtext of printable ASCII, 100 octets at most (RFC 3461 4.4)"};
inline constexpr ServerText kNotifySyntax{
    501, {5, 5, 4}, "NOTIFY must be NEVER, or a list of SUCCESS, FAILURE and DELAY (RFC 3461 4.1)"};
inline constexpr ServerText kOrcptSyntax{
    501, {5, 5, 4}, "ORCPT must be type;address in xtext or unitext, 500 octets at most (RFC 3461 4.2)"};
inline constexpr ServerText kRequireTlsValue{501, {5, 5, 4}, "REQUIRETLS takes no value; write it alone (RFC 8689 3)"};
inline constexpr ServerText kBySyntax{
    501, {5, 5, 4}, "BY must be seconds;N or seconds;R, and T behind it (RFC 2852 4)"};
inline constexpr ServerText kByPassed{501, {5, 5, 4}, "BY with R needs a time to come; send more than 0 seconds"};
inline constexpr ServerText kHoldSyntax{
    501, {5, 5, 4}, "HOLDFOR must be seconds, HOLDUNTIL a time like 2026-12-24T18:00:00Z (RFC 4865 3)"};
inline constexpr ServerText kHoldTwice{501, {5, 5, 4}, "HOLDFOR or HOLDUNTIL may be given once, and not both"};
inline constexpr ServerText kPrioritySyntax{501, {5, 5, 4}, "MT-PRIORITY must be -9 to 9 (RFC 6710 6)"};
inline constexpr ServerText kSizeTooLarge{552, {5, 3, 4}, "Message is larger than the SIZE offered, by its own SIZE="};
inline constexpr ServerText kTooManyRecipients{
    452, {4, 5, 3}, "Too many recipients of one message (see LIMITS RCPTMAX); send to the rest in another"};

// Order
inline constexpr ServerText kHelloFirst{503, {5, 5, 1}, "Send EHLO or HELO before MAIL"};
inline constexpr ServerText kNestedMail{503, {5, 5, 1}, "MAIL was sent already; send RSET to begin anew"};
inline constexpr ServerText kRcptNeedsMail{503, {5, 5, 1}, "Send MAIL before RCPT"};
inline constexpr ServerText kRcptAfterBdat{503, {5, 5, 1}, "RCPT cannot follow BDAT; send all recipients first"};
inline constexpr ServerText kDataNeedsMail{503, {5, 5, 1}, "Send MAIL and RCPT before DATA"};
inline constexpr ServerText kDataAfterBdat{
    503, {5, 5, 1}, "DATA cannot follow BDAT (RFC 3030 2); go on with BDAT or RSET"};
inline constexpr ServerText kNoRecipients{554, {5, 5, 1}, "No valid recipients; send RCPT before DATA"};
inline constexpr ServerText kStarttlsFirstHello{503, {5, 5, 1}, "Send EHLO before STARTTLS"};

// BDAT: the chunk is read and thrown away
inline constexpr ServerText kNoBdat{502, {5, 5, 1}, "BDAT is not offered; use DATA"};
inline constexpr ServerText kBdatSyntax{501, {5, 5, 4}, "Write BDAT size, and LAST behind it for the last chunk"};
inline constexpr ServerText kBdatNeedsMail{503, {5, 5, 1}, "Send MAIL and RCPT before BDAT"};
inline constexpr ServerText kBdatNoRecipients{554, {5, 5, 1}, "No valid recipients for BDAT; chunks are thrown away"};
inline constexpr ServerText kBdatFailed{503, {5, 5, 1}, "An earlier BDAT failed; send RSET, then the message again"};
inline constexpr ServerText kBdatTooLarge{552, {5, 3, 4}, "Chunks exceed the SIZE offered; send a smaller message"};

// STARTTLS and AUTH
inline constexpr ServerText kNoStarttls{502, {5, 5, 1}, "STARTTLS is not offered on this port; go on without it"};
inline constexpr ServerText kTlsAlready{503, {5, 5, 1}, "TLS is up already; go on without STARTTLS"};
inline constexpr ServerText kStarttlsArgument{501, {5, 5, 4}, "STARTTLS takes no argument (RFC 3207 4)"};
inline constexpr ServerText kNoAuth{502, {5, 5, 1}, "AUTH is not offered here; submit on the submission port"};
inline constexpr ServerText kAuthNeedsTls{538, {5, 7, 11}, "AUTH needs encryption; send STARTTLS first"};
inline constexpr ServerText kAuthRequired{530, {5, 7, 0}, "Authentication required; send AUTH before MAIL"};
inline constexpr ServerText kTlsRequired{
    530, {5, 7, 0}, "This port takes mail after STARTTLS and AUTH only; send STARTTLS first"};
inline constexpr ServerText kAuthNeedsEhlo{503, {5, 5, 1}, "Send EHLO before AUTH"};
inline constexpr ServerText kAuthTwice{503, {5, 5, 1}, "Already authenticated; send mail (RFC 4954 4)"};
inline constexpr ServerText kAuthInMail{
    503, {5, 5, 1}, "AUTH cannot stand between MAIL and the message; send RSET first"};
inline constexpr ServerText kAuthSyntax{501, {5, 5, 4}, "Write AUTH mechanism, and an initial response in base64 or ="};
inline constexpr ServerText kAuthMechanism{504, {5, 5, 4}, "Mechanism is not offered; EHLO lists those that are"};
inline constexpr ServerText kAuthCancelled{
    501, {5, 7, 0}, "Authentication cancelled by the client; begin anew if need be"};
inline constexpr ServerText kAuthLine{501, {5, 5, 2}, "AUTH response is no base64 line; authentication ended"};

inline constexpr ServerText kVrfySyntax{501, {5, 5, 4}, "VRFY needs a mailbox behind it"};

// Said to those who did nothing wrong
inline constexpr ServerText kOk{250, {2, 0, 0}, "Ok"};
inline constexpr ServerText kSenderOk{250, {2, 1, 0}, "Ok"};
inline constexpr ServerText kRecipientOk{250, {2, 1, 5}, "Ok"};
inline constexpr ServerText kSendBody{354, {}, "End data with <CR><LF>.<CR><LF>"};
inline constexpr ServerText kBye{221, {2, 0, 0}, "Bye"};
inline constexpr ServerText kVrfy{252, {2, 0, 0}, "Mailboxes are not verified; send the message and see"};
inline constexpr ServerText kHelp{
    214, {2, 0, 0}, "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS; RFC 5321"};
inline constexpr ServerText kTlsReady{220, {2, 0, 0}, "Ready to start TLS"};
inline constexpr ServerText kAuthenticated{235, {2, 7, 0}, "Authenticated"};

// All refusals, for the test that no two share a text.
inline constexpr std::array kRefusals{
    kTooManyErrors,
    kTooManyCommands,
    kTooManyEmpty,
    kTooManyTransactions,
    kTooManyRefused,
    kEndlessLine,
    kChunkTooLarge,
    kSpeaksHttp,
    kSpeaksTls,
    kLineTooLong,
    kBareLf,
    kBareCr,
    kNul,
    kEightBit,
    kUnknown,
    kNoExpn,
    kNoArgument,
    kHelloName,
    kMailSyntax,
    kRcptSyntax,
    kSenderAddress,
    kRecipientAddress,
    kSenderUtf8,
    kRecipientUtf8,
    kParameterSyntax,
    kParameterTwice,
    kParameterUnknown,
    kParametersNeedEhlo,
    kRcptParameter,
    kTooManyParameters,
    kSizeSyntax,
    kBodySyntax,
    kBodyBinary,
    kUtf8Value,
    kAuthValue,
    kRetSyntax,
    kEnvidSyntax,
    kNotifySyntax,
    kOrcptSyntax,
    kRequireTlsValue,
    kBySyntax,
    kByPassed,
    kHoldSyntax,
    kHoldTwice,
    kPrioritySyntax,
    kSizeTooLarge,
    kTooManyRecipients,
    kHelloFirst,
    kNestedMail,
    kRcptNeedsMail,
    kRcptAfterBdat,
    kDataNeedsMail,
    kDataAfterBdat,
    kNoRecipients,
    kStarttlsFirstHello,
    kNoBdat,
    kBdatSyntax,
    kBdatNeedsMail,
    kBdatNoRecipients,
    kBdatFailed,
    kBdatTooLarge,
    kNoStarttls,
    kTlsAlready,
    kStarttlsArgument,
    kNoAuth,
    kAuthNeedsTls,
    kAuthRequired,
    kTlsRequired,
    kAuthNeedsEhlo,
    kAuthTwice,
    kAuthInMail,
    kAuthSyntax,
    kAuthMechanism,
    kAuthCancelled,
    kAuthLine,
    kVrfySyntax,
};

}  // namespace texts

}  // namespace postern::smtp
