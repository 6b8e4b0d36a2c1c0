// What every step finds in its /dev, however it is isolated: the devices of the OCI runtime
// specification (config-linux.md, "Default Devices"), but /dev/console: a step has no terminal.
#pragma once

#include <array>

namespace slipway {

struct Device {
  const char* name;
  unsigned major;
  unsigned minor;
};
constexpr std::array standard_devices = {Device{"null", 1, 3},    Device{"zero", 1, 5},
                                         Device{"full", 1, 7},    Device{"random", 1, 8},
                                         Device{"urandom", 1, 9}, Device{"tty", 5, 0}};

struct DeviceLink {
  const char* name;
  const char* target;
};
constexpr std::array standard_device_links = {
    DeviceLink{"fd", "/proc/self/fd"}, DeviceLink{"stdin", "/proc/self/fd/0"},
    DeviceLink{"stdout", "/proc/self/fd/1"}, DeviceLink{"stderr", "/proc/self/fd/2"}};

}  // namespace slipway
