// What stands for a container in tests: a process in namespaces of its own upon this machine's
// files.
#pragma once

#include "../../cache/temporary_folder.hpp"
#include "../rights.hpp"

#include <cache/containers/store.hpp>
#include <cache/store.hpp>
#include <executor/containers/join.hpp>
#include <executor/containers/processes.hpp>
#include <executor/spawn.hpp>

#include <doctest/doctest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#define SKIP_WITHOUT_RIGHTS()               \
  if (!rights.missing.empty()) {            \
    MESSAGE("skipped: " << rights.missing); \
    return;                                 \
  }                                         \
  static_assert(true)

namespace slipway {

inline std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

// What stands for a container: a process in namespaces of its own upon this machine's files, and
// the state that a monitor writes of it. `prepare` is its first deed.
class Standing {
 public:
  explicit Standing(
      const std::function<void()>& prepare = [] {}, ContainerConfig config = {})
      : store_(folder_.path() / "store") {
    Pipe ready = make_pipe();
    const long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
    process_ = static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
    REQUIRE(process_ >= 0);
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
      ::mount("proc", "/proc", "proc", 0, nullptr);
      ::mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620");
      ::sethostname("standing", 8);
      prepare();
      const bool told = ::write(ready.write.get(), "", 1) == 1;
      ready.write = FileDescriptor();
      for (;;) {
        if (!told || ::waitpid(-1, nullptr, 0) < 0) ::usleep(1000);
      }
    }
    ready.write = FileDescriptor();
    char byte = 0;
    REQUIRE(::read(ready.read.get(), &byte, 1) == 1);

    container_ = store_.containers().create("standing", Digest(), "nothing", {}, config);
    const auto where = store_.containers().folder(container_.id);
    auto lock = ContainerLock::attempt(where);
    REQUIRE(lock);
    lock_.emplace(std::move(*lock));
    const auto held = HeldProcess::open(process_);
    REQUIRE(held);
    state_.status = ContainerStatus::running;
    state_.boot = boot_id();
    state_.process = {process_, parse_process_facts(held->read("stat"))->start};
    put_state(where, state_);
  }
  ~Standing() { end(); }

  void end() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }
  void set(const std::function<void(ContainerState&)>& change) {
    change(state_);
    put_state(store_.containers().folder(container_.id), state_);
  }

  pid_t process() const { return process_; }
  Store& store() { return store_; }
  const Container& container() const { return container_; }
  std::unique_ptr<JoinedProcess> join(ExecRequest request) {
    return join_container(store_, container_, request);
  }
  // Its output, and its status behind that.
  std::string run(ExecRequest request) {
    Pipe output = make_pipe();
    request.output = request.error = output.write.get();
    const auto joined = join(request);
    output.write = FileDescriptor();
    std::string text;
    std::array<char, 4096> bytes;
    for (ssize_t got = 0; (got = ::read(output.read.get(), bytes.data(), bytes.size())) > 0;) {
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return text + "=" + std::to_string(joined->wait());
  }
  std::string run(const std::string& script) {
    ExecRequest request;
    request.arguments = {"/bin/sh", "-c", script};
    return run(request);
  }

 private:
  TemporaryFolder folder_;
  Store store_;
  Container container_;
  std::optional<ContainerLock> lock_;
  ContainerState state_;
  pid_t process_ = -1;
};

}  // namespace slipway
