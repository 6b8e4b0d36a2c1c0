// Two machines that run the same Dockerfiles: a fake one, which understands a little shell, and the
// real one, sandbox, overlay and all. What is tested on both is written once.
//
//   TEST_CASE_TEMPLATE("...", Machine, FakeMachine, RealMachine) {
//     TestMachine<Machine> machine;
//     if (!machine.ready()) return;
//     machine.build.solve(machine.base() + "RUN echo text > /file\n");
//   }
#pragma once

#include "executor/rights.hpp"
#include "test_build.hpp"

#include <executor/sandbox/sandbox.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace slipway {

// "a && b" of: echo, cat (each with "> file"), rm, mkdir, sleep, exit, true, false.
inline int interpret(const std::string& text, FakeStep& step) {
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(" && ", at), text.size());
    std::istringstream stream(text.substr(at, end - at));
    at = end + 4;
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (words.empty()) continue;
    std::string target;
    if (words.size() > 2 && words[words.size() - 2] == ">") {
      target = words.back();
      words.resize(words.size() - 2);
    }
    std::string output;
    const std::string& name = words[0];
    if (name == "echo") {
      for (std::size_t i = 1; i < words.size(); ++i) output += (i > 1 ? " " : "") + words[i];
      output += "\n";
    } else if (name == "cat") {
      for (std::size_t i = 1; i < words.size(); ++i) {
        const auto content = step.read(words[i]);
        if (!content) return 1;
        output += *content;
      }
    } else if (name == "rm") {
      step.remove(words.at(1));
    } else if (name == "mkdir") {
      step.make_directory(words.at(1));
    } else if (name == "sleep") {
      step.sleep(std::chrono::milliseconds(static_cast<int>(1000 * std::stod(words.at(1)))));
    } else if (name == "exit") {
      return std::stoi(words.at(1));
    } else if (name == "false") {
      return 1;
    } else if (name != "true" && name != "/bin/busybox") {
      return 127;
    }
    if (target.empty()) {
      step.print(output);
    } else {
      step.write(target, output);
    }
  }
  return 0;
}

class FakeMachine : public ProcessRunner {
 public:
  static std::string why_not() { return ""; }

  std::unique_ptr<RunningProcess> start(
      const RunRequest& request, std::function<void(OutputStream, std::string_view)> output,
      std::function<void(RunResult)> finished) override {
    const std::string text = FakeRunner::text_of(*request.operation);
    fake_.on(text, [text](FakeStep& step) { return interpret(text, step); });
    return fake_.start(request, std::move(output), std::move(finished));
  }

 private:
  FakeRunner fake_;
};

class RealMachine : public ProcessRunner {
 public:
  // Empty: steps can be run here.
  static std::string why_not() {
    if (!rights.missing.empty()) return rights.missing;
    if (::access("/bin/busybox", X_OK) != 0) return "there is no /bin/busybox (busybox-static)";
    return "";
  }

  std::unique_ptr<RunningProcess> start(
      const RunRequest& request, std::function<void(OutputStream, std::string_view)> output,
      std::function<void(RunResult)> finished) override {
    return sandbox_->start(request, std::move(output), std::move(finished));
  }

 private:
  std::unique_ptr<ProcessRunner> sandbox_ = sandbox_runner({.ids = rights.space.ids});
};

template <class Machine>
class TestMachine {
 public:
  // False, and says so, where this machine cannot run a step.
  bool ready() {
    if (const std::string reason = Machine::why_not(); !reason.empty()) {
      MESSAGE("SKIPPED: " << reason);
      return false;
    }
    machine_ = std::make_unique<Machine>();
    build.runner_in_use = machine_.get();
    std::error_code ignored;
    std::filesystem::copy_file("/bin/busybox", build.context().path() / "busybox", ignored);
    if (!std::filesystem::exists(build.context().path() / "busybox")) {
      build.context().write("busybox", "none", 0755);
    }
    return true;
  }

  // The first lines of every Dockerfile: a root file system with a shell.
  static std::string base(const std::string& name = "base") {
    return "FROM scratch AS " + name +
           "\nCOPY busybox /bin/busybox\n"
           "RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n";
  }

  TestBuild build;

 private:
  std::unique_ptr<Machine> machine_;
};

}  // namespace slipway
