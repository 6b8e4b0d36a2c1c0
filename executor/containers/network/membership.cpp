#include <executor/containers/network/membership.hpp>

#include <cache/containers/names.hpp>
#include <executor/containers/network/network_program.hpp>
#include <executor/containers/network/slirp.hpp>
#include <executor/containers/network/unix_socket.hpp>
#include <executor/sandbox/network/connector.hpp>
#include <executor/spawn.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace slipway {
namespace {

constexpr const char* own_socket = "socket";
constexpr const char* lock_file = "lock";
constexpr int patience = 30;    // seconds, for an answer that takes none
constexpr int most_tries = 10;  // a process that ends meets one that joins

// Ends with the descriptor.
FileDescriptor lock(const FileDescriptor& folder) {
  FileDescriptor file(
      ::openat(folder.get(), lock_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) throw system_error("open", lock_file, errno);
  while (::flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) throw system_error("flock", lock_file, errno);
  }
  return file;
}

// A connection to a new process. With the lock held.
FileDescriptor start_process(const FileDescriptor& folder, const Network& network,
                             const std::function<void(const Diagnostic&)>& note) {
  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw system_error("open", "/dev/null", errno);
  Slirp slirp;
  if (!network.internal) {
    try {
      slirp = start_slirp_beside(uplink::range, folder);
    } catch (const Error& error) {
      Diagnostic told = error.diagnostics().front();
      told.message = "the network " + quoted(network.name) + " has no way out: " + told.message;
      if (note) note(told);
    }
  }
  const bool leads_out = static_cast<bool>(slirp.frames);
  const FileDescriptor listener = listen_in(folder, own_socket);
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    throw system_error("socketpair", "", errno);
  }
  FileDescriptor ours(pair[0]);
  const FileDescriptor theirs(pair[1]);
  const FileDescriptor program = network_program();
  // In the order of process/main.cpp; the last one is the program itself.
  const int lifeline = leads_out ? slirp.lifeline.get() : null.get();
  const int frames = leads_out ? slirp.frames.get() : null.get();
  start_detached({"/proc/self/fd/8",
                  {"slipway-network", network.name, network.subnet, network.gateway,
                   leads_out ? "out" : "internal"},
                  {},
                  {null.get(), null.get(), null.get(), folder.get(), listener.get(), theirs.get(),
                   lifeline, frames, program.get()}});
  return ours;
}

// Asks the process that there is, or a new one. Empty: it was about to end.
std::string ask_to_join(const FileDescriptor& connection, const JoinRequest& request,
                        const FileDescriptor& device, int process) {
  std::vector<int> descriptors = {device.get()};
  if (process >= 0) descriptors.push_back(process);
  const std::string text = write_join(request);
  if (text.size() > largest_message) throw Error("the container has too many names and ports");
  if (!send_message(connection, text, descriptors)) return {};
  return receive_message(connection, largest_message, patience);
}

// Empty: there is no process. Throws Error where there is one that does not answer.
std::string ask(const std::filesystem::path& path, std::string_view text) {
  const FileDescriptor folder(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) {
    if (errno == ENOENT) return {};  // the network was never used
    throw system_error("open", path.string(), errno);
  }
  for (int tries = 0; tries < most_tries; ++tries) {
    const FileDescriptor connection = connect_in(folder, own_socket);
    if (!connection) {
      if (errno == ENOENT || errno == ECONNREFUSED) return {};
      throw system_error("connect", own_socket, errno);
    }
    if (!send_message(connection, text)) continue;  // it has ended
    std::string said = receive_message(connection, largest_message + 64, patience);
    if (!said.empty()) return said;
  }
  throw Error("the process of the network ends as soon as it is asked");
}

bool is_at(const FileDescriptor& file, const std::filesystem::path& path) {
  struct stat own {};
  struct stat there {};
  return ::fstat(file.get(), &own) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         own.st_dev == there.st_dev && own.st_ino == there.st_ino;
}

}  // namespace

void describe_member(JoinRequest& request, const Container& container,
                     const std::vector<std::string>& aliases) {
  for (const std::string& alias : aliases) {
    if (!is_container_name(alias)) {
      throw Error("invalid network alias: " + quoted(alias));
    }
  }
  request.member.id = container.id;
  request.member.name = container.name;
  request.member.aliases = aliases;
}

NetworkLock lock_network(const std::filesystem::path& path) {
  const FileDescriptor all = open_folder(path.parent_path());
  for (;;) {
    NetworkLock locked;
    locked.folder = open_folder(path);
    try {
      locked.file = lock(locked.folder);
    } catch (const Error&) {
      if (!is_at(locked.folder, path)) continue;
      throw;
    }
    // Whoever had it may have removed the folder, and somebody else made another.
    if (is_at(locked.file, path / lock_file)) {
      return locked;
    }
  }
}

Membership join_network(const std::filesystem::path& path, const Network& network,
                        const JoinRequest& request, const FileDescriptor& device, int process,
                        const std::function<void(const Diagnostic&)>& note,
                        const std::function<bool()>& exists) {
  const NetworkLock locked = lock_network(path);
  if (exists && !exists()) {
    // Made anew by the lock, for nobody.
    ::unlinkat(locked.folder.get(), lock_file, 0);
    ::rmdir(path.c_str());
    throw Error("the network " + quoted(network.name) + " has been removed");
  }
  const FileDescriptor& folder = locked.folder;
  for (int tries = 0; tries < most_tries; ++tries) {
    FileDescriptor connection = connect_in(folder, own_socket);
    if (!connection) connection = start_process(folder, network, note);
    const std::string answer = ask_to_join(connection, request, device, process);
    if (answer.empty()) continue;
    const std::string_view said = answer;
    if (said.starts_with("joined ")) {
      if (const auto address = parse_address(said.substr(said.find(' ') + 1))) {
        return {std::move(connection), *address};
      }
    }
    throw Error("the network " + quoted(network.name) + ": " +
                std::string(said.substr(said.find(' ') + 1)));
  }
  throw Error("the process of the network " + quoted(network.name) + " ends as soon as it starts");
}

std::vector<NetworkMember> network_members(const std::filesystem::path& folder) {
  return parse_members(ask(folder, "list"));
}

void leave_network(const std::filesystem::path& folder, std::string_view container) {
  if (ask(folder, "leave " + std::string(container)) == "left") return;
  throw Error("the container is not connected to the network");
}

}  // namespace slipway
