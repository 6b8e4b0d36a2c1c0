// Volumes of containers that run.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace slipway;

namespace {

bool contains(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

std::string done(const Workshop& workshop, const std::vector<std::string>& arguments) {
  const Finished finished = workshop.slipway(arguments);
  INFO(finished.err);
  REQUIRE(finished.status == 0);
  return finished.out;
}

std::string in_container(const Workshop& workshop, std::vector<std::string> flags,
                         const std::string& script) {
  std::vector<std::string> arguments{"run", "--network", "none"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.insert(arguments.end(), {"busybox", "sh", "-c", script});
  return done(workshop, arguments);
}

}  // namespace

TEST_CASE("a named volume outlives its containers, and goes when it is told to") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  in_container(workshop, {"--rm", "-v", "data:/srv"}, "echo kept > /srv/file; chown 7:8 /srv/file");
  CHECK(done(workshop, {"volume", "ls", "-q"}) == "data\n");
  CHECK(in_container(workshop, {"--name", "web", "-v", "data:/elsewhere:ro"},
                     "cat /elsewhere/file; stat -c %u:%g /elsewhere/file") == "kept\n7:8\n");
  CHECK(contains(workshop.slipway({"volume", "rm", "data"}).err, "is in use"));
  CHECK(done(workshop, {"rm", "-v", "web"}) == "web\n");
  CHECK(done(workshop, {"volume", "ls", "-q", "--filter", "dangling=true"}) == "data\n");
  CHECK(done(workshop, {"volume", "rm", "data"}) == "data\n");
  CHECK(done(workshop, {"volume", "ls", "-q"}).empty());
}

TEST_CASE("a volume without a name goes with --rm, and with rm -v") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  in_container(workshop, {"--rm", "-v", "/srv"}, "echo x > /srv/file");
  CHECK(done(workshop, {"volume", "ls", "-q"}).empty());
  in_container(workshop, {"--name", "one", "-v", "/srv"}, "echo x > /srv/file");
  done(workshop, {"rm", "one"});
  CHECK(done(workshop, {"volume", "ls", "-q"}).size() == 65);
  CHECK(contains(done(workshop, {"volume", "prune", "-f"}), "Total reclaimed space: 2B"));
  in_container(workshop, {"--name", "two", "-v", "/srv"}, "true");
  done(workshop, {"rm", "-v", "two"});
  CHECK(done(workshop, {"volume", "ls", "-q"}).empty());
}
