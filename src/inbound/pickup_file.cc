#include "inbound/pickup_file.h"

#include "base/bytes.h"
#include "base/text.h"

namespace postern::inbound {

namespace {
constexpr std::size_t kAddressMax = 1000;
constexpr std::size_t kTextMax = 1000;
constexpr std::uint8_t kNotifyAll = 15;

bool is_clean(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}
}  // namespace

std::string encode_pickup(const PickupHead& head) {
  std::string inner;
  BinaryWriter writer(inner);
  writer.string(head.reverse_path);
  writer.string(head.full_name);
  writer.string(head.envid);
  writer.string(head.ret);
  writer.u8(head.notify);
  writer.varint(head.recipients.size());
  for (const std::string& recipient : head.recipients) writer.string(recipient);
  std::string out(kPickupMagic);
  BinaryWriter outer(out);
  outer.u32(static_cast<std::uint32_t>(inner.size()));
  outer.u32(crc32c(inner));
  return out += inner;
}

Result<PickupFixed> parse_pickup_fixed(std::string_view bytes) {
  BinaryReader reader(bytes);
  if (reader.bytes(kPickupMagic.size()) != kPickupMagic)
    return fail(ErrorKind::invalid, "does not begin like a message of this version's `postern sendmail`");
  PickupFixed fixed;
  fixed.head_size = reader.u32();
  fixed.checksum = reader.u32();
  if (reader.failed() || fixed.head_size > kPickupHeadMax) return fail(ErrorKind::invalid, "has no good length");
  return fixed;
}

Result<PickupHead> parse_pickup_head(const PickupFixed& fixed, std::string_view head) {
  if (head.size() != fixed.head_size || crc32c(head) != fixed.checksum)
    return fail(ErrorKind::invalid, "has a head that does not fit its checksum");
  BinaryReader reader(head);
  PickupHead out;
  out.reverse_path = reader.string(kAddressMax);
  out.full_name = reader.string(kTextMax);
  out.envid = reader.string(kTextMax);
  out.ret = reader.string(kTextMax);
  out.notify = reader.u8();
  const std::uint64_t count = reader.varint();
  if (count == 0 || count > kPickupRecipientsMax) return fail(ErrorKind::invalid, "has no good number of recipients");
  for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
    const std::string_view recipient = reader.string(kAddressMax);
    if (recipient.empty() || !is_clean(recipient)) reader.fail();
    out.recipients.emplace_back(recipient);
  }
  const bool clean = is_clean(out.reverse_path) && is_clean(out.full_name) && is_clean(out.envid) && is_clean(out.ret);
  if (!reader.complete() || !clean || out.notify > kNotifyAll) return fail(ErrorKind::invalid, "has a broken head");
  return out;
}

Result<smtp::Mailbox> complete_address(std::string_view address, std::string_view domain) {
  std::string whole(address);
  if (whole.find('@') == std::string::npos) whole.append("@").append(domain);
  auto mailbox = smtp::parse_mailbox(whole, true);
  if (!mailbox)
    return fail(ErrorKind::invalid, "\"" + printable(address, 128) + "\" is no address: " + mailbox.error().what);
  return mailbox;
}

}  // namespace postern::inbound
