// A static program for the tests to run inside a step: does what a shell cannot.
//
//   probe calls NUMBER...      each system call with useless arguments, in a process of its own;
//                              prints "NUMBER errno", or "NUMBER ended" where it did not come back
//   probe calls32 NUMBER...    the same by the 32-bit machine's numbers
//   probe socket FAMILY        prints the errno of socket(2)
//   probe personality VALUE
//   probe clone FLAGS          prints the errno of clone(2)
//   probe connect NAME         connects to the abstract socket NAME; prints the errno
//   probe hold NAME            listens on the abstract socket NAME until it is killed
//   probe talk NAME            listens on the abstract socket NAME and connects to it
//   probe ask PATH HEX         sends a message of these bytes to the socket at PATH, its length in
//                              front; prints the answer's body in hexadecimal, or "errno N"
//   probe flood BYTES          writes that many
//   probe daemon COMMAND...    runs it as a daemon does: two forks, a session, no signal but
//   SIGKILL probe leave KEY            a System V segment, semaphore and queue, a POSIX segment and
//   queue probe arguments ...        prints them, one a line probe xattr NAME HEX PATH  sets an
//   extended attribute probe xattrs PATH          prints "NAME HEX" of each, sorted probe swap A B
//   exchanges the two names, again and again, until it is killed probe keep SOCKET GO receives a
//   directory through a socket, waits for the file GO, and
//                              prints the errno of making "late" in the directory
//   probe give SOCKET PATH     sends what it opens at PATH to who keeps; prints the errno of
//   connect probe append SOCKET PATH   the same, opened for writing probe processes COUNT makes
//   that many, which stay; prints how many there are probe deep COUNT           makes that many
//   directories in each other, where it stands probe files DIR COUNT      makes that many files
//   probe all-ids              prints the real, effective and saved ids
//   probe chown UID GID PATH   prints the errno
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
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

// "@name" is an abstract socket, everything else a path.
int unix_socket(const char* name, sockaddr_un& address, socklen_t& size) {
  if (name[0] == '@') {
    address = abstract(name + 1, size);
  } else {
    address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, name, sizeof address.sun_path - 1);
    size = sizeof address;
  }
  return ::socket(AF_UNIX, SOCK_STREAM, 0);
}

struct Parcel {
  char byte = 'x';
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  Parcel() {
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
};

int keep(const char* name, const char* go) {
  sockaddr_un address;
  socklen_t size = 0;
  const int socket = unix_socket(name, address, size);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) != 0) return errno;
  if (::listen(socket, 1) != 0) return errno;
  const int peer = ::accept(socket, nullptr, nullptr);
  Parcel parcel;
  if (::recvmsg(peer, &parcel.message, 0) != 1) return ENOMSG;
  const cmsghdr* const header = CMSG_FIRSTHDR(&parcel.message);
  if (header == nullptr) return ENOMSG;
  int kept = -1;
  std::memcpy(&kept, CMSG_DATA(header), sizeof kept);
  while (::access(go, F_OK) != 0) ::usleep(2000);
  struct stat status {};
  if (::fstat(kept, &status) != 0) return errno;
  if (!S_ISDIR(status.st_mode)) return error_of(::write(kept, "late", 4));
  return error_of(::openat(kept, "late", O_CREAT | O_WRONLY, 0644));
}

int give(const char* name, const char* path, int flags) {
  sockaddr_un address;
  socklen_t size = 0;
  const int socket = unix_socket(name, address, size);
  int error = 0;
  for (int tries = 0; tries < 2000; ++tries) {
    error = error_of(::connect(socket, reinterpret_cast<const sockaddr*>(&address), size));
    if (error != ENOENT && error != ECONNREFUSED) break;
    ::usleep(2000);
  }
  if (error != 0) return error;
  Parcel parcel;
  const int given = ::open(path, flags);
  cmsghdr* const header = CMSG_FIRSTHDR(&parcel.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof given);
  std::memcpy(CMSG_DATA(header), &given, sizeof given);
  return error_of(::sendmsg(socket, &parcel.message, 0));
}

// As small as a process can be: all share this one's memory.
long make_processes(long count) {
  static char stack[4096];
  for (long made = 0; made < count; ++made) {
    const int child = ::clone(
        [](void*) {
          for (;;) ::pause();
          return 0;
        },
        stack + sizeof stack - 64, CLONE_VM | CLONE_FS | CLONE_FILES, nullptr);
    if (child < 0) return made;
  }
  return count;
}

int make_deep(long count) {
  int here = ::open(".", O_PATH | O_DIRECTORY);
  for (long i = 0; i < count; ++i) {
    if (::mkdirat(here, "d", 0755) != 0) return errno;
    const int next = ::openat(here, "d", O_PATH | O_DIRECTORY);
    ::close(here);
    here = next;
  }
  return 0;
}

int make_files(const char* directory, long count) {
  const int here = ::open(directory, O_PATH | O_DIRECTORY);
  for (long i = 0; i < count; ++i) {
    const int file = ::openat(here, std::to_string(i).c_str(), O_CREAT | O_WRONLY, 0644);
    if (file < 0) return errno;
    ::close(file);
  }
  return 0;
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
  const std::string message = std::string(3, '\0') + static_cast<char>(body.size()) + body;
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

#if defined(__x86_64__)
long call32(long number) {
  long result = number;
  __asm__ volatile("int $0x80"
                   : "+a"(result)
                   : "b"(-1L), "c"(-1L), "d"(-1L), "S"(-1L), "D"(-1L)
                   : "memory", "r8", "r9", "r10", "r11");
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}
#else
long call32(long) {
  std::abort();
}
#endif

// What the call in a child reported, as a text.
std::string outcome_of_call(long number, bool by_32) {
  int report[2];
  if (::pipe(report) != 0) return "pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    // Calls that wait end by this signal.
    const itimerval soon = {{0, 0}, {0, 200000}};
    ::setitimer(ITIMER_REAL, &soon, nullptr);
    // Without it the kernel refuses landlock_restrict_self before it looks at the arguments.
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const pid_t self = ::getpid();
    const long result = by_32 ? call32(number) : ::syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
    const int error = error_of(result);
    // A call that makes a process comes back in that as well.
    if (::getpid() == self && ::write(report[1], &error, sizeof error) < 0) ::_exit(1);
    ::_exit(0);
  }
  ::close(report[1]);
  int error = 0;
  const bool reported = ::read(report[0], &error, sizeof error) == sizeof error;
  ::close(report[0]);
  ::waitpid(child, nullptr, 0);
  return reported ? std::to_string(error) : "ended";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "calls" || what == "calls32") {
    for (int i = 2; i < argc; ++i) {
      const long number = std::atol(argv[i]);
      std::printf("%ld %s\n", number, outcome_of_call(number, what == "calls32").c_str());
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
  } else if (what == "swap" && argc == 4) {
    for (;;) {
      if (::renameat2(AT_FDCWD, argv[2], AT_FDCWD, argv[3], RENAME_EXCHANGE) != 0) return errno;
    }
  } else if (what == "keep" && argc == 4) {
    std::printf("%d\n", keep(argv[2], argv[3]));
  } else if (what == "give" && argc == 4) {
    std::printf("%d\n", give(argv[2], argv[3], O_RDONLY));
  } else if (what == "append" && argc == 4) {
    std::printf("%d\n", give(argv[2], argv[3], O_WRONLY | O_APPEND));
  } else if (what == "processes" && argc == 3) {
    std::printf("%ld\n", make_processes(std::atol(argv[2])));
  } else if (what == "deep" && argc == 3) {
    return make_deep(std::atol(argv[2]));
  } else if (what == "files" && argc == 4) {
    return make_files(argv[2], std::atol(argv[3]));
  } else if (what == "all-ids") {
    uid_t uids[3];
    gid_t gids[3];
    if (::getresuid(&uids[0], &uids[1], &uids[2]) != 0) return 1;
    if (::getresgid(&gids[0], &gids[1], &gids[2]) != 0) return 1;
    std::printf("uid %u %u %u gid %u %u %u\n", uids[0], uids[1], uids[2], gids[0], gids[1],
                gids[2]);
  } else if (what == "chown" && argc == 5) {
    std::printf("%d\n", error_of(::chown(argv[4], static_cast<uid_t>(std::atoi(argv[2])),
                                         static_cast<gid_t>(std::atoi(argv[3])))));
  } else {
    return 2;
  }
  return 0;
}
