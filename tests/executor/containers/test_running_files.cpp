// The files of containers that run.
#include "started.hpp"

#include <cache/containers/volumes.hpp>
#include <cache/layers/beneath.hpp>
#include <executor/containers/commit.hpp>
#include <executor/containers/copy.hpp>

#include <fcntl.h>
#include <sys/wait.h>

#include <set>
#include <sstream>

namespace fs = std::filesystem;
using namespace slipway;

namespace {

std::string changes(StartedContainers& containers, const Container& container) {
  const PausedContainer paused(containers.store, container);
  std::string text;
  for (const ContainerChange& change : container_changes(containers.store, container)) {
    using Kind = ContainerChange::Kind;
    text += change.kind == Kind::added ? "A " : change.kind == Kind::changed ? "C " : "D ";
    text += change.path + "\n";
  }
  return text;
}

fs::path upper(StartedContainers& containers, const Container& container) {
  return containers.where(container) / "upper";
}

std::string read_from(StartedContainers& containers, const Image& image, std::string_view path) {
  const StackView view = containers.store.layers().view(image.layers);
  const auto entry = view.find(path);
  if (!entry) return "(nothing)";
  DescriptorSource file(FileDescriptor(view.open(*entry)));
  std::string text(static_cast<std::size_t>(entry->size), '\0');
  file.read(std::as_writable_bytes(std::span(text)));
  return text;
}

Image commit(StartedContainers& containers, const Container& container) {
  CommitRequest request;
  request.config = config_of(containers.store, container);
  request.created = "2026-11-30T20:00:00Z";
  return commit_container(containers.store, container, request);
}

void copy(StartedContainers& containers, const Container& container, const std::string& source,
          const std::string& destination, bool in) {
  const auto tree = open_container_tree(containers.store, container);
  if (in) {
    copy_in(*tree, {source, destination, false, false});
  } else {
    copy_out(*tree, {source, destination, false, false});
  }
}

// Counts in two files for ever; the second is never ahead of the first.
constexpr const char* counting =
    "i=0; while :; do i=$((i+1)); echo $i > /first; echo $i > /second; done";

bool goes_on(StartedContainers& containers, const Container& container) {
  const std::string before = content_of(upper(containers, container) / "first");
  return becomes_true([&] {
    const std::string now = content_of(upper(containers, container) / "first");
    return !now.empty() && now != before;
  });
}

}  // namespace

TEST_CASE("what a start makes is no change of the container's") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  containers.store.volumes().create("data", {});
  ContainerConfig config;
  ContainerMount volume;
  volume.type = ContainerMount::Type::volume;
  volume.source = "data";
  volume.target = "/var/data";
  ContainerMount memory;
  memory.type = ContainerMount::Type::tmpfs;
  memory.target = "/run/memory";
  config.mounts = {volume, memory};
  const Container idle = containers.shell("true", config);
  CHECK(containers.run(idle).exit_code == 0);
  CHECK(changes(containers, idle) == "");

  const Container busy = containers.shell(
      "echo x > /var/data/x; echo y > /run/memory/y; echo 1.2.3.4 a >> /etc/hosts; "
      "mkdir -p /new/dir; echo z > /new/dir/z; rm /bin/nc; echo more >> /etc/passwd",
      config);
  CHECK(containers.run(busy).exit_code == 0);
  CHECK(changes(containers, busy) ==
        "C /bin\nD /bin/nc\nC /etc\nC /etc/passwd\nA /new\nA /new/dir\nA /new/dir/z\n");
  const Image image = commit(containers, busy);
  CHECK(read_from(containers, image, "new/dir/z") == "z\n");
  CHECK(read_from(containers, image, "var/data/x") == "(nothing)");
  CHECK(read_from(containers, image, "etc/hosts") == "(nothing)");
}

TEST_CASE("a container stands still while it is held, and goes on however its holder ends") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell(counting);
  MonitorConnection monitor = containers.start(container);
  REQUIRE(goes_on(containers, container));
  {
    const PausedContainer first(containers.store, container);
    const std::string at = content_of(upper(containers, container) / "first");
    { const PausedContainer second(containers.store, container); }
    // Nobody but the last holder lets it go; and somebody who unpauses it does not.
    CHECK(monitor.pause());
    CHECK(monitor.unpause());
    std::this_thread::sleep_for(50ms);
    CHECK(content_of(upper(containers, container) / "first") == at);
  }
  CHECK(goes_on(containers, container));

  int ready[2];
  REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    auto held = MonitorConnection::open(containers.where(container));
    const char done = held && held->hold_still() ? 'y' : 'n';
    if (::write(ready[1], &done, 1) == 1) ::pause();
    ::_exit(1);
  }
  char done = 0;
  REQUIRE(::read(ready[0], &done, 1) == 1);
  CHECK(done == 'y');
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  CHECK(goes_on(containers, container));

  // One that was paused stays so.
  CHECK(monitor.pause());
  { const PausedContainer paused(containers.store, container); }
  CHECK(containers.state(container).status == ContainerStatus::paused);
  const std::string at = content_of(upper(containers, container) / "first");
  std::this_thread::sleep_for(50ms);
  CHECK(content_of(upper(containers, container) / "first") == at);
  CHECK(monitor.unpause());
  CHECK(goes_on(containers, container));
  monitor.signal(SIGKILL);
  monitor.wait();
}

TEST_CASE("an image of a container that writes has its files at one moment") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell(counting);
  MonitorConnection monitor = containers.start(container);
  REQUIRE(goes_on(containers, container));
  std::set<std::string> seen;
  for (int round = 0; round < 5; ++round) {
    REQUIRE(goes_on(containers, container));
    const Image image = commit(containers, container);
    const std::string first = read_from(containers, image, "first");
    const std::string second = read_from(containers, image, "second");
    seen.insert(first + second);
    // One of the two may just be empty, between its opening and its writing.
    if (first.empty() || second.empty()) continue;
    const long ahead = std::stol(first) - std::stol(second);
    CHECK((ahead == 0 || ahead == 1));
  }
  CHECK(seen.size() == 5);
  monitor.signal(SIGKILL);
  monitor.wait();
}

TEST_CASE("files go into a container that runs, and out of it, with its mounts") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  containers.store.volumes().create("data", {});
  ContainerConfig config;
  ContainerMount volume;
  volume.type = ContainerMount::Type::volume;
  volume.source = "data";
  volume.target = "/data";
  ContainerMount memory;
  memory.type = ContainerMount::Type::tmpfs;
  memory.target = "/memory";
  config.mounts = {volume, memory};
  const Container container = containers.shell(
      "echo secret > /memory/file; until [ -e /go ]; do usleep 1000; done; "
      "cat /go /data/in /memory/in; stat -c %u:%g /go",
      config);
  MonitorConnection monitor = containers.attach(container);
  const fs::path here = containers.folder / "here";
  put_text(here / "in", "in\n");
  put_text(here / "go", "go\n");
  REQUIRE(becomes_true([&] {
    try {
      copy(containers, container, "/memory/file", (here / "memory").string(), false);
      return content_of(here / "memory") == "secret\n";
    } catch (const Error&) {
      return false;
    }
  }));
  copy(containers, container, (here / "in").string(), "/data", true);
  copy(containers, container, (here / "in").string(), "/memory/", true);
  copy(containers, container, (here / "go").string(), "/", true);
  CHECK(StartedContainers::rest_of(monitor).out == "go\nin\nin\n0:0\n");
  CHECK(content_of(containers.store.volumes().directory("data") / "in") == "in\n");
}

TEST_CASE("nothing goes into a root that is read-only") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  config.read_only = true;
  const Container container = containers.shell("while :; do sleep 1; done", config);
  MonitorConnection monitor = containers.start(container);
  put_text(containers.folder / "file", "file");
  CHECK_THROWS_AS(copy(containers, container, (containers.folder / "file").string(), "/", true),
                  Error);
  monitor.signal(SIGKILL);
  monitor.wait();
}

TEST_CASE("a container that swaps links under a copy keeps it in the container") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const fs::path victim = containers.folder / "victim";
  fs::create_directory(victim);
  // `race` is in turn a directory, a link to one of this machine's, and one out of every root.
  const Container container =
      containers.shell("mkdir /real; while :; do mkdir /race 2>/dev/null; rm -rf /race; ln -s " +
                       victim.string() + " /race; rm /race; ln -s ../../../../../../../../../.." +
                       victim.string() + " /race; rm /race; done");
  MonitorConnection monitor = containers.start(container);
  put_text(containers.folder / "file", "planted");
  const std::string make = "cd '" + containers.folder.path().string() +
                           "' && mkdir -p t/race && cp file t/race/planted && "
                           "tar -cf tar -C t race/planted";
  REQUIRE(std::system(make.c_str()) == 0);
  for (int round = 0; round < 200; ++round) {
    try {
      DescriptorSource tar(
          FileDescriptor(::open((containers.folder / "tar").c_str(), O_RDONLY | O_CLOEXEC)));
      // Not held: the container races with every step of it.
      const auto tree = open_container_tree(containers.store, container, false);
      copy_in(*tree, {"", "/", false, false}, tar);
    } catch (const Error&) {
      // The link led nowhere, or the directory was gone.
      continue;
    }
  }
  CHECK(fs::is_empty(victim));
  monitor.signal(SIGKILL);
  monitor.wait();
}
