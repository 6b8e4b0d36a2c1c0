#include <executor/devices/registry.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_bytes = 4 << 20;  // of a specification
constexpr const char* class_annotation = "org.mobyproject.buildkit.device.class";
constexpr const char* auto_allow = "org.mobyproject.buildkit.device.autoallow";

std::string read_spec(const fs::path& path) {
  // Not blocking: a pipe must not hold a build up.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) throw system_error("open", path.string(), errno);
  if (!S_ISREG(status.st_mode)) throw Error(quoted(path.string()) + " is not a file");
  std::string text(most_bytes + 1, '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path.string(), errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  if (used > most_bytes) throw Error(quoted(path.string()) + " is larger than 4 MiB");
  text.resize(used);
  return text;
}

// As Go's strconv.ParseBool.
bool is_true(std::string_view text) {
  constexpr std::string_view words[] = {"1", "t", "T", "true", "TRUE", "True"};
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

void append(DeviceEdits& to, const DeviceEdits& more) {
  to.environment.insert(to.environment.end(), more.environment.begin(), more.environment.end());
  to.nodes.insert(to.nodes.end(), more.nodes.begin(), more.nodes.end());
  to.mounts.insert(to.mounts.end(), more.mounts.begin(), more.mounts.end());
  to.groups.insert(to.groups.end(), more.groups.begin(), more.groups.end());
}

}  // namespace

DeviceRegistry::DeviceRegistry(const std::vector<fs::path>& folders) {
  for (const fs::path& folder : folders) read_folder(folder);
}

std::vector<fs::path> DeviceRegistry::default_folders() {
  const char* given = std::getenv("SLIPWAY_CDI_DIRS");
  if (given == nullptr) return {"/etc/cdi", "/etc/buildkit/cdi", "/var/run/cdi"};
  std::vector<fs::path> folders;
  std::string_view rest = given;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    if (colon > 0) folders.emplace_back(rest.substr(0, colon));
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return folders;
}

void DeviceRegistry::read_folder(const fs::path& folder) {
  std::set<fs::path> files;  // sorted: the same every time
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed))
    files.insert(at->path());
  if (failed && failed != std::errc::no_such_file_or_directory)
    problems_.push_back("cannot read " + quoted(folder.string()) + ": " + failed.message());
  std::set<std::string> here;
  for (const fs::path& file : files) {
    const std::string suffix = file.extension().string();
    if (suffix == ".yaml" || suffix == ".yml")
      problems_.push_back(quoted(file.string()) + " is YAML, and only JSON is read");
    if (suffix != ".json") continue;
    try {
      for (CdiDevice& device : read_cdi_spec(read_spec(file), file.string())) {
        if (!here.insert(device.name).second) {
          // SPEC.md: of two in one folder neither can be taken.
          problems_.push_back("device " + device.name + " is described twice in " +
                              quoted(folder.string()));
          device.edits.impossible = "one description only, and there are two";
        }
        devices_[device.name] = std::move(device);
      }
    } catch (const Error& error) {
      problems_.emplace_back(error.what());
    }
  }
}

std::vector<const CdiDevice*> DeviceRegistry::find(const std::string& name) const {
  std::vector<const CdiDevice*> found;
  const std::string kind(device_kind(name));
  const std::string prefix = kind + "=";
  const std::string own = name.size() > kind.size() ? name.substr(kind.size() + 1) : "";
  if (!kind.empty()) {
    for (const auto& [full, device] : devices_) {
      const bool is_one = own.empty() || own == "*" ? full.starts_with(prefix) : full == name;
      if (!is_one) continue;
      found.push_back(&device);
      if (own != "*") break;
    }
  }
  if (!found.empty()) return found;
  for (const auto& [full, device] : devices_) {
    const auto annotation = device.annotations.find(class_annotation);
    if (annotation != device.annotations.end() && annotation->second == name)
      found.push_back(&device);
  }
  return found;
}

bool DeviceRegistry::is_granted(const CdiDevice& device, const Entitlements& granted) const {
  if (granted.every_device) return true;
  const auto annotation = device.annotations.find(auto_allow);
  if (annotation != device.annotations.end() && is_true(annotation->second)) return true;
  for (const auto& [asked, meant] : granted.devices) {
    for (const CdiDevice* one : find(meant))
      if (one == &device) return true;
  }
  return false;
}

void DeviceRegistry::require_possible(const CdiDevice& device) const {
  for (const DeviceEdits* edits : {&device.edits, device.common.get()}) {
    if (edits->impossible.empty()) continue;
    throw Error("device " + quoted(device.name) + " cannot be given to a step: it needs " +
                edits->impossible);
  }
}

std::vector<std::string> DeviceRegistry::allowed(const std::string& name, bool required,
                                                 const Entitlements& granted) const {
  // --allow device=DEVICE,alias=NAME: by that name, another device.
  const auto alias = granted.devices.find(name);
  const bool renamed = alias != granted.devices.end() && alias->second != name;
  const auto found = find(renamed ? alias->second : name);
  if (found.empty() && required) {
    Error error("device " + quoted(name) + " is not registered on this machine");
    std::string hint = "CDI specifications (*.json) are read from";
    for (const fs::path& folder : default_folders()) hint += " " + folder.string();
    for (const std::string& problem : problems_) hint += "; " + problem;
    throw error.hint(hint);
  }
  std::vector<std::string> names;
  for (const CdiDevice* device : found) {
    if (!is_granted(*device, granted)) {
      throw Error("device " + quoted(device->name) + " is not allowed in this build")
          .hint("--allow device=" + device->name + " gives it to the steps that ask");
    }
    require_possible(*device);
    names.push_back(device->name);
  }
  return names;
}

DeviceEdits DeviceRegistry::edits_of(const std::vector<std::string>& names,
                                     const Entitlements& granted) const {
  DeviceEdits edits;
  std::set<const void*> seen;
  for (const std::string& name : names) {
    const auto found = devices_.find(name);
    if (found == devices_.end())
      throw Error("device " + quoted(name) + " is not registered on this machine");
    const CdiDevice& device = found->second;
    if (!is_granted(device, granted))
      throw Error("device " + quoted(name) + " is not allowed in this build");
    require_possible(device);
    if (!seen.insert(&device).second) continue;
    if (seen.insert(device.common.get()).second) append(edits, *device.common);
    append(edits, device.edits);
  }
  return edits;
}

}  // namespace slipway
