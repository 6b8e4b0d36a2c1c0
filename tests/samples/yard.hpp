// A workshop for containers: what they leave behind can be looked for, whoever was killed.
#pragma once

#include "workshop.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace slipway {

using Words = std::vector<std::string>;

template <class Condition>
bool soon(Condition holds) {
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > late) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

inline std::string without_line_break(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

inline Words lines_of(const std::string& text) {
  Words lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none))
    names.insert(entry.path().filename());
  return names;
}

// Takes leave of every child that has ended, those that came to this process among them. Not while
// somebody else waits for one.
inline bool has_children() {
  pid_t ended = 0;
  while ((ended = ::waitpid(-1, nullptr, WNOHANG)) > 0) continue;
  return !(ended == -1 && errno == ECHILD);
}

// As a state file names it. One that has ended and that nobody waited for is gone.
struct ProcessOfState {
  pid_t pid = 0;
  std::string start;

  bool alive() const {
    std::ifstream stream("/proc/" + std::to_string(pid) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const std::size_t name = text.rfind(')');
    if (pid == 0 || name == std::string::npos) return false;
    std::istringstream fields(text.substr(name + 1));
    const std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
    return words.size() > 19 && words[19] == start && words[0] != "Z" && words[0] != "X";
  }
  // By its number alone, which nobody else has as long as it lives.
  void kill() const {
    if (alive()) ::kill(pid, SIGKILL);
  }
};

// A store in which every container has ended when the test has. What its processes leave becomes
// this process's child, to be found.
struct Yard : Workshop {
  Yard() { REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); }
  ~Yard() {
    for (const std::string& id : containers()) slipway({"kill", id});
    for (const std::string& id : containers()) slipway({"wait", id});
  }

  Finished run(Words words) const {
    words.insert(words.begin(), "run");
    return slipway(words);
  }
  std::string output(const Words& words) const {
    const Finished finished = run(words);
    INFO(finished.err);
    CHECK(finished.status == 0);
    return finished.out;
  }
  std::string in_background(Words words) const {
    words.insert(words.begin(), "-d");
    return without_line_break(output(words));
  }
  // Of any command; it must work.
  std::string said(const Words& words) const {
    const Finished finished = slipway(words);
    CAPTURE(words);
    INFO(finished.err);
    CHECK(finished.status == 0);
    return finished.out;
  }
  // The folders say it without a command of their own.
  Words containers() const {
    Words ids;
    for (const std::string& name : names_in(root() / "containers"))
      if (name.size() == 64) ids.push_back(name);
    return ids;
  }
  // "monitor" or "process", as the state file has it; of pid 0 where there is none.
  ProcessOfState process(const std::string& id, const std::string& which) const {
    std::ifstream stream(root() / "containers" / id / "state");
    for (std::string line; std::getline(stream, line);) {
      std::istringstream fields(line);
      std::string word;
      ProcessOfState found;
      if (fields >> word >> found.pid >> found.start && word == which) return found;
    }
    return {};
  }
  // After everything was removed. `mounts` are those of this process, from before.
  void check_nothing_left(const std::string& mounts) const {
    CHECK(containers().empty());
    CHECK(names_in(root() / "containers").empty());
    CHECK(names_in(root() / "work").empty());
    CHECK(soon([] { return !has_children(); }));
    CHECK(read("/proc/self/mountinfo") == mounts);
    const Finished checked = slipway({"fsck"});
    CHECK_MESSAGE(checked.status == 0, checked.out);
  }
};

}  // namespace slipway
