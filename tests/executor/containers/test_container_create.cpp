// What a container is made of: the flags, the image, and the volumes of both.
#include "../../cache/temporary_folder.hpp"

#include <cache/containers/networks.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/store.hpp>
#include <executor/containers/create.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

ImageConfig image_config() {
  ImageConfig image;
  image.platform = host_platform();
  image.entrypoint = Words{"/entry"};
  image.cmd = Words{"serve", "--fast"};
  image.env = {"PATH=/bin", "MODE=image", "GONE=1"};
  image.working_dir = "/srv";
  image.user = "app";
  image.stop_signal = "SIGINT";
  image.labels = {{"a", "image"}, {"b", "image"}};
  image.exposed_ports = {"80/tcp"};
  image.shell = {"/bin/ash", "-c"};
  return image;
}

struct TestStore {
  TemporaryFolder folder;
  Store store{folder / "state"};
  std::vector<Diagnostic> notes;

  Image image(ImageConfig config) {
    const Digest id = store.images().put(write_image_config(config));
    return *store.images().find(id);
  }
  Container create(const ContainerRequest& request, const Image& image) {
    return create_container(store, image, "app", request,
                            [this](const Diagnostic& note) { notes.push_back(note); });
  }
};

AskedMount volume(const std::string& name, const std::string& target) {
  AskedMount asked;
  asked.mount.type = ContainerMount::Type::volume;
  asked.mount.source = name;
  asked.mount.target = target;
  return asked;
}

AskedMount bind(const fs::path& source, const std::string& target) {
  AskedMount asked;
  asked.mount.source = source.string();
  asked.mount.target = target;
  return asked;
}

}  // namespace

TEST_CASE("what was not asked for is the image's") {
  const ContainerConfig config = merged_config({}, image_config());
  CHECK(config.entrypoint == Words{"/entry"});
  CHECK(config.command == Words{"serve", "--fast"});
  CHECK(config.environment == Words{"PATH=/bin", "MODE=image", "GONE=1"});
  CHECK(config.working_directory == "/srv");
  CHECK(config.user == "app");
  CHECK(config.stop_signal == "SIGINT");
  CHECK(config.labels.size() == 2);
  CHECK(config.exposed_ports == std::set<std::string>{"80/tcp"});
  CHECK(config.platform == host_platform());
  CHECK(config.shell == Words{"/bin/ash", "-c"});
}

TEST_CASE("what was asked for takes its place, or comes to it") {
  ContainerRequest request;
  request.config.command = {"other"};
  request.config.environment = {"NEW=2", "MODE=mine", "GONE", "NOT_THERE"};
  request.config.working_directory = "/";
  request.config.user = "0";
  request.config.stop_signal = "9";
  request.config.labels = {{"a", "mine"}};
  request.config.ports = {{"", 8080, 443, "tcp"}};
  const ContainerConfig config = merged_config(request, image_config());
  CHECK(config.entrypoint == Words{"/entry"});
  CHECK(config.command == Words{"other"});
  CHECK(config.environment == Words{"PATH=/bin", "MODE=mine", "NEW=2"});
  CHECK(config.working_directory == "/");
  CHECK(config.user == "0");
  CHECK(config.stop_signal == "9");
  CHECK(config.labels == std::map<std::string, std::string>{{"a", "mine"}, {"b", "image"}});
  CHECK(config.exposed_ports == std::set<std::string>{"443/tcp", "80/tcp"});
}

TEST_CASE("an entrypoint drops the image's command with its entrypoint") {
  ContainerRequest request;
  request.entrypoint = Words{"ls"};
  CHECK(merged_config(request, image_config()).entrypoint == Words{"ls"});
  CHECK(merged_config(request, image_config()).command.empty());
  request.entrypoint = Words();
  CHECK_THROWS_WITH_AS(merged_config(request, image_config()),
                       "the image has no command, and none was given", Error);
  request.config.command = {"ls"};
  CHECK(merged_config(request, image_config()).entrypoint.empty());
  CHECK(merged_config(request, image_config()).command == Words{"ls"});
  ImageConfig bare;
  CHECK_THROWS_AS(merged_config({}, bare), Error);
}

TEST_CASE("a health check is the image's, field by field") {
  ImageConfig image = image_config();
  image.healthcheck = HealthcheckConfig{{"CMD", "probe"}, 5, 6, 7, 8, 9};
  CHECK(merged_config({}, image).healthcheck == image.healthcheck);
  ContainerRequest request;
  request.config.healthcheck = HealthcheckConfig{};
  request.config.healthcheck->interval = 50;
  const auto merged = merged_config(request, image).healthcheck;
  REQUIRE(merged);
  CHECK(merged->test == Words{"CMD", "probe"});
  CHECK(merged->interval == 50);
  CHECK(merged->retries == 9);
  // Without a probe there is nothing to do every so often.
  CHECK_FALSE(merged_config(request, image_config()).healthcheck.has_value());
  request.config.healthcheck->test = {"NONE"};
  CHECK(merged_config(request, image).healthcheck->test == Words{"NONE"});
}

TEST_CASE("volumes of the image are made for the container, where nothing else is mounted") {
  TestStore test;
  ImageConfig config = image_config();
  config.volumes = {"/data/", "logs", "/kept"};
  ContainerRequest request;
  request.mounts = {volume("mine", "/kept")};
  const Container container = test.create(request, test.image(config));
  REQUIRE(container.config.mounts.size() == 3);
  CHECK(container.config.mounts[0].source == "mine");
  CHECK_FALSE(container.config.mounts[0].anonymous);
  for (const auto& [place, target] : {std::pair(1, "/data"), std::pair(2, "/logs")}) {
    const ContainerMount& mount = container.config.mounts[static_cast<std::size_t>(place)];
    CHECK(mount.target == target);
    CHECK(mount.anonymous);
    CHECK(mount.source.size() == 64);
    CHECK(test.store.volumes().users(mount.source) == std::vector<std::string>{container.id});
  }
  CHECK(test.store.volumes().list().size() == 3);
  // A named one is there for the next container; anonymous ones are not.
  const Container second = test.create(request, test.image(config));
  CHECK(second.config.mounts[0].source == "mine");
  CHECK(test.store.volumes().list().size() == 5);
}

TEST_CASE("mounts of another container come along, without what is in memory") {
  TestStore test;
  const Image image = test.image(image_config());
  const fs::path here = test.folder / "here";
  fs::create_directory(here);
  ContainerRequest first;
  first.name = "first";
  first.mounts = {volume("data", "/data"), bind(here, "/here"), volume("", "/own")};
  AskedMount memory;
  memory.mount.type = ContainerMount::Type::tmpfs;
  memory.mount.target = "/memory";
  first.mounts.push_back(memory);
  const Container from = test.create(first, image);
  ContainerRequest second;
  second.volumes_from = {{"first", true}};
  second.mounts = {volume("other", "/data")};
  const Container container = test.create(second, image);
  REQUIRE(container.config.mounts.size() == 3);
  CHECK(container.config.mounts[0].target == "/here");
  CHECK(container.config.mounts[0].read_only);
  CHECK(container.config.mounts[1].source == from.config.mounts[2].source);
  CHECK(container.config.mounts[2].source == "other");
  second.volumes_from = {{"nobody", {}}};
  CHECK_THROWS_AS(test.create(second, image), NoSuchContainer);
}

TEST_CASE("a directory of this machine is made for --volume, and missed for --mount") {
  TestStore test;
  const Image image = test.image(image_config());
  ContainerRequest request;
  request.mounts = {bind(test.folder / "new/er", "/x")};
  CHECK_THROWS_AS(test.create(request, image), Error);
  CHECK(test.store.containers().list().empty());
  request.mounts[0].makes_source = true;
  test.create(request, image);
  CHECK(fs::is_directory(test.folder / "new/er"));
  request.mounts.push_back(volume("", "/x"));
  CHECK_THROWS_WITH_AS(test.create(request, image), "two mounts have the same target, \"/x\"",
                       Error);
}

TEST_CASE("a container that cannot be made leaves no anonymous volume") {
  TestStore test;
  const Image image = test.image(image_config());
  ContainerRequest request;
  request.name = "taken";
  test.create(request, image);
  request.mounts = {volume("", "/a"), volume("named", "/b")};
  CHECK_THROWS_AS(test.create(request, image), Error);
  REQUIRE(test.store.volumes().list().size() == 1);
  CHECK(test.store.volumes().list().front().name == "named");
}

TEST_CASE("networks are looked up when the container is made") {
  TestStore test;
  const Image image = test.image(image_config());
  ContainerRequest request;
  request.config.network = "nowhere";
  CHECK_THROWS_AS(test.create(request, image), NoSuchNetwork);
  // By its ID or the beginning of one it is kept by its name.
  Network back;
  back.name = "back";
  back.subnet = "10.91.0.0/24";
  back.gateway = "10.91.0.1";
  const std::string id = test.store.networks().create(back).id;
  for (const std::string& asked : {std::string("back"), id, id.substr(0, 12)}) {
    request.config.network = asked;
    CHECK(test.create(request, image).config.network == "back");
  }
  request.config.network = "container:nobody";
  CHECK_THROWS_AS(test.create(request, image), NoSuchContainer);
  ContainerRequest other;
  other.name = "other";
  const Container container = test.create(other, image);
  request.config.network = "container:other";
  CHECK(test.create(request, image).config.network == "container:" + container.id);
  request.config.network = "host";
  request.config.ports = {{"", 80, 80, "tcp"}};
  CHECK(test.create(request, image).config.ports.empty());
  REQUIRE(test.notes.size() == 1);
  CHECK(test.notes.front().message.find("nothing to publish") != std::string::npos);
}
