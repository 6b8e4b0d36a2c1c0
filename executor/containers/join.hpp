// Another process in a container that runs: `exec`, and probes of its health.
//
// The container's processes are alive meanwhile and trusted in nothing: what is read of its files
// is opened in its root and bounded, its terminal is made by the kernel's own file system and no
// other, and nobody in there sees the new process before that has only the container's rights
// (executor/sandbox/init/join.cpp).
#pragma once

#include <cache/containers/store.hpp>
#include <executor/sandbox/process_runner.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Store;

// Without root: into the user namespace of the container, in place of one of this process's own
// (enter_user_namespace()), because only there are rights over it. For a process without a second
// thread, before it opens the store. Does nothing for root, or where the container does not run.
// `store_root` and the name are all that is known by then. Throws Error.
void enter_containers_user_namespace(const std::filesystem::path& store_root,
                                     std::string_view id_or_name);

struct ExecRequest {
  std::vector<std::string> arguments;
  // Beside the container's own: "NAME=value", or "NAME" to leave one out.
  std::vector<std::string> environment;
  std::string working_directory;  // empty: the container's
  std::string user;               // empty: the container's
  bool privileged = false;
  bool terminal = false;
  TerminalSize size;
  // Its streams; with a terminal, that's other end is outer(). -1: /dev/null.
  int input = -1;
  int output = -1;
  int error = -1;
  // How long its start may take; nothing: as long as it takes.
  std::optional<std::chrono::milliseconds> patience;
};

// A process in the container's namespaces, with its rights and limits. Ends with the container.
class JoinedProcess {
 public:
  virtual ~JoinedProcess() = default;    // kills it, unless let_go() was called
  virtual int terminal() const = 0;      // the outer end; -1: it has none
  virtual int descriptor() const = 0;    // a pidfd of its parent: readable when it has ended
  virtual std::int64_t pid() const = 0;  // as this machine numbers it
  virtual void signal(int number) = 0;
  virtual int wait() = 0;     // the exit status as a shell has it
  virtual void let_go() = 0;  // it goes on without this process
};

// Throws NotStarted (start.hpp) with docker's status; Error where the container does not run.
std::unique_ptr<JoinedProcess> join_container(Store& store, const Container& container,
                                              const ExecRequest& request);

}  // namespace slipway
