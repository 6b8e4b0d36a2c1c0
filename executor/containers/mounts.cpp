#include <executor/containers/mounts.hpp>

#include <cache/containers/volumes.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/store.hpp>
#include <executor/containers/spec.hpp>
#include <executor/sandbox/file_system.hpp>
#include <executor/sandbox/network_files.hpp>
#include <executor/snapshot/overlay.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <utility>

namespace slipway {
namespace {

struct Wanted {
  std::string target;
  const ContainerMount* mount;  // null: a file of the container's folder
  const char* file;
};

const std::array own_files = {Wanted{"/etc/hosts", nullptr, "hosts"},
                              Wanted{"/etc/resolv.conf", nullptr, "resolv.conf"},
                              Wanted{"/etc/hostname", nullptr, "hostname"}};

// A new one each time: whoever has the last one mounted keeps it.
void put_file(const std::filesystem::path& path, const std::string& text) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    throw system_error("unlink", path.string(), errno);
  const FileDescriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file || ::fchmod(file.get(), 0644) != 0) throw system_error("open", path.string(), errno);
  write_all(file.get(), text, path.string());
}

std::string hosts_of_this_machine() {
  std::ifstream file("/etc/hosts", std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string hosts_text(const Container& container, const ContainerNetwork& network) {
  std::string text = network.kind == ContainerNetwork::Kind::host
                         ? hosts_of_this_machine()
                         : "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
                           "fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n"
                           "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";
  if (!text.empty() && text.back() != '\n') text += '\n';
  RunProcess asked;
  asked.extra_hosts = container.config.extra_hosts;
  text += extra_host_lines(asked, network.gateway.empty() ? loopback_address : network.gateway);
  if (network.kind != ContainerNetwork::Kind::host) {
    const std::string name = container_hostname(container);
    text += network.address.empty() ? loopback_address : network.address;
    text += '\t';
    if (!container.config.domainname.empty())
      text += name + "." + container.config.domainname + " ";
    text += name;
    if (container.name != name) text += " " + container.name;
    text += '\n';
  }
  for (const auto& [name, address] : network.hosts) text += address + "\t" + name + "\n";
  return text;
}

FileDescriptor open_source(const std::string& path) {
  FileDescriptor source(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!source) throw system_error("open", "the mount's source " + path, errno);
  return source;
}

std::string octal(std::uint32_t mode) {
  std::string text;
  for (; mode != 0 || text.empty(); mode /= 8) text.insert(text.begin(), "01234567"[mode % 8]);
  return text;
}

FileDescriptor new_tmpfs(const ContainerMount& mount) {
  std::vector<std::pair<std::string, std::string>> options = {{"mode", octal(mount.mode & 07777)}};
  if (mount.size != 0) options.emplace_back("size", std::to_string(mount.size));
  // docker's options of each one that asks for no others.
  return new_file_system("tmpfs", options,
                         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                             (mount.exec ? 0 : std::uint64_t{MOUNT_ATTR_NOEXEC}) |
                             (mount.read_only ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0));
}

// Without a device cgroup a device that can be opened is the host's, whoever has made it: only a
// privileged container opens some.
FileDescriptor tree_of(Store& store, const ContainerMount& mount, bool privileged) {
  const std::uint64_t attributes = (privileged ? 0 : std::uint64_t{MOUNT_ATTR_NODEV}) |
                                   (mount.read_only ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0);
  switch (mount.type) {
    case ContainerMount::Type::bind:
      return clone_whole_tree(open_source(mount.source), attributes);
    case ContainerMount::Type::volume:
      return clone_whole_tree(open_source(store.volumes().directory(mount.source)), attributes);
    case ContainerMount::Type::tmpfs:
      return new_tmpfs(mount);
  }
  throw Error("a mount of an unknown type");
}

}  // namespace

void write_network_files(const std::filesystem::path& folder, const Container& container,
                         const ContainerNetwork& network) {
  put_file(folder / "hosts", hosts_text(container, network));
  put_file(folder / "resolv.conf", network.resolv_conf);
  put_file(folder / "hostname", container_hostname(container) + "\n");
}

void add_container_mounts(StepMounts& mounts, Store& store, const Container& container,
                          const std::filesystem::path& folder) {
  const ContainerConfig& config = container.config;
  std::vector<Wanted> all;
  for (const ContainerMount& mount : config.mounts) {
    if (mount.target.find_first_not_of('/') == std::string::npos)
      throw Error("a mount at " + quoted(mount.target) + " would hide the whole root");
    all.push_back({mount.target, &mount, nullptr});
  }
  for (const Wanted& file : own_files) {
    if (std::none_of(all.begin(), all.end(),
                     [&file](const Wanted& one) { return one.target == file.target; }))
      all.push_back(file);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Wanted& a, const Wanted& b) { return a.target < b.target; });
  for (const Wanted& one : all) {
    mounts.add_tree(one.mount != nullptr ? tree_of(store, *one.mount, config.privileged)
                                         : clone_whole_tree(open_source(folder / one.file),
                                                            MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                                                MOUNT_ATTR_NOEXEC),
                    one.target);
  }
}

void note_stubs(const std::filesystem::path& folder, const std::vector<Stub>& stubs) {
  if (stubs.empty()) return;
  std::array<char, PATH_MAX> text{};
  const std::string upper = std::filesystem::canonical(folder / "upper").string();
  std::string lines;
  for (const Stub& stub : stubs) {
    const std::string self = "/proc/self/fd/" + std::to_string(stub.file.get());
    const ssize_t size = ::readlink(self.c_str(), text.data(), text.size());
    if (size <= 0) throw system_error("readlink", self, errno);
    const std::string_view path(text.data(), static_cast<std::size_t>(size));
    // A name with a line break is none that a mount has often: it is taken for a change.
    if (path.starts_with(upper + "/") && path.find('\n') == std::string_view::npos)
      lines += std::string(path.substr(upper.size())) + "\n";
  }
  const std::filesystem::path path = folder / "stubs";
  const FileDescriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw system_error("open", path.string(), errno);
  write_all(file.get(), lines, path.string());
}

}  // namespace slipway
