#include <executor/containers/network/slirp.hpp>

#include <executor/containers/network/frames.hpp>
#include <executor/containers/network/host_ports.hpp>
#include <executor/containers/network/unix_socket.hpp>
#include <executor/sandbox/network/connector.hpp>
#include <executor/sandbox/network/devices.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr int patience = 10'000;  // milliseconds, for a program that takes fifty at most
constexpr const char* frames_socket = "frames";

// What it has as descriptors behind the standard ones; what its standard input is, is said below.
enum Given { exit_given = 3, folder_given, ready_given };
std::string in_folder(const char* name) {
  return "/proc/self/fd/" + std::to_string(folder_given) + "/" + name;
}

struct Started {
  FileDescriptor lifeline;
  FileDescriptor ready;  // readable when it is, end of file when it has died
  FileDescriptor errors;
};

Started start(std::vector<std::string> arguments, const std::vector<std::string>& connects,
              const FileDescriptor& input, const FileDescriptor& folder) {
  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw system_error("open", "/dev/null", errno);
  Pipe lifeline = make_pipe();
  Pipe ready = make_pipe();
  Pipe errors = make_pipe();
  never_block(errors.read);
  never_block(errors.write);  // what it says beyond a pipe's worth is lost, and does not stop it
  arguments.push_back("--exit-fd=" + std::to_string(exit_given));
  arguments.push_back("--api-socket=" + in_folder(api_socket));
  arguments.push_back("--ready-fd=" + std::to_string(ready_given));
  arguments.insert(arguments.end(), connects.begin(), connects.end());
  ::unlinkat(folder.get(), api_socket, 0);
  start_detached({slirp4netns_program(),
                  std::move(arguments),
                  {},
                  {input ? input.get() : null.get(), null.get(), errors.write.get(),
                   lifeline.read.get(), folder.get(), ready.write.get()}});
  return {std::move(lifeline.write), std::move(ready.read), std::move(errors.read)};
}

Error failed(const Started& started) {
  return Error("slirp4netns: " +
               last_words({FileDescriptor(), FileDescriptor(::dup(started.errors.get()))}));
}

void await(const Started& started) {
  pollfd ready = {started.ready.get(), POLLIN, 0};
  char byte = 0;
  if (::poll(&ready, 1, patience) == 1 && ::read(started.ready.get(), &byte, 1) == 1) return;
  throw failed(started);
}

}  // namespace

FileDescriptor open_folder(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    throw system_error("mkdir", path.string(), errno);
  }
  FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) throw system_error("open", path.string(), errno);
  return folder;
}

Slirp start_slirp_in(const FileDescriptor& space, const Subnet& subnet,
                     const FileDescriptor& folder) {
  std::vector<std::string> arguments = slirp4netns_defaults(subnet.network + "/24");
  for (const char* each : {"--configure", "--netns-type=path"}) arguments.emplace_back(each);
  Started started =
      start(std::move(arguments), {"/proc/self/fd/0", connector_device}, space, folder);
  await(started);
  in_thread_of_its_own([&] {
    enter_network(space);
    keep_loopback_inside(open_settings(), connector_device);
  });
  return {std::move(started.lifeline), FileDescriptor()};
}

Slirp start_slirp_beside(const AddressRange& range, const FileDescriptor& folder) {
  std::vector<std::string> arguments = slirp4netns_defaults(range_text(range));
  arguments.emplace_back("--target-type=bess");
  ::unlinkat(folder.get(), frames_socket, 0);
  Started started =
      start(std::move(arguments), {in_folder(frames_socket)}, FileDescriptor(), folder);
  // It makes its socket, and is ready when somebody has connected to that.
  FileDescriptor frames;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience);
  for (;;) {
    frames = connect_in(folder, frames_socket);
    if (frames) break;
    pollfd died = {started.ready.get(), POLLIN, 0};
    constexpr int interval = 2;  // milliseconds
    if (::poll(&died, 1, interval) != 0 || std::chrono::steady_clock::now() > end) {
      throw failed(started).hint("networks of containers need slirp4netns 1.2.0 or newer");
    }
  }
  await(started);
  ::unlinkat(folder.get(), frames_socket, 0);
  // One frame of nothing: before it has gone round its loop once, it takes the time to be 0, and
  // every UDP socket that it makes for old.
  constexpr std::array<char, ethernet_size> nothing{};
  ::send(frames.get(), nothing.data(), nothing.size(), MSG_NOSIGNAL);
  return {std::move(started.lifeline), std::move(frames)};
}

}  // namespace slipway
