#include <executor/user_namespace.hpp>

#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

namespace slipway {
namespace {

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string user_name(uid_t uid) {
  const passwd* user = ::getpwuid(uid);
  return user == nullptr ? std::string() : user->pw_name;
}

// One id of the user's own as root, then the ranges one behind the other.
std::vector<IdRange> with_own(std::uint32_t own, const std::vector<IdRange>& ranges) {
  std::vector<IdRange> all = {{0, own, 1}};
  std::uint32_t next = 1;
  for (const IdRange& range : ranges) {
    all.push_back({next, range.outside, range.count});
    next += range.count;
  }
  return all;
}

// What this process sees of its own ids: a container's root can give all of them on.
std::vector<IdRange> all_own(const char* map) {
  std::ifstream file(map);
  std::vector<IdRange> all;
  for (IdRange range; file >> range.inside >> range.outside >> range.count;) {
    all.push_back({range.inside, range.inside, range.count});
  }
  return all;
}

bool counts_one(const std::vector<IdRange>& ranges) {
  return ranges.size() == 1 && ranges.front().count == 1;
}

std::string map_text(const std::vector<IdRange>& ranges) {
  std::string text;
  for (const IdRange& range : ranges) {
    text += std::to_string(range.inside) + " " + std::to_string(range.outside) + " " +
            std::to_string(range.count) + "\n";
  }
  return text;
}

// In one write, as the kernel wants it. Gives errno.
int write_map(const std::string& path, const std::string& text) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return errno;
  return ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0
                                                                                            : errno;
}

// What the process that stays outside is to do once the namespace exists.
struct Mapping {
  // Programs with their arguments, one after the other ...
  std::vector<std::vector<std::string>> commands;
  // ... or files to write.
  std::vector<std::pair<std::string, std::string>> files;
};

Mapping mapping_by_programs(const std::string& newuidmap, const std::string& newgidmap,
                            const std::vector<IdRange>& uids, const std::vector<IdRange>& gids) {
  const std::string process = std::to_string(::getpid());
  const auto command = [&process](const std::string& path, const std::vector<IdRange>& ranges) {
    std::vector<std::string> arguments = {path, process};
    for (const IdRange& range : ranges) {
      arguments.push_back(std::to_string(range.inside));
      arguments.push_back(std::to_string(range.outside));
      arguments.push_back(std::to_string(range.count));
    }
    return arguments;
  };
  return {{command(newuidmap, uids), command(newgidmap, gids)}, {}};
}

// Zero, or what the failed step left: an errno, or 1000 and a program's status.
constexpr int program_failed = 1000;

int run(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int descriptor : {0, 1, 2}) ::dup2(null, descriptor);
    ::execv(arguments.front(), arguments.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return status == 0 ? 0 : program_failed + (WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

int carry_out(const Mapping& mapping) {
  for (const auto& command : mapping.commands) {
    if (const int result = run(command); result != 0) return result;
  }
  for (const auto& [path, text] : mapping.files) {
    if (const int result = write_map(path, text); result != 0) return result;
  }
  return 0;
}

// A process in the old namespace that waits for the new one, gives it its ids, and ends.
class Helper {
 public:
  explicit Helper(const Mapping& mapping) : start_(make_pipe()), result_(make_pipe()) {
    process_ = ::fork();
    if (process_ < 0) throw system_error("fork", "", errno);
    if (process_ > 0) {
      start_.read = FileDescriptor();
      result_.write = FileDescriptor();
      return;
    }
    start_.write = FileDescriptor();
    char byte = 0;
    if (::read(start_.read.get(), &byte, 1) != 1) ::_exit(0);  // there is no namespace
    const int result = carry_out(mapping);
    ::_exit(::write(result_.write.get(), &result, sizeof(result)) == sizeof(result) ? 0 : 1);
  }
  Helper(const Helper&) = delete;
  ~Helper() {
    start_.write = FileDescriptor();
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // As carry_out().
  int map() {
    const char byte = 1;
    int result = EPIPE;
    if (::write(start_.write.get(), &byte, 1) != 1 ||
        ::read(result_.read.get(), &result, sizeof(result)) != sizeof(result)) {
      return EPIPE;
    }
    return result;
  }

 private:
  Pipe start_;
  Pipe result_;
  pid_t process_ = -1;
};

bool restricted_by_apparmor() {
  return read_file("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").starts_with('1');
}

Error no_namespace(int error) {
  Error result = system_error("unshare", "a user namespace", error);
  if (read_file("/proc/sys/kernel/unprivileged_userns_clone").starts_with('0')) {
    return result.hint("sysctl -w kernel.unprivileged_userns_clone=1, or run slipway as root");
  }
  if (read_file("/proc/sys/user/max_user_namespaces") == "0\n") {
    return result.hint("sysctl -w user.max_user_namespaces=65536, or run slipway as root");
  }
  if (error == EINVAL) return result.hint("this program has more than one thread already");
  return result.hint(
      "this machine or container does not let its users have namespaces: run slipway as root, or "
      "the container with --privileged");
}

void take_ids(Helper& helper) {
  const int result = helper.map();
  if (result >= program_failed) {
    throw Error(
        "newuidmap or newgidmap has refused the ranges of /etc/subuid and /etc/subgid "
        "(status " +
        std::to_string(result - program_failed) + ")")
        .hint("both need their set-user-ID bit or file capabilities: reinstall the package uidmap");
  }
  if (result != 0) throw system_error("write", "uid_map", result);
}

bool own_namespaces() {
  return ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
}

void enter(Helper* helper) {
  if (!own_namespaces()) throw no_namespace(errno);
  if (helper != nullptr) take_ids(*helper);
}

// Nothing of what is mounted from now on is seen outside. The first call that needs the rights of
// the namespace: Ubuntu's AppArmor lets a user have one and then denies them.
void leave_mounts() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return;
  Error error = system_error("mount", "/", errno);
  if (restricted_by_apparmor()) {
    throw error.hint(
        "AppArmor keeps users' namespaces from mounting: sysctl -w "
        "kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for slipway with "
        "`userns,`");
  }
  throw error;
}

void enter_with_own_id(uid_t uid, gid_t gid) {
  enter(nullptr);
  // Before its group ids are given: user_namespaces(7) on /proc/PID/setgroups.
  int error = write_map("/proc/self/setgroups", "deny");
  if (error == 0) error = write_map("/proc/self/uid_map", map_text({{0, uid, 1}}));
  if (error == 0) error = write_map("/proc/self/gid_map", map_text({{0, gid, 1}}));
  if (error != 0) throw system_error("write", "/proc/self/uid_map", error);
}

}  // namespace

std::vector<IdRange> subordinate_ids(std::string_view file, std::string_view name,
                                     std::uint32_t uid) {
  std::vector<IdRange> ranges;
  std::uint32_t inside = 0;
  while (!file.empty()) {
    const std::size_t end = std::min(file.find('\n'), file.size());
    const std::string_view line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == line.npos ? first : first + 1);
    if (second == line.npos) continue;
    const std::string_view owner = line.substr(0, first);
    if ((name.empty() || owner != name) && number(owner) != uid) continue;
    const auto start = number(line.substr(first + 1, second - first - 1));
    const auto count = number(line.substr(second + 1));
    if (!start || !count || *count == 0 || *count > UINT32_MAX - *start ||
        *count > UINT32_MAX - 1 - inside) {
      continue;
    }
    ranges.push_back({inside, *start, *count});
    inside += *count;
  }
  return ranges;
}

std::string id_maps() {
  if (!in_user_namespace()) return {};
  std::string text;
  for (const char* kind : {"uid", "gid"}) {
    std::ifstream map("/proc/self/" + std::string(kind) + "_map");
    for (IdRange range; map >> range.inside >> range.outside >> range.count;) {
      text += (text.empty() ? "" : " ") + std::string(kind) + " " + std::to_string(range.inside) +
              ":" + std::to_string(range.outside) + "+" + std::to_string(range.count);
    }
  }
  return text;
}

UserNamespace enter_user_namespace() {
  if (has_capability(CAP_SYS_ADMIN) && ::geteuid() == 0) return {};
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  UserNamespace result;
  if (uid == 0 && has_capability(CAP_SETUID) && has_capability(CAP_SETGID)) {
    // The root of a container that may not mount: all its ids, if it may have a namespace at all.
    const std::string folder = "/proc/" + std::to_string(::getpid());
    Helper helper({{},
                   {{folder + "/uid_map", map_text(all_own("/proc/self/uid_map"))},
                    {folder + "/gid_map", map_text(all_own("/proc/self/gid_map"))}}});
    if (!own_namespaces()) {
      // Who is alone in a namespace cannot give files to others.
      const int error = errno;
      if (error == EINVAL || counts_one(all_own("/proc/self/uid_map"))) throw no_namespace(error);
      result.refused = true;
      return result;
    }
    take_ids(helper);
    leave_mounts();
    return result;
  }

  const auto newuidmap = find_program("newuidmap");
  const auto newgidmap = find_program("newgidmap");
  const std::string name = user_name(uid);
  const auto uids = subordinate_ids(read_file("/etc/subuid"), name, uid);
  const auto gids = subordinate_ids(read_file("/etc/subgid"), name, uid);
  if (newuidmap && newgidmap && !uids.empty() && !gids.empty()) {
    result.ids = Ids::ranges;
    Helper helper(
        mapping_by_programs(*newuidmap, *newgidmap, with_own(uid, uids), with_own(gid, gids)));
    enter(&helper);
  } else {
    result.ids = Ids::own;
    const std::string who = name.empty() ? std::to_string(uid) : name;
    result.missing = !newuidmap || !newgidmap
                         ? "newuidmap is not installed (package uidmap)"
                         : "/etc/subuid and /etc/subgid have no range for " + who;
    enter_with_own_id(uid, gid);
  }
  leave_mounts();
  return result;
}

}  // namespace slipway
