// Command lines: the grammar is total, bounded, and its complaints can be put on the wire.
#include <cstdint>
#include <string>

#include "base/result.h"
#include "smtp/command.h"
#include "smtp/dsn_address.h"

using namespace postern::smtp;

namespace {

// They go into reports: nothing in them may end a line
void check_identifiers(std::string_view text) {
  for (const char c : text) POSTERN_CHECK(static_cast<unsigned char>(c) >= ' ' && c != 0x7F);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const Command command = parse_command(line);
  POSTERN_CHECK(command.argument.size() <= line.size());
  const auto check = [](const Complaint& complaint) {
    POSTERN_CHECK(complaint.text.code >= 400);
    for (const char c : complaint.detail) POSTERN_CHECK(c >= ' ' && c <= '~');
  };
  for (const bool on : {false, true}) {
    const auto mail = parse_mail(
        command.argument,
        {.extended = on, .utf8 = on, .auth = on, .dsn = on, .require_tls = on, .submitter = on, .size_max = 1000});
    if (!mail)
      check(mail.error());
    else
      POSTERN_CHECK(on || (!mail->params.size && !mail->params.utf8 && mail->params.auth.empty()));
    if (mail && mail->params.size) POSTERN_CHECK(*mail->params.size <= 1000);
    const auto rcpt = parse_rcpt(command.argument, {.extended = on, .utf8 = on, .dsn = on});
    if (!rcpt)
      check(rcpt.error());
    else
      POSTERN_CHECK(!rcpt->path.null);
    if (mail) check_identifiers(mail->params.envid);
    if (rcpt && !rcpt->params.orcpt.empty()) {
      check_identifiers(rcpt->params.orcpt);
      // What goes to the next hop is what came
      POSTERN_CHECK(parse_orcpt(orcpt_value(rcpt->params.orcpt, on), on).value_or(rcpt->params.orcpt) ==
                    rcpt->params.orcpt);
    }
  }
  std::string_view rest = line;
  for (std::size_t count = 0; count <= size; ++count) {
    const auto parameter = next_parameter(rest);
    if (!parameter || !parameter->has_value()) break;
    POSTERN_CHECK(!(*parameter)->keyword.empty());
    POSTERN_CHECK((*parameter)->has_value == !(*parameter)->value.empty());
  }
  static_cast<void>(parse_bdat(command.argument));
  if (const auto text = from_xtext(command.argument)) POSTERN_CHECK(from_xtext(to_xtext(*text)) == text);
  return 0;
}
