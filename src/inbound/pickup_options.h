// What the configuration says about mail of this machine's programs: [sendmail]. Thread rule: a value.
#pragma once

#include <string>

namespace postern::inbound {

struct PickupOptions {
  std::string folder;      // absolute
  bool everybody = false;  // mode 3730 beside 0700: any user of the machine may leave messages
};

}  // namespace postern::inbound
