// The devices of this machine by their names, and which of them a step may have.
#pragma once

#include <executor/devices/spec.hpp>
#include <ir/entitlements.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace slipway {

class DeviceRegistry {
 public:
  DeviceRegistry() = default;  // of a machine without devices
  // Reads the specifications in these folders; a device of a later folder takes the place of one of
  // an earlier one. A folder that is not there has none.
  explicit DeviceRegistry(const std::vector<std::filesystem::path>& folders);

  // $SLIPWAY_CDI_DIRS, else CDI's and BuildKit's own.
  static std::vector<std::filesystem::path> default_folders();

  // The devices in full that a step gets who asks for `name`. Throws Error where it asks for one
  // that is not granted, that is required and not there, or that cannot be given here.
  std::vector<std::string> allowed(const std::string& name, bool required,
                                   const Entitlements& granted) const;

  // What is put into a step with these devices, which allowed() gave. Asks once more whether they
  // are granted. Throws Error.
  DeviceEdits edits_of(const std::vector<std::string>& names, const Entitlements& granted) const;

 private:
  void read_folder(const std::filesystem::path& folder);
  std::vector<const CdiDevice*> find(const std::string& name) const;
  bool is_granted(const CdiDevice& device, const Entitlements& granted) const;
  void require_possible(const CdiDevice& device) const;

  std::map<std::string, CdiDevice> devices_;  // by their full names, in whose order they are given
  std::vector<std::string> problems_;         // why there are not more of them
};

}  // namespace slipway
