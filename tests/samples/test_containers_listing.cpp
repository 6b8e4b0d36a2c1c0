// Containers that run, as ps, inspect, rm, rmi and prune see them.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace slipway;
using Json = nlohmann::json;

namespace {

bool contains(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

// What must work before a test can say anything.
std::string done(const Workshop& workshop, const std::vector<std::string>& arguments) {
  const Finished finished = workshop.slipway(arguments);
  INFO(finished.err);
  REQUIRE(finished.status == 0);
  return finished.out;
}

std::string line(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// Whatever a test that failed has left running.
struct Cleared {
  const Workshop& workshop;
  ~Cleared() {
    std::vector<std::string> arguments{"rm", "-fv"};
    const std::string ids = workshop.slipway({"ps", "-aq"}).out;
    for (std::size_t start = 0; start < ids.size(); start = ids.find('\n', start) + 1)
      arguments.push_back(ids.substr(start, ids.find('\n', start) - start));
    if (arguments.size() > 2) (void)workshop.slipway(arguments);
  }
};

}  // namespace

TEST_CASE("a container is listed, inspected and removed while it runs and after it") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  const Cleared cleared{workshop};
  const std::string id =
      line(done(workshop, {"run", "-d", "--network", "none", "--name", "web", "--label", "team=a",
                           "busybox", "sh", "-c", "echo x > /own; exec sleep 1000"}));
  CHECK(id.size() == 64);
  const std::string table = done(workshop, {"ps"});
  CHECK(contains(table, id.substr(0, 12)));
  CHECK(contains(table, "busybox"));
  CHECK(contains(table, "Up "));
  CHECK(done(workshop, {"ps", "-q", "--no-trunc", "--filter", "label=team=a"}) == id + "\n");
  const Json json = Json::parse(done(workshop, {"inspect", "web"}))[0];
  CHECK(json["Id"] == id);
  CHECK(json["State"]["Running"] == true);
  CHECK(json["State"]["Pid"].get<std::int64_t>() > 0);
  CHECK(json["NetworkSettings"]["Networks"].contains("none"));

  CHECK(workshop.slipway({"rm", "web"}).status == 1);
  CHECK(contains(workshop.slipway({"rmi", "-f", json["Image"].get<std::string>()}).err,
                 "image is being used by running container " + id.substr(0, 12)));
  CHECK(done(workshop, {"rename", "web", "site"}).empty());
  CHECK(done(workshop, {"stop", "-t", "0", "site"}) == "site\n");
  CHECK(done(workshop, {"ps", "-q"}).empty());
  CHECK(contains(done(workshop, {"ps", "-a"}), "Exited (137) "));
  CHECK(done(workshop, {"ps", "-aq", "--filter", "exited=137", "--filter", "name=site"}) ==
        id.substr(0, 12) + "\n");
  CHECK(done(workshop, {"rm", "site"}) == "site\n");
  CHECK(done(workshop, {"ps", "-aq"}).empty());
  CHECK_FALSE(std::filesystem::exists(workshop.root() / "containers" / id));
}

TEST_CASE("a container starts although its image has gone, and its layers stay with it") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  const Cleared cleared{workshop};
  workshop.write("Dockerfile", "FROM busybox\nRUN echo built > /built\n");
  REQUIRE(workshop.build({"-t", "app"}).status == 0);
  const std::string id = line(
      done(workshop, {"create", "--network", "none", "--name", "web", "app", "cat", "/built"}));
  CHECK(contains(workshop.slipway({"rmi", "app"}).err, "is using its referenced image"));
  CHECK(contains(done(workshop, {"rmi", "-f", "app"}), "Deleted: sha256:"));
  done(workshop, {"rmi", "-f", "busybox"});
  done(workshop, {"prune", "-af"});
  CHECK(done(workshop, {"start", "-a", "web"}) == "built\n");
  CHECK(contains(done(workshop, {"ps", "-a"}), "Exited (0) "));
  CHECK(contains(done(workshop, {"container", "prune", "-f"}), id));
  done(workshop, {"prune", "-af"});
  CHECK(std::filesystem::is_empty(workshop.root() / "layers"));
  CHECK(contains(done(workshop, {"fsck"}), "all is sound"));
}

TEST_CASE("ps --size shows what a container has changed, and that with its image") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  const Cleared cleared{workshop};
  done(workshop, {"run", "--network", "none", "--name", "web", "busybox", "dd", "if=/dev/zero",
                  "of=/own", "bs=1000", "count=3000"});
  const std::string sizes = done(workshop, {"ps", "-a", "--format", "{{.Size}}"});
  CHECK(contains(sizes, "3MB (virtual "));
  const Json json = Json::parse(done(workshop, {"inspect", "--size", "web"}))[0];
  CHECK(json["SizeRw"] == 3'000'000);
  CHECK(json["SizeRootFs"].get<std::uint64_t>() > 3'000'000);
}
