#include <executor/sandbox/network/connector.hpp>

#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/network/devices.hpp>
#include <executor/sandbox/network_files.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>

namespace slipway {
namespace {

constexpr std::size_t stack_size = 64 * 1024;

// The rule of pasta: with all ids of a machine it is root's there, and becomes "nobody", who cannot
// enter a namespace of root's.
bool has_all_ids() {
  std::ifstream map("/proc/self/uid_map");
  unsigned long inside = 0;
  unsigned long outside = 0;
  unsigned long count = 0;
  map >> inside >> outside >> count;
  return ::geteuid() == 0 && inside == 0 && outside == 0 && count == 4294967295UL;
}

// The namespace is the program's standard input: pasta closes what else it inherits, and neither
// may look into other processes' /proc.
constexpr const char* namespace_path = "/proc/self/fd/0";

std::vector<std::string> slirp4netns_arguments(const Subnet& subnet) {
  std::vector<std::string> arguments = slirp4netns_defaults(subnet.network + "/24");
  arguments.erase(arguments.begin());
  for (const char* each : {"--configure", "--netns-type=path", namespace_path, connector_device}) {
    arguments.emplace_back(each);
  }
  return arguments;
}

std::vector<std::string> pasta_arguments(const Subnet& subnet) {
  std::vector<std::string> arguments = {
      "--foreground",
      "--quiet",
      "--stderr",
      "--config-net",
      "--ipv4-only",
      "--ns-ifname=" + std::string(connector_device),
      "--address=" + subnet.address,
      "--netmask=24",
      "--gateway=" + subnet.gateway,
      "--mac-addr=52:55:0a:00:02:02",  // it takes the host's, and not every device has one
      "--no-map-gw",
      "--tcp-ports=none",
      "--udp-ports=none",
      "--tcp-ns=none",
      "--udp-ns=none",
      "--netns-only",
      "--no-netns-quit",
      "--netns=" + std::string(namespace_path)};
  // With this, answers of the host's first name server seem to come from this address, even to
  // somebody who has asked that server itself.
  if (!names_reachable_server(resolv_conf())) {
    arguments.push_back("--dns-forward=" + subnet.name_server);
  }
  return arguments;
}

Error no_slirp4netns() {
  return Error("slirp4netns is not installed").hint("install the package slirp4netns");
}

// What the new process reads in the builder's memory, and where it leaves its errno.
struct Birth {
  const char* program;
  char* const* arguments;
  const int* descriptors;  // what it is to have as 0, 1, 2
  int beyond;              // a number above all of these
  pid_t parent;
  bool may_be_alone;  // nobody may be left who reads what it says
  int error;
};

constexpr int descriptor_count = 3;

// Runs in the new process on the builder's memory: only system calls.
int be_born(void* argument) {
  auto& birth = *static_cast<Birth*>(argument);
  const auto failed = [&birth] {
    birth.error = errno;
    return 1;
  };
  // Ctrl-C is the builder's to understand: what it ends gently still has its network till then.
  ::setsid();
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed();
  if (::getppid() != birth.parent) return 1;  // it has died before that call
  for (int i = 0; i < descriptor_count; ++i) {
    if (::dup3(birth.descriptors[i], birth.beyond + i, O_CLOEXEC) < 0) return failed();
  }
  for (int i = 0; i < descriptor_count; ++i) {
    if (::dup3(birth.beyond + i, i, 0) < 0) return failed();
  }
  ::syscall(SYS_close_range, descriptor_count, ~0U, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (birth.may_be_alone) ::signal(SIGPIPE, SIG_IGN);
  char* const environment[] = {nullptr};
  ::execve(birth.program, birth.arguments, environment);
  return failed();
}

}  // namespace

std::vector<Connector> find_connectors(const Subnet& subnet,
                                       const std::optional<std::string>& name) {
  // slirp4netns is the same for everybody, starts in half the time, and does not keep a connection
  // open whose two sides end at once, as pasta of 2023 does. pasta moves more bytes a second.
  std::vector<std::string> names = {"slirp4netns"};
  if (!has_all_ids()) names.emplace_back("pasta");
  if (name) names = {*name};
  std::vector<Connector> connectors;
  for (const std::string& one : names) {
    const auto path = find_program(one);
    if (!path) continue;
    std::vector<std::string> command =
        one == "pasta" ? pasta_arguments(subnet) : slirp4netns_arguments(subnet);
    command.insert(command.begin(), *path);
    connectors.push_back({one, std::move(command)});
  }
  return connectors;
}

Error no_connector() {
  if (has_all_ids()) return no_slirp4netns();
  return Error("neither slirp4netns nor pasta is installed")
      .hint("install the package slirp4netns or passt");
}

std::string slirp4netns_program() {
  if (const auto path = find_program("slirp4netns")) return *path;
  throw no_slirp4netns();
}

std::vector<std::string> slirp4netns_defaults(const std::string& network) {
  return {"slirp4netns",
          "--cidr=" + network,
          "--mtu=" + std::to_string(largest_mtu),
          "--disable-host-loopback",
          "--enable-sandbox",
          "--enable-seccomp"};
}

Connection connect(const Connector& connector, const FileDescriptor& space, EndsWith ends_with) {
  const FileDescriptor null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!null) throw system_error("open", "/dev/null", errno);
  Pipe errors = make_pipe();
  never_block(errors.read);
  never_block(errors.write);  // what it says beyond a pipe's worth is lost, and does not stop it
  std::vector<char*> arguments;
  for (const std::string& argument : connector.command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const std::array<int, descriptor_count> handed = {space.get(), null.get(), errors.write.get()};
  Birth birth{};
  birth.program = connector.command.front().c_str();
  birth.arguments = arguments.data();
  birth.descriptors = handed.data();
  birth.beyond = std::max(descriptor_count, *std::max_element(handed.begin(), handed.end()) + 1);
  const bool of_parent = ends_with == EndsWith::parent;
  birth.parent = of_parent ? ::getppid() : ::getpid();
  birth.may_be_alone = of_parent;

  const auto stack = std::make_unique<std::byte[]>(stack_size);
  int process = -1;
  {
    const SignalsBlocked blocked;
    if (::clone(be_born, stack.get() + stack_size,
                CLONE_VM | CLONE_VFORK | CLONE_PIDFD | (of_parent ? CLONE_PARENT : 0), &birth,
                &process) < 0) {
      throw system_error("clone", "", errno);
    }
  }
  Connection connection{FileDescriptor(process), std::move(errors.read)};
  if (birth.error != 0) {
    wait_for(connection.process);
    throw system_error("execve", connector.command.front(), birth.error);
  }
  return connection;
}

std::string last_words(const Connection& connection) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::read(connection.errors.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  text.erase(0, text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
  for (char& character : text) {
    if (static_cast<unsigned char>(character) < ' ' || character == 0x7f) character = ' ';
  }
  return text;
}

}  // namespace slipway
