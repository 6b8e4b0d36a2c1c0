// What the attack tests share: a place outside of every root that must stay as it was.
//
// Each attack is named after its row of the list of incidents; its comment says which defence stops
// it. They need what the sandbox needs and nothing more.
#pragma once

#include "executor/sandbox/real_runner.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace slipway {

inline std::string refusal(ProcessRunner& runner, TestStep& step) {
  try {
    return "exit " + std::to_string(step.run(runner).exit_code);
  } catch (const Error& error) {
    return error.what();
  }
}

inline std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

// A directory of the host's that a step would like to reach.
class Outside {
 public:
  explicit Outside(const Scratchpad& pad) : path_(pad.path() / "outside") {
    write_file(path_ / "host", "the host's\n");
    write_file(path_ / "empty", "");
    std::filesystem::create_directories(path_ / "directory");
  }
  const std::filesystem::path& path() const { return path_; }
  // From any depth of a root: too many ".." end at it.
  std::string climbing() const { return "../../../../../../../../../.." + path_.string(); }
  bool untouched() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      ++count;
      if (entry.is_directory() && !std::filesystem::is_empty(entry)) return false;
    }
    return count == 3 && content(path_ / "host") == "the host's\n" &&
           std::filesystem::is_regular_file(path_ / "empty") &&
           std::filesystem::is_directory(path_ / "directory");
  }

 private:
  std::filesystem::path path_;
};

inline ResolvedMount mount_at(RunProcess::Mount::Type type, const std::string& target) {
  ResolvedMount resolved;
  resolved.mount.type = type;
  resolved.mount.target = target;
  return resolved;
}

inline ResolvedMount secret_at(const std::string& target) {
  ResolvedMount resolved = mount_at(RunProcess::Mount::Type::secret, target);
  resolved.secret = "secret\n";
  return resolved;
}

inline ResolvedMount cache_at(const std::string& target, const std::filesystem::path& directory) {
  ResolvedMount resolved = mount_at(RunProcess::Mount::Type::cache, target);
  resolved.directory = directory;
  std::filesystem::create_directories(directory);
  return resolved;
}

// A step that runs beside whatever the test does. Killed at the end of the scope.
class StepBeside {
 public:
  StepBeside(ProcessRunner& runner, TestStep& step) {
    step.while_running = [this](RunningProcess& process) {
      std::unique_lock lock(mutex_);
      started_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return over_; });
      if (killed_) process.kill();
    };
    thread_ = std::thread([this, &runner, &step] { outcome_ = step.run(runner); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return started_; });
  }
  StepBeside(const StepBeside&) = delete;
  ~StepBeside() { end(true); }
  // Waits for its end.
  Outcome wait() {
    end(false);
    return outcome_;
  }

 private:
  void end(bool by_force) {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      killed_ = by_force;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

  // Guards the flags between the test's thread and the step's.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false;
  bool over_ = false;
  bool killed_ = false;
  Outcome outcome_;
  std::thread thread_;
};

}  // namespace slipway
