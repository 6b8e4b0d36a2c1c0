// Images of containers.
#include "container_fixture.hpp"

#include <cache/containers/volumes.hpp>
#include <cache/layers/overlay_marks.hpp>
#include <executor/containers/commit.hpp>
#include <executor/containers/container_tree.hpp>
#include <executor/containers/own_layer.hpp>
#include <executor/export/merged.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <map>
#include <thread>

namespace fs = std::filesystem;
using namespace slipway;

namespace {

constexpr const char* image_script = R"(
  mkdir -p dir/sub etc; chmod 750 dir
  for file in dir/file dir/gone dir/sub/a dir/sub/b etc/passwd; do echo text of $file > $file; done
)";

CommitRequest request_for(Containers& containers, const Container& container) {
  CommitRequest request;
  request.config = config_of(containers.store, container);
  request.author = "Ada";
  request.message = "by hand";
  request.created = "2026-11-30T20:00:00Z";
  return request;
}

// Every path of an image with what `ls` would show of it, and a file's content.
std::map<std::string, std::string> files_of(Containers& containers, const LayerStack& layers) {
  std::map<std::string, std::string> files;
  const StackView view = containers.store.layers().view(layers);
  walk_merged(view, [&](const Entry& entry) {
    std::string text = std::to_string(static_cast<int>(entry.type)) + " " +
                       std::to_string(entry.mode) + " " + std::to_string(entry.uid) + ":" +
                       std::to_string(entry.gid) + " " + entry.link_target + entry.hard_link + " ";
    for (const auto& [name, value] : entry.xattrs) text += name + "=" + value + " ";
    if (entry.type == Entry::Type::file)
      read_merged(view, entry, [&](std::span<const std::byte> bytes) {
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      });
    files[entry.path] = text;
  });
  return files;
}

// The layer is what its names say: its tar has the diffID, its index is whole, and what it reads of
// a file is what the index says.
void check_layer(Containers& containers, const LayerRef& layer) {
  Hasher tar;
  containers.store.layers().write_tar(layer.diff_id,
                                      [&](std::span<const std::byte> bytes) { tar.update(bytes); });
  CHECK(tar.finish() == layer.diff_id.digest);
  const auto index = containers.store.layers().index(layer.diff_id);
  index->verify();
  const StackView alone({{containers.store.layers().directory(layer.diff_id), index}});
  for (std::size_t at = 0; at < index->size(); ++at) {
    const Entry entry = index->entry(at);
    if (entry.type != Entry::Type::file) continue;
    Hasher content;
    read_merged(alone, entry, [&](std::span<const std::byte> bytes) { content.update(bytes); });
    CHECK_MESSAGE(content.finish() == entry.content, entry.path);
  }
}

}  // namespace

TEST_CASE("a committed image has the container's files, settings and history") {
  Containers containers(image_script);
  ContainerConfig config;
  config.entrypoint = {"/bin/app"};
  config.command = {"serve", "--port", "80"};
  config.environment = {"PATH=/bin", "NAME=value"};
  config.user = "7";
  config.working_directory = "/dir";
  config.labels = {{"a", "b"}};
  config.exposed_ports = {"80/tcp"};
  config.stop_signal = "SIGINT";
  config.shell = {"/bin/bash", "-c"};
  const Container container = containers.create("changed", config);
  const fs::path upper = containers.upper(container);
  shell(upper,
        "mkdir -p dir/sub etc new; chmod 751 dir; chown 3:4 new; mknod dir/gone c 0 0; "
        "echo changed > dir/file; echo 1 > new/one; ln new/one new/two; ln -s one new/link; "
        "chmod 4711 new/one; mkfifo new/pipe; : > new/empty; cp -p '" +
            (containers.store.layers().directory(containers.image.layers[0].diff_id) / "etc/passwd")
                .string() +
            "' etc/passwd; echo c > dir/sub/c");
  REQUIRE(::setxattr((upper / "dir/sub").c_str(), opaque_mark(), "y", 1, 0) == 0);
  REQUIRE(::setxattr((upper / "dir/file").c_str(), "user.kept", "yes", 3, 0) == 0);
  const std::string base = containers.image.config_json;
  const auto before = container_changes(containers.store, container);

  const Image image =
      commit_container(containers.store, container, request_for(containers, container));

  REQUIRE(image.layers.size() == 2);
  CHECK(image.layers[0] == containers.image.layers[0]);
  check_layer(containers, image.layers[1]);
  const auto files = files_of(containers, image.layers);
  CHECK(files.at("dir/file").ends_with("user.kept=yes changed\n"));
  CHECK(files.at("dir").starts_with("1 489 "));
  CHECK_FALSE(files.contains("dir/gone"));
  CHECK_FALSE(files.contains("dir/sub/a"));
  CHECK(files.contains("dir/sub/c"));
  CHECK(files.at("new") == "1 493 3:4  ");
  CHECK(files.at("new/two").find("new/one") != std::string::npos);
  CHECK(files.at("new/one").starts_with("0 2505 "));
  CHECK(files.contains("new/pipe"));
  CHECK(files.at("etc/passwd") == files_of(containers, containers.image.layers).at("etc/passwd"));
  CHECK_FALSE(containers.store.layers().index(image.layers[1].diff_id)->find("etc/passwd"));

  CHECK(image.config.entrypoint == config.entrypoint);
  CHECK(image.config.cmd == config.command);
  CHECK(image.config.env == config.environment);
  CHECK(image.config.user == "7");
  CHECK(image.config.working_dir == "/dir");
  CHECK(image.config.labels == config.labels);
  CHECK(image.config.exposed_ports == config.exposed_ports);
  CHECK(image.config.stop_signal == "SIGINT");
  CHECK(image.config.shell == config.shell);
  CHECK(image.config.author == "Ada");
  REQUIRE(image.config.history.size() == 2);
  CHECK(image.config.history[0].created_by == "image");
  const HistoryEntry& last = image.config.history[1];
  CHECK(last.created_by == "serve --port 80");
  CHECK(last.comment == "by hand");
  CHECK(last.author == "Ada");
  CHECK(last.created == "2026-11-30T20:00:00Z");
  CHECK_FALSE(last.empty_layer);

  // The container has what it had, and the image it came from is as it was.
  CHECK(content_of(upper / "dir/file") == "changed\n");
  CHECK(container_changes(containers.store, container).size() == before.size());
  CHECK(containers.store.images().find(containers.image.id)->config_json == base);
  // The same again is the same image.
  CHECK(commit_container(containers.store, container, request_for(containers, container)).id ==
        image.id);
}

TEST_CASE("an image of a container that has changed nothing has a line of history and no layer") {
  Containers containers(image_script);
  const Container container = containers.create("idle");
  std::ofstream(containers.store.containers().folder(container.id) / "stubs") << "etc/hosts\n";
  shell(containers.upper(container), "mkdir etc; : > etc/hosts");
  const Image image =
      commit_container(containers.store, container, request_for(containers, container));
  CHECK(image.layers == containers.image.layers);
  REQUIRE(image.config.history.size() == 2);
  CHECK(image.config.history[1].empty_layer);
}

TEST_CASE("anonymous volumes stay volumes of the image, named ones do not become any") {
  Containers containers(image_script);
  ContainerConfig config;
  ContainerMount anonymous;
  anonymous.type = ContainerMount::Type::volume;
  anonymous.source = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  anonymous.target = "/var/lib/data";
  anonymous.anonymous = true;
  ContainerMount named = anonymous;
  named.source = "mine";
  named.target = "/mine";
  named.anonymous = false;
  config.mounts = {anonymous, named};
  for (const ContainerMount& mount : config.mounts)
    containers.store.volumes().create(mount.source, {});
  const Container container = containers.create("volumes", config);
  CHECK(config_of(containers.store, container).volumes == std::set<std::string>{"/var/lib/data"});
}

TEST_CASE("holes stay holes, and are in the digest") {
  Containers containers(image_script);
  const Container container = containers.create("sparse");
  const fs::path upper = containers.upper(container);
  shell(upper,
        "truncate -s 8M end; echo begin > both; truncate -s 4M both; echo end >> both; "
        "truncate -s 1048577 odd");
  const Image image =
      commit_container(containers.store, container, request_for(containers, container));
  check_layer(containers, image.layers.back());
  const fs::path made = containers.store.layers().directory(image.layers.back().diff_id);
  for (const char* name : {"end", "both", "odd"}) {
    struct stat status {};
    REQUIRE(::stat((made / name).c_str(), &status) == 0);
    CHECK(status.st_blocks * 512 < 64 * 1024);
    CHECK(fs::file_size(made / name) == fs::file_size(upper / name));
  }
}

TEST_CASE("a file whose first name goes away before it is copied has its other names") {
  Containers containers(image_script);
  const Container container = containers.create("busy");
  const fs::path upper = containers.upper(container);
  shell(upper, "echo text > a; ln a b; ln a c; ln a d; echo x > e; ln e f");
  const OwnLayer layer(containers.store, container, true);
  shell(upper, "rm a b e f");
  Staging staging = containers.store.layers().stage();
  const BuiltLayer built = layer.copy_to(staging);
  const LayerRef made = containers.store.layers().commit(std::move(staging), built);
  check_layer(containers, made);
  const auto index = containers.store.layers().index(made.diff_id);
  REQUIRE(index->size() == 2);
  CHECK(index->entry(0).path == "c");
  CHECK(index->entry(0).hard_link.empty());
  CHECK(index->entry(1).path == "d");
  CHECK(index->entry(1).hard_link == "c");
  CHECK(content_of(containers.store.layers().directory(made.diff_id) / "d") == "text\n");
}

TEST_CASE("one that does not run is held while it is committed, with a pause or without") {
  Containers containers(image_script);
  const Container container = containers.create("idle");
  CommitRequest request = request_for(containers, container);
  request.pause = false;
  auto lock = ContainerLock::attempt(containers.store.containers().folder(container.id));
  REQUIRE(lock);
  auto committed = std::async(std::launch::async, [&] {
    return commit_container(containers.store, container, request).layers.size();
  });
  // Long enough for one that does not wait to be seen.
  CHECK(committed.wait_for(std::chrono::milliseconds(200)) == std::future_status::timeout);
  lock.reset();
  CHECK(committed.get() == 1);
}

TEST_CASE("a container that goes on gives torn files at most, never a torn layer") {
  Containers containers(image_script);
  const Container container = containers.create("busy");
  const fs::path upper = containers.upper(container);
  shell(upper,
        "mkdir d; for i in $(seq 200); do echo $i > d/$i; done; head -c 4000000 /dev/zero > big");

  const std::jthread writer([&upper](const std::stop_token& stop) {
    const int big = ::open((upper / "big").c_str(), O_RDWR | O_CLOEXEC);
    std::string noise(4096, 'x');
    for (unsigned round = 0; !stop.stop_requested(); ++round) {
      // Longer, shorter, other bytes; files that come, go and become something else.
      noise[0] = static_cast<char>('a' + round % 26);
      ::pwrite(big, noise.data(), noise.size(), (round * 7919L * 4096) % 4000000);
      if (round % 7 == 0) ::ftruncate(big, 2'000'000 + (round % 1000) * 2'000);
      const fs::path name = upper / "d" / std::to_string(1 + round % 200);
      std::error_code ignored;
      switch (round % 4) {
        case 0:
          fs::remove(name, ignored);
          break;
        case 1:
          fs::create_directory(name, ignored);
          break;
        case 2:
          fs::remove(name, ignored);
          break;
        default:
          fs::create_symlink("/etc/shadow", name, ignored);
      }
      fs::create_directories(upper / "come" / std::to_string(round % 5) / "and", ignored);
      fs::remove_all(upper / "come" / std::to_string((round + 2) % 5), ignored);
    }
    ::close(big);
  });
  for (int round = 0; round < 3; ++round) {
    Staging staging = containers.store.layers().stage();
    const BuiltLayer built = OwnLayer(containers.store, container, true).copy_to(staging);
    check_layer(containers, containers.store.layers().commit(std::move(staging), built));
  }
}
