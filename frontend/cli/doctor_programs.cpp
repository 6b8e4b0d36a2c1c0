// Other programs, for `slipway doctor`: what networks of steps, git contexts and SSH agents need.
#include "doctor.hpp"

#include "doctor_attempt.hpp"

#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

namespace slipway {
namespace {

// Starts it with --version, whatever that prints. Throws Error.
void try_program(const std::string& file, const std::string& name) {
  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw system_error("open", "/dev/null", errno);
  ChildProcess child(
      {file, {name, "--version"}, {"PATH=/usr/bin:/bin"}, {null.get(), null.get(), null.get()}});
  if (const int status = child.wait(); status != 0) {
    throw Error(file + " --version ended with " + std::to_string(status));
  }
}

Ability helper(const char* name, const char* package) {
  Ability row{.name = name};
  const std::optional<std::string> file = find_program(name);
  const Attempt tried = attempt([&] {
    if (!file) throw Error("it is not installed");
    try_program(*file, name);
    return std::string();
  });
  row.works = tried.worked;
  row.meaning = tried.worked ? *file + " connects a network of a step's own to the outside"
                             : tried.reason + ": it connects no step's network to the outside";
  if (!tried.worked) row.mend = std::string("apt install ") + package;
  return row;
}

// A tap device in a new network namespace: what such a program connects.
Ability tap() {
  Ability row{.name = "tap device"};
  const Attempt tried = attempt([] {
    enter_user_namespace();
    if (::unshare(CLONE_NEWNET) != 0) throw system_error("unshare", "a network", errno);
    const FileDescriptor device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    if (!device) throw system_error("open", "/dev/net/tun", errno);
    ifreq request{};
    std::strcpy(request.ifr_name, "tap0");
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(device.get(), TUNSETIFF, &request) != 0) {
      throw system_error("ioctl TUNSETIFF", "/dev/net/tun", errno);
    }
    return std::string();
  });
  row.works = tried.worked;
  row.meaning = tried.worked
                    ? "can be made in a network of a step's own"
                    : "cannot be made, so RUN has this machine's network or none: " + tried.reason;
  if (!tried.worked) {
    row.mend = !tried.hint.empty()
                   ? tried.hint
                   : "modprobe tun; for a container: --device /dev/net/tun --cap-add=NET_ADMIN";
  }
  return row;
}

Ability git() {
  Ability row{.name = "git"};
  const std::optional<std::string> file = find_program("git");
  const Attempt tried = attempt([&] {
    if (!file) throw Error("it is not installed");
    try_program(*file, "git");
    return std::string();
  });
  row.works = tried.worked;
  row.meaning = tried.worked ? *file + " fetches git contexts and what ADD names"
                             : tried.reason + ": there are no git contexts, and no git in ADD";
  if (!tried.worked) row.mend = "apt install git";
  return row;
}

// How many keys an agent has. Throws Error.
std::uint32_t keys_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) throw Error("its path is too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  const FileDescriptor agent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!agent) throw system_error("socket", "", errno);
  const timeval patience{5, 0};
  ::setsockopt(agent.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  if (::connect(agent.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw system_error("connect", path, errno);
  }
  // RFC draft-miller-ssh-agent: length, SSH_AGENTC_REQUEST_IDENTITIES; its answer is
  // SSH_AGENT_IDENTITIES_ANSWER and the number of keys.
  constexpr std::array<std::uint8_t, 5> ask = {0, 0, 0, 1, 11};
  write_all(agent.get(), {reinterpret_cast<const char*>(ask.data()), ask.size()}, path);
  std::array<std::uint8_t, 9> answer{};
  const ssize_t got = ::recv(agent.get(), answer.data(), answer.size(), MSG_WAITALL);
  if (got != static_cast<ssize_t>(answer.size()) || answer[4] != 12) {
    throw Error(path + " does not answer as an SSH agent");
  }
  std::uint32_t count = 0;
  for (std::size_t i = 5; i < answer.size(); ++i) count = count << 8U | answer[i];
  return count;
}

Ability agent() {
  Ability row{.name = "ssh agent"};
  const char* const set = std::getenv("SSH_AUTH_SOCK");
  const std::string path = set == nullptr ? "" : set;
  const Attempt tried = attempt([&] {
    if (path.empty()) throw Error("SSH_AUTH_SOCK is not set");
    const std::uint32_t count = keys_of(path);
    if (count == 0) throw Error("the agent at SSH_AUTH_SOCK has no key");
    return std::to_string(count);
  });
  row.works = tried.worked;
  row.meaning = tried.worked ? "--ssh default lends steps and git " + tried.text +
                                   (tried.text == "1" ? " key" : " keys")
                             : "--ssh default has nothing to lend; --ssh ID=KEY does without: " +
                                   tried.reason;
  if (!tried.worked) {
    row.mend = path.empty() ? "eval \"$(ssh-agent)\" && ssh-add" : "ssh-add";
  }
  return row;
}

}  // namespace

std::vector<Ability> examine_programs(Machine&) {
  return {helper("slirp4netns", "slirp4netns"), helper("pasta", "passt"), tap(), git(), agent()};
}

}  // namespace slipway
