// A ProcessRunner without processes: commands are C++ functions that edit the upper directory.
//
//   FakeRunner runner;
//   runner.on("cc app.c", [](FakeStep& step) { step.write("/app", "binary"); return 0; });
//
// A command is found by its text: what stands after `sh -c`, or the arguments joined by blanks. One
// that nobody taught the runner ends with 127, as a shell would. Every command runs on a thread of
// its own, so that steps sleep beside each other. Needs no rights: whiteouts, which are character
// devices 0:0, may be made by anyone since Linux 5.8.
#pragma once

#include <executor/sandbox/process_runner.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {

// What a command of the fake sees of its step. Paths are absolute in the root file system; symbolic
// links are not followed.
class FakeStep {
 public:
  using Output = std::function<void(OutputStream, std::string_view)>;

  // Holds the lower layers open, as a mount would: one may be moved into the store while the step
  // runs on it.
  FakeStep(RunRequest request, Output output)
      : request_(std::move(request)), operation_(*request_.operation), output_(std::move(output)) {
    for (std::filesystem::path& lower : request_.lowers) {
      const int held = ::open(lower.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (held < 0) throw system_error("open", lower.string(), errno);
      held_.push_back(held);
      lower = "/proc/self/fd/" + std::to_string(held);
    }
  }
  ~FakeStep() {
    for (const int held : held_) ::close(held);
  }
  FakeStep(const FakeStep&) = delete;

  const RunRequest& request() const { return request_; }
  const RunProcess& operation() const { return operation_; }

  void print(std::string_view text) { output_(OutputStream::out, text); }
  void print_error(std::string_view text) { output_(OutputStream::err, text); }

  // A regular file with its missing parents; one of the layers below is hidden by it.
  void write(const std::string& path, std::string_view text, std::uint32_t mode = 0644) {
    const std::filesystem::path file = copy_up(path);
    std::filesystem::remove(file);  // a whiteout, or another hard link's content
    std::ofstream stream(file, std::ios::binary);
    stream.write(text.data(), static_cast<std::streamsize>(text.size()));
    stream.close();
    if (!stream) throw system_error("write", file.string(), EIO);
    if (::chmod(file.c_str(), mode) != 0) throw system_error("chmod", file.string(), errno);
  }

  void make_directory(const std::string& path, std::uint32_t mode = 0755) {
    const std::filesystem::path directory = copy_up(path);
    std::filesystem::create_directory(directory);
    if (::chmod(directory.c_str(), mode) != 0) {
      throw system_error("chmod", directory.string(), errno);
    }
  }

  void symlink(const std::string& target, const std::string& path) {
    const std::filesystem::path link = copy_up(path);
    std::filesystem::remove(link);
    std::filesystem::create_symlink(target, link);
  }

  // A file or a whole directory. What a layer below has there is hidden by a whiteout.
  void remove(const std::string& path) {
    const bool below = find_below(path).has_value();
    const std::filesystem::path gone = copy_up(path);
    std::filesystem::remove_all(gone);
    if (below && ::mknod(gone.c_str(), S_IFCHR, ::makedev(0, 0)) != 0) {
      throw system_error("mknod", gone.string(), errno);
    }
  }

  // The text of a regular file as the step sees it, through the layers; nothing where there is none.
  std::optional<std::string> read(const std::string& path) const {
    const auto found = find(path);
    if (!found || !std::filesystem::is_regular_file(std::filesystem::symlink_status(*found))) {
      return std::nullopt;
    }
    std::ifstream stream(*found, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  }

  bool exists(const std::string& path) const { return find(path).has_value(); }

  // Sleeps until the time is over or the step is killed, and says whether it slept well. A killed
  // command should return; what it returns is not looked at.
  bool sleep(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return killed_; });
  }

  bool killed() const {
    std::lock_guard lock(mutex_);
    return killed_;
  }

  void kill() {
    std::lock_guard lock(mutex_);
    killed_ = true;
    changed_.notify_all();
  }

 private:
  static bool is_whiteout(const struct stat& status) {
    return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0);
  }

  // The path in one layer: where it is, nothing where the layer does not say, or "hidden".
  enum class Look { absent, present, hidden };
  static Look look(const std::filesystem::path& layer, const std::filesystem::path& relative) {
    std::filesystem::path here = layer;
    for (const auto& part : relative) {
      here /= part;
      struct stat status = {};
      if (::lstat(here.c_str(), &status) != 0) return Look::absent;
      if (is_whiteout(status)) return Look::hidden;
    }
    return Look::present;
  }

  static std::filesystem::path relative(const std::string& path) {
    return std::filesystem::path(path).lexically_normal().relative_path();
  }

  std::optional<std::filesystem::path> find_below(const std::string& path) const {
    for (auto layer = request_.lowers.rbegin(); layer != request_.lowers.rend(); ++layer) {
      switch (look(*layer, relative(path))) {
        case Look::present: return *layer / relative(path);
        case Look::hidden: return std::nullopt;
        case Look::absent: break;
      }
    }
    return std::nullopt;
  }

  std::optional<std::filesystem::path> find(const std::string& path) const {
    switch (look(request_.upper, relative(path))) {
      case Look::present: return request_.upper / relative(path);
      case Look::hidden: return std::nullopt;
      case Look::absent: break;
    }
    return find_below(path);
  }

  // The path in the upper directory, its parents made there with the modes they have below.
  std::filesystem::path copy_up(const std::string& path) const {
    std::filesystem::path here;
    const std::filesystem::path parents = relative(path).parent_path();
    for (const auto& part : parents) {
      here /= part;
      const std::filesystem::path made = request_.upper / here;
      struct stat status = {};
      if (::lstat(made.c_str(), &status) == 0 && !is_whiteout(status)) continue;
      std::filesystem::remove(made);
      std::filesystem::create_directory(made);
      if (const auto below = find_below("/" + here.string())) {
        std::filesystem::permissions(made, std::filesystem::status(*below).permissions());
      }
    }
    return request_.upper / relative(path);
  }

  RunRequest request_;
  std::vector<int> held_;  // descriptors of request_.lowers
  RunProcess operation_;  // a copy: the command may outlive the vertex it came from
  Output output_;
  mutable std::mutex mutex_;  // guards killed_, which the killer's thread writes
  std::condition_variable changed_;
  bool killed_ = false;
};

class FakeRunner final : public ProcessRunner {
 public:
  using Command = std::function<int(FakeStep&)>;  // gives the exit code

  // From now on `text` is a command of this machine.
  void on(std::string text, Command command) {
    std::lock_guard lock(mutex_);
    commands_[std::move(text)] = std::move(command);
  }

  // `start` of this command throws an Error with that message, as for a missing program.
  void refuse(std::string text, std::string message) {
    std::lock_guard lock(mutex_);
    refusals_[std::move(text)] = std::move(message);
  }

  // The texts of the commands that were started, in that order.
  std::vector<std::string> ran() const {
    std::lock_guard lock(mutex_);
    return ran_;
  }
  void forget() {
    std::lock_guard lock(mutex_);
    ran_.clear();
  }

  // The most commands that were running at one time.
  int most_at_once() const {
    std::lock_guard lock(mutex_);
    return most_;
  }

  static std::string text_of(const RunProcess& operation) {
    const auto& arguments = operation.arguments;
    if (arguments.size() == 3 && arguments[1] == "-c") return arguments[2];
    std::string text;
    for (const auto& argument : arguments) text += (text.empty() ? "" : " ") + argument;
    return text;
  }

  std::unique_ptr<RunningProcess> start(
      const RunRequest& request, std::function<void(OutputStream, std::string_view)> output,
      std::function<void(RunResult)> finished) override {
    const std::string text = text_of(*request.operation);
    Command command = [text](FakeStep& step) {
      step.print_error("/bin/sh: " + text + ": not found\n");
      return 127;
    };
    {
      std::lock_guard lock(mutex_);
      ran_.push_back(text);
      if (const auto refusal = refusals_.find(text); refusal != refusals_.end()) {
        throw Error(refusal->second);
      }
      if (const auto known = commands_.find(text); known != commands_.end()) {
        command = known->second;
      }
      most_ = std::max(most_, ++running_);
    }
    auto step = std::make_shared<FakeStep>(request, std::move(output));
    return std::make_unique<Running>(
        step, std::thread([this, step, command, finished = std::move(finished)] {
          RunResult result;
          try {
            result.exit_code = command(*step);
          } catch (const std::exception& error) {
            step->print_error(std::string(error.what()) + "\n");
            result.exit_code = 1;
          }
          if (step->killed()) result.exit_code = 128 + 9;
          {
            std::lock_guard lock(mutex_);
            --running_;
          }
          finished(result);
        }));
  }

 private:
  class Running final : public RunningProcess {
   public:
    Running(std::shared_ptr<FakeStep> step, std::thread thread)
        : step_(std::move(step)), thread_(std::move(thread)) {}
    ~Running() override {
      step_->kill();
      // `finished` itself may drop the last owner; a thread cannot wait for itself.
      if (thread_.get_id() == std::this_thread::get_id()) {
        thread_.detach();
      } else {
        thread_.join();
      }
    }
    void kill() override { step_->kill(); }

   private:
    std::shared_ptr<FakeStep> step_;
    std::thread thread_;
  };

  mutable std::mutex mutex_;  // guards all below: commands end on threads of their own
  std::map<std::string, Command> commands_;
  std::map<std::string, std::string> refusals_;
  std::vector<std::string> ran_;
  int running_ = 0;
  int most_ = 0;
};

}  // namespace slipway
