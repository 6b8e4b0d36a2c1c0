// Containers that really run: a store with an image of busybox, and ways to see what they do.
#pragma once

#include "cache/temporary_folder.hpp"
#include "executor/rights.hpp"

#include <cache/containers/store.hpp>
#include <cache/images/store.hpp>
#include <cache/layers/stack.hpp>
#include <cache/store.hpp>
#include <executor/containers/log.hpp>
#include <executor/containers/start.hpp>
#include <ir/error.hpp>
#include <ir/platform.hpp>

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace slipway {

using namespace std::chrono_literals;

// Waits for what a busy machine may take long for.
template <class Condition>
bool becomes_true(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  for (;;) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
}

inline std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put_text(const std::filesystem::path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

// What a container did, seen by who started it attached.
struct Seen {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class StartedContainers {
 public:
  StartedContainers() : store(folder.path() / "store") {
    store.state().claim(id_maps(), overlay_marks());
    Staging staging = store.layers().stage();
    const std::filesystem::path root = staging.upper();
    std::filesystem::create_directories(root / "bin");
    std::filesystem::create_directories(root / "tmp");
    std::filesystem::permissions(root / "tmp", std::filesystem::perms(01777));
    std::filesystem::copy_file("/bin/busybox", root / "bin/busybox");
    for (const char* applet :
         {"sh",     "cat",      "echo",  "ls",    "sleep",  "true",   "id",       "pwd",
          "env",    "mkdir",    "rm",    "touch", "head",   "dd",     "hostname", "stat",
          "ln",     "readlink", "mount", "wc",    "umount", "grep",   "mknod",    "chmod",
          "mv",     "ps",       "kill",  "sed",   "sort",   "printf", "setsid",   "tr",
          "stty",   "seq",      "tty",   "nc",    "test",   "false",  "yes",      "usleep",
          "chroot", "unshare",  "cut",   "awk",   "df",     "find",   "ip"}) {
      std::filesystem::create_symlink("busybox", root / "bin" / applet);
    }
    put_text(root / "etc/passwd",
             "root:x:0:0:root:/root:/bin/sh\nbuilder:x:1000:1001::/home/builder:/bin/sh\n");
    put_text(root / "etc/group", "root:x:0:\nbuilder:x:1001:\naudio:x:29:builder\nvideo:x:44:\n");
    put_text(root / "etc/no-program", "text");
    const BuiltLayer built = index_upper(root, StackView({}));
    layers = {store.layers().commit(std::move(staging), built)};
    options.ids = rights.space.ids;
    options.hook_program = "/bin/true";
  }
  // Whatever a test that failed has left: its processes are in a namespace with the one that is
  // killed.
  ~StartedContainers() {
    for (const Container& container : store.containers().list()) {
      const ContainerState state = this->state(container);
      if (state.alive() && state.process.pid > 0)
        ::kill(static_cast<pid_t>(state.process.pid), SIGKILL);
      becomes_true([&] { return ContainerLock::attempt(where(container)).has_value(); });
    }
  }

  Container create(std::vector<std::string> command, ContainerConfig config = {}) {
    config.command = std::move(command);
    config.platform = host_platform();
    if (config.network == "default") config.network = "none";
    return store.containers().create("", Digest(), "busybox", layers, config);
  }
  Container shell(const std::string& script, ContainerConfig config = {}) {
    return create({"/bin/sh", "-c", script}, std::move(config));
  }

  // Started in the background.
  MonitorConnection start(const Container& container) {
    return start_container(store, container, options);
  }
  MonitorConnection attach(const Container& container, bool input = false) {
    StartOptions attached = options;
    attached.attach = AttachedStreams{input, true, true};
    return start_container(store, container, attached);
  }
  // Until its end, with all that it prints.
  Seen run(const Container& container) {
    MonitorConnection connection = attach(container);
    return rest_of(connection);
  }
  static Seen rest_of(MonitorConnection& connection) {
    Seen seen;
    for (;;) {
      const MonitorConnection::Event event = connection.receive();
      using Kind = MonitorConnection::Event::Kind;
      if (event.kind == Kind::output) seen.out += event.bytes;
      if (event.kind == Kind::error) seen.err += event.bytes;
      if (event.kind == Kind::exited) seen.exit_code = event.exit_code;
      if (event.kind == Kind::exited || event.kind == Kind::gone) return seen;
    }
  }
  Seen run(const std::string& script, ContainerConfig config = {}) {
    return run(shell(script, std::move(config)));
  }
  // Its status and message where it cannot be started.
  std::pair<int, std::string> refusal(const Container& container) {
    try {
      start(container);
    } catch (const NotStarted& error) {
      return {error.status(), error.what()};
    }
    return {0, "it started"};
  }

  std::filesystem::path where(const Container& container) {
    return store.containers().folder(container.id);
  }
  ContainerState state(const Container& container) { return container_state(where(container)); }
  std::string log(const Container& container) {
    std::string text;
    LogReader reader(where(container));
    while (const auto entry = reader.next()) {
      text += entry->bytes;
      if (entry->ends_line) text += '\n';
    }
    return text;
  }

  TemporaryFolder folder;
  Store store;
  LayerStack layers;
  StartOptions options;
};

// Leaves a test where this machine does not let anybody have containers.
#define NEEDS_CONTAINERS()                  \
  if (!rights.missing.empty()) {            \
    MESSAGE("skipped: " << rights.missing); \
    return;                                 \
  }                                         \
  static_assert(true)

}  // namespace slipway
