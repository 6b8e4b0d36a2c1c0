// What is mounted in a container, and what is left of it.
#include "started.hpp"

#include <cache/containers/volumes.hpp>
#include <executor/containers/mounts.hpp>

using namespace slipway;
namespace fs = std::filesystem;
using Type = ContainerMount::Type;

TEST_CASE("directories and files of this machine, volumes, and memory") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const fs::path host = containers.folder.path() / "host";
  put_text(host / "inside/file", "host\n");
  fs::create_directories(host / "inside/dir");
  put_text(host / "single", "single\n");
  containers.store.volumes().create("data", {});
  ContainerConfig config;
  // The outer one last: the order does not matter.
  config.mounts = {
      {.source = (host / "single").string(), .target = "/mnt/dir/file"},
      {.source = (host / "inside").string(), .target = "/mnt"},
      {.source = (host / "inside").string(), .target = "/ro", .read_only = true},
      {.type = Type::volume, .source = "data", .target = "/var/data"},
      {.type = Type::tmpfs, .source = {}, .target = "/cache", .size = 1 << 20, .mode = 0750},
      {.type = Type::tmpfs, .source = {}, .target = "/programs", .exec = true}};
  const Container container = containers.shell(
      "cat /mnt/file /mnt/dir/file; echo new > /mnt/new; (echo x > /ro/x) 2> /dev/null || echo ro; "
      "echo kept > /var/data/kept; stat -c %a /cache; df -k /cache | awk 'NR > 1 {print $2}'; "
      "grep ' /cache ' /proc/self/mountinfo | grep -c noexec; "
      "grep ' /programs ' /proc/self/mountinfo | grep -c noexec; echo x > /mnt/dir/file",
      config);
  CHECK(containers.run(container).out == "host\nsingle\nro\n750\n1024\n1\n0\n");
  CHECK(content_of(host / "inside/new") == "new\n");
  CHECK(content_of(host / "single") == "x\n");
  CHECK(content_of(containers.store.volumes().directory("data") / "kept") == "kept\n");
  // None of it is in the container's layer.
  CHECK_FALSE(fs::exists(containers.where(container) / "upper/mnt/new"));
  CHECK(fs::exists(containers.where(container) / "upper/mnt"));
}

TEST_CASE("what was made for mounts is noted once, and stays") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  containers.store.volumes().create("data", {});
  ContainerConfig config;
  config.mounts = {{.type = Type::volume, .source = "data", .target = "/a/b"}};
  const Container container = containers.shell("echo real > /real", config);
  containers.run(container);
  const std::string noted = content_of(containers.where(container) / "stubs");
  CHECK(noted == "/proc\n/sys\n/dev\n/a\n/a/b\n/etc/hostname\n/etc/hosts\n/etc/resolv.conf\n");
  CHECK(fs::exists(containers.where(container) / "upper/a/b"));
  containers.run(container);
  CHECK(content_of(containers.where(container) / "stubs") == noted);
}

TEST_CASE("the files of names can be written, are new at each start, and give way to the user's") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  config.extra_hosts = {{"db", "10.1.2.3"}};
  const Container container = containers.shell(
      "grep -c mine /etc/hosts; echo '1.2.3.4 mine' >> /etc/hosts; grep db /etc/hosts; "
      "grep $(hostname) /etc/hosts",
      config);
  const std::string line = "127.0.0.1\t" + container.id.substr(0, 12) + " " + container.name + "\n";
  CHECK(containers.run(container).out == "0\n10.1.2.3\tdb\n" + line);
  CHECK(containers.run(container).out == "0\n10.1.2.3\tdb\n" + line);
  const fs::path own = containers.folder.path() / "own";
  put_text(own, "own\n");
  config.mounts = {{.source = own.string(), .target = "/etc/hosts"}};
  CHECK(containers.run("cat /etc/hosts", config).out == "own\n");
}

TEST_CASE("links of the image lead no mount out of the container") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const fs::path host = containers.folder.path() / "host";
  fs::create_directories(host);
  ContainerConfig config;
  config.mounts = {{.type = Type::tmpfs, .source = {}, .target = "/way/out"}};
  const Container container = containers.shell("ls -a /way/", config);
  fs::create_symlink(host, containers.where(container) / "upper/way");
  CHECK(containers.run(container).exit_code == 0);
  CHECK(fs::is_empty(host));
}

TEST_CASE("a device in a mount of this machine's cannot be opened") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  config.mounts = {{.source = "/dev", .target = "/host"}};
  CHECK(containers.run("head -c 1 /host/zero > /dev/null 2>&1 || echo closed", config).out ==
        "closed\n");
}
