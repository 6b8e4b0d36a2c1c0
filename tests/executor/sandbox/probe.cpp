// A static program for the tests to run inside a step: does what a shell cannot.
//
//   probe calls NUMBER...      each system call with useless arguments; prints "NUMBER errno"
//   probe socket FAMILY        prints the errno of socket(2)
//   probe personality VALUE
//   probe clone FLAGS          prints the errno of clone(2)
//   probe connect NAME         connects to the abstract socket NAME; prints the errno
//   probe hold NAME            listens on the abstract socket NAME until it is killed
//   probe talk NAME            listens on the abstract socket NAME and connects to it
//   probe ask PATH HEX         sends a message of these bytes to the socket at PATH, its length in
//                              front; prints the answer's body in hexadecimal, or "errno N"
//   probe flood BYTES          writes that many
//   probe daemon COMMAND...    runs it as a daemon does: two forks, a session, no signal but SIGKILL
//   probe leave KEY            a System V segment, semaphore and queue, a POSIX segment and queue
//   probe arguments ...        prints them, one a line
//   probe xattr NAME HEX PATH  sets an extended attribute
//   probe xattrs PATH          prints "NAME HEX" of each, sorted
#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

int error_of(long result) {
  return result < 0 ? errno : 0;
}

sockaddr_un abstract(const char* name, socklen_t& size) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(name);
  std::memcpy(address.sun_path + 1, name, length);
  size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  return address;
}

int connect_to(const char* name) {
  socklen_t size = 0;
  const sockaddr_un address = abstract(name, size);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  return error_of(::connect(socket, reinterpret_cast<const sockaddr*>(&address), size));
}

int listen_as(const char* name) {
  socklen_t size = 0;
  const sockaddr_un address = abstract(name, size);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) != 0) return errno;
  return error_of(::listen(socket, 1));
}

int become_daemon(char** command) {
  if (::fork() != 0) return 0;
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  for (int signal = 1; signal < 32; ++signal) ::signal(signal, SIG_IGN);
  ::execv(command[0], command);
  return errno;
}

int leave_behind(int key) {
  const int all = IPC_CREAT | 0600;
  if (::shmget(key, 4096, all) < 0 || ::semget(key, 1, all) < 0 || ::msgget(key, all) < 0) {
    return errno;
  }
  if (::shm_open("/left", O_CREAT | O_RDWR, 0600) < 0) return errno;
  return ::mq_open("/left", O_CREAT | O_RDWR, 0600, nullptr) < 0 ? errno : 0;
}

std::string bytes_of(const std::string& hex) {
  std::string value;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    value += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return value;
}

std::string hex_of(const char* bytes, std::size_t count) {
  std::string hex;
  for (std::size_t i = 0; i < count; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(bytes[i]));
    hex += digits;
  }
  return hex;
}

// A message of at most 255 bytes; of the answer, what comes in one piece.
std::string ask(const char* path, const std::string& body) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const auto* at = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket, at, sizeof(address)) != 0) return "errno " + std::to_string(errno);
  const std::string message =
      std::string(3, '\0') + static_cast<char>(body.size()) + body;
  if (::write(socket, message.data(), message.size()) < 0) return "errno " + std::to_string(errno);
  char answer[4096];
  const ssize_t length = ::recv(socket, answer, 4, MSG_WAITALL);
  if (length != 4) return "the end";
  const ssize_t got = ::recv(socket, answer, sizeof answer, 0);
  return hex_of(answer, got > 0 ? static_cast<std::size_t>(got) : 0);
}

int set_xattr(const char* path, const char* name, const std::string& hex) {
  const std::string value = bytes_of(hex);
  return error_of(::lsetxattr(path, name, value.data(), value.size(), 0));
}

std::vector<std::string> xattrs_of(const char* path) {
  std::string names(4096, '\0');
  const ssize_t length = ::llistxattr(path, names.data(), names.size());
  std::vector<std::string> lines;
  for (ssize_t at = 0; at < length;
       at += static_cast<ssize_t>(std::strlen(&names[static_cast<std::size_t>(at)])) + 1) {
    std::string line = &names[static_cast<std::size_t>(at)];
    char value[4096];
    const ssize_t size = ::lgetxattr(path, line.c_str(), value, sizeof value);
    lines.push_back(line + ' ' + hex_of(value, size > 0 ? static_cast<std::size_t>(size) : 0));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "calls") {
    for (int i = 2; i < argc; ++i) {
      const long number = std::atol(argv[i]);
      std::printf("%ld %d\n", number, error_of(::syscall(number, -1L, -1L, -1L, -1L, -1L, -1L)));
      std::fflush(stdout);
    }
  } else if (what == "socket") {
    std::printf("%d\n", error_of(::socket(std::atoi(argv[2]), SOCK_STREAM, 0)));
  } else if (what == "personality") {
    std::printf("%d\n", error_of(::personality(std::strtoul(argv[2], nullptr, 0))));
  } else if (what == "clone") {
    const long child = ::syscall(SYS_clone, std::strtol(argv[2], nullptr, 0) | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) ::_exit(0);
    std::printf("%d\n", error_of(child));
  } else if (what == "connect") {
    std::printf("%d\n", connect_to(argv[2]));
  } else if (what == "talk") {
    const int listening = listen_as(argv[2]);
    std::printf("%d\n", listening != 0 ? listening : connect_to(argv[2]));
  } else if (what == "hold") {
    std::printf("%d\n", listen_as(argv[2]));
    std::fflush(stdout);
    for (;;) ::pause();
  } else if (what == "flood") {
    std::vector<char> block(1 << 16, 'x');
    for (long left = std::atol(argv[2]); left > 0;) {
      const ssize_t written =
          ::write(1, block.data(), static_cast<std::size_t>(std::min<long>(left, 1 << 16)));
      if (written <= 0) return 1;
      left -= written;
    }
  } else if (what == "ids") {
    std::printf("uid %u euid %u\n", ::getuid(), ::geteuid());
  } else if (what == "daemon") {
    return become_daemon(argv + 2);
  } else if (what == "leave") {
    return leave_behind(std::atoi(argv[2]));
  } else if (what == "ask" && argc == 4) {
    std::printf("%s\n", ask(argv[2], bytes_of(argv[3])).c_str());
  } else if (what == "arguments") {
    for (int i = 2; i < argc; ++i) std::printf("%s\n", argv[i]);
  } else if (what == "xattr" && argc == 5) {
    return set_xattr(argv[4], argv[2], argv[3]);
  } else if (what == "xattrs" && argc == 3) {
    for (const std::string& line : xattrs_of(argv[2])) std::printf("%s\n", line.c_str());
  } else {
    return 2;
  }
  return 0;
}
