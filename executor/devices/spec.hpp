// CDI specifications (github.com/cncf-tags/container-device-interface, SPEC.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct DeviceNode {
  std::string path;       // in the step, absolute
  std::string host_path;  // of this machine
  // What it has to be there, where the specification says so.
  std::optional<char> type;  // c, b
  std::optional<std::uint32_t> major;
  std::optional<std::uint32_t> minor;
  // What it is in the step.
  std::uint32_t mode = 0666;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct DeviceMount {
  std::string host_path;
  std::string path;  // in the step, absolute
  bool read_only = false;
};

// What is put into a step.
struct DeviceEdits {
  std::vector<std::string> environment;  // "NAME=value"
  std::vector<DeviceNode> nodes;
  std::vector<DeviceMount> mounts;
  std::vector<std::uint32_t> groups;
  std::string impossible;  // what is asked for and cannot be had here; empty: nothing
};

struct CdiDevice {
  std::string name;  // in full: "vendor.com/class=name"
  std::map<std::string, std::string> annotations;
  DeviceEdits edits;
  std::shared_ptr<const DeviceEdits> common;  // of its specification, once for all of its devices
};

// The devices that the text of a file, `name`, describes. Throws Error.
std::vector<CdiDevice> read_cdi_spec(std::string_view text, const std::string& name);

// "vendor.com/class" of "vendor.com/class=name"; empty where it is none.
std::string_view device_kind(std::string_view name);

}  // namespace slipway
