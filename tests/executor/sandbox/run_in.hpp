// A root file system of busybox and a way to run steps in it.
#pragma once

#include <executor/sandbox/process_runner.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace slipway {

// A temporary directory of its own, removed at the end.
class Scratchpad {
 public:
  Scratchpad() {
    std::string name = std::filesystem::temp_directory_path() / "slipway-sandbox-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
  }
  Scratchpad(const Scratchpad&) = delete;
  ~Scratchpad() {
    std::error_code ignored;  // a directory that stays is no failure of the test
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::filesystem::path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

// What a step did.
struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
  bool out_of_memory = false;
  int calls_after_end = 0;
  std::string failure;
};

// One step, from its request to its end. Everything may be changed before it runs.
class TestStep {
 public:
  explicit TestStep(std::string command) {
    operation.arguments = {"/bin/sh", "-c", std::move(command)};
    operation.environment = {"PATH=/bin"};
    operation.working_directory = "/";
    image = pad.path() / "image";
    request.upper = pad.path() / "upper";
    request.work = pad.path() / "work";
    for (const auto& directory : {image, request.upper, request.work}) {
      std::filesystem::create_directories(directory);
    }
    request.lowers = {image};
  }

  // Busybox, its applets, a passwd: what most steps need.
  TestStep& with_busybox() {
    std::filesystem::create_directories(image / "bin");
    std::filesystem::copy_file("/bin/busybox", image / "bin/busybox");
    for (const char* applet :
         {"sh",    "cat",   "echo",    "ls",   "sleep",  "true",     "id",    "pwd",  "env",
          "mkdir", "rm",    "touch",   "head", "dd",     "hostname", "stat",  "ln",   "readlink",
          "mount", "wc",    "umount",  "grep", "mknod",  "chmod",    "mv",    "ip",   "ps",
          "kill",  "sed",   "unshare", "sort", "printf", "setsid",   "tr",    "date", "chroot",
          "cut",   "rmdir", "nc",      "test", "chown",  "seq",      "ulimit"}) {
      std::filesystem::create_symlink("busybox", image / "bin" / applet);
    }
    write_file(image / "etc/passwd",
               "root:x:0:0:root:/root:/bin/sh\nbuilder:x:1000:1001::/home/builder:/bin/sh\n");
    write_file(image / "etc/group",
               "root:x:0:\nbuilder:x:1001:\nwheel:x:10:root,builder\naudio:x:29:builder\n");
    // As every distribution's image has them.
    write_file(image / "etc/hosts", "");
    write_file(image / "etc/resolv.conf", "");
    return *this;
  }

  // The program of probe.cpp as /bin/probe.
  TestStep& with_probe() {
    std::filesystem::copy_file(SLIPWAY_PROBE, image / "bin/probe");
    return *this;
  }

  Outcome run(ProcessRunner& runner) {
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
    Outcome outcome;
    request.operation = &operation;
    const auto process = runner.start(
        request,
        [&](OutputStream stream, std::string_view text) {
          const std::lock_guard lock(mutex);
          if (ended) ++outcome.calls_after_end;
          (stream == OutputStream::out ? outcome.out : outcome.err) += text;
        },
        [&](RunResult result) {
          const std::lock_guard lock(mutex);
          if (ended) ++outcome.calls_after_end;
          ended = true;
          outcome.exit_code = result.exit_code;
          outcome.out_of_memory = result.out_of_memory;
          if (result.failure) outcome.failure = result.failure->what();
          changed.notify_all();
        });
    if (while_running) while_running(*process);
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ended; });
    return outcome;
  }

  // What is in the upper directory, sorted; directories end with a slash.
  std::vector<std::string> left() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(request.upper)) {
      const bool directory = entry.symlink_status().type() == std::filesystem::file_type::directory;
      paths.push_back(std::filesystem::relative(entry.path().parent_path(), request.upper)
                          .append(entry.path().filename().string())
                          .lexically_normal()
                          .string() +
                      (directory ? "/" : ""));
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  Scratchpad pad;
  std::filesystem::path image;
  RunProcess operation;
  RunRequest request;
  std::function<void(RunningProcess&)> while_running;
};

}  // namespace slipway
