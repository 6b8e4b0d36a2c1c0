#include <executor/chroot/orphans.hpp>

#include <ir/error.hpp>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// The kernel gives an orphan to any thread of this process.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  std::error_code ended;  // a thread may end while it is looked at
  for (fs::directory_iterator task("/proc/self/task", ended), end; task != end;
       task.increment(ended)) {
    std::ifstream list(task->path() / "children");
    for (pid_t child = 0; list >> child;) found.push_back(child);
  }
  return found;
}

// A dead one has no root any more.
bool lives_in(pid_t process, const struct stat& root) {
  struct stat status {};
  const std::string path = "/proc/" + std::to_string(process) + "/root";
  if (::stat(path.c_str(), &status) != 0) return errno == EACCES || errno == EPERM;
  return status.st_dev == root.st_dev && status.st_ino == root.st_ino;
}

}  // namespace

void inherit_orphans() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) throw system_error("prctl", "", errno);
}

void end_orphans(const fs::path& root) {
  struct stat status {};
  if (::stat(root.c_str(), &status) != 0) throw system_error("stat", root.native(), errno);
  for (bool found = true; found;) {
    found = false;
    for (const pid_t child : children()) {
      if (!lives_in(child, status)) continue;
      ::kill(child, SIGKILL);
      found = true;
    }
    if (found) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace slipway
