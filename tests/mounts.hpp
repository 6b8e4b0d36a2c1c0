// What is mounted, seen from a test that others may run beside.
#pragma once

#include <sched.h>
#include <sys/mount.h>

#include <fstream>
#include <set>
#include <string>

namespace slipway {

// Of the thread that makes it and those it starts: the mounts that others make from now on do not
// appear here. They may vanish, because the kernel takes a mount away with its directory.
class MountsOfOurOwn {
 public:
  MountsOfOurOwn()
      : private_(::unshare(CLONE_NEWNS) == 0 &&
                 ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0),
        before_(lines()) {}

  // Those that were not there at first, a line each. Without the right to have mounts of one's own,
  // only those that name `part`.
  std::string added(const std::string& part = "/slipway-") const {
    std::string found;
    for (const std::string& line : lines()) {
      if (before_.contains(line)) continue;
      if (private_ || line.find(part) != std::string::npos) found += line + "\n";
    }
    return found;
  }

 private:
  static std::set<std::string> lines() {
    std::ifstream file("/proc/thread-self/mountinfo");
    std::set<std::string> all;
    for (std::string line; std::getline(file, line);) all.insert(line);
    return all;
  }

  bool private_;
  std::set<std::string> before_;
};

}  // namespace slipway
