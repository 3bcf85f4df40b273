#include "dns/answer.h"

#include <utility>

namespace postern::dns {

std::string_view to_string(Type type) {
  switch (type) {
    case Type::a:
      return "A";
    case Type::ns:
      return "NS";
    case Type::cname:
      return "CNAME";
    case Type::ptr:
      return "PTR";
    case Type::mx:
      return "MX";
    case Type::txt:
      return "TXT";
    case Type::aaaa:
      return "AAAA";
    case Type::tlsa:
      return "TLSA";
    case Type::soa:
      return "SOA";
    case Type::srv:
      return "SRV";
    case Type::ds:
      return "DS";
    case Type::rrsig:
      return "RRSIG";
    case Type::dnskey:
      return "DNSKEY";
    case Type::nsec3param:
      return "NSEC3PARAM";
    case Type::caa:
      return "CAA";
  }
  return "other type";
}

std::string_view to_string(Status status) {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::nodata:
      return "NODATA";
    case Status::nxdomain:
      return "NXDOMAIN";
    case Status::servfail:
      return "SERVFAIL";
    case Status::refused:
      return "REFUSED";
    case Status::timeout:
      return "timeout";
    case Status::bogus:
      return "bogus";
    case Status::unavailable:
      return "unavailable";
    case Status::limit:
      return "limit";
    case Status::cancelled:
      return "cancelled";
  }
  return "unknown";
}

bool are_signatures_stripped(const Answer& answer) {
  return answer.status == Status::bogus && answer.why.contains("for trust anchor . ");  // as libunbound puts it
}

AnswerPtr failed_answer(Status status, std::string why) {
  auto answer = std::make_shared<Answer>();
  answer->status = status;
  answer->security = status == Status::bogus ? Security::bogus : Security::insecure;
  answer->why = std::move(why);
  return answer;
}

}  // namespace postern::dns
