// Build contexts that are git repositories, the main one and named ones, from a real `git daemon`.
#include "../executor/git/git_server.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Finished build(const Workshop& workshop, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {SLIPWAY_PROGRAM, "build", "--progress=plain"});
  return run(arguments, {{"SLIPWAY_ROOT", workshop.root()}});
}

// The files of the image; the build must have worked.
fs::path files_of(const Workshop& workshop, std::vector<std::string> arguments) {
  static int made = 0;
  const fs::path folder = workshop.folder() / ("result" + std::to_string(++made));
  arguments.insert(arguments.begin(), {"-o", "type=local,dest=" + folder.string()});
  const Finished built = build(workshop, std::move(arguments));
  INFO(built.err);
  REQUIRE(built.status == 0);
  return folder;
}

// Two versions, the first one tagged, with a context in a subdirectory that has a Dockerfile of
// another name.
struct Project {
  GitServer server;
  ServedRepository repository = server.repository("project");
  std::string first;

  Project() {
    repository.write("Dockerfile", "FROM scratch\nCOPY . /all/\n");
    repository.write("version", "one");
    repository.write("app/Dockerfile", "FROM scratch\nCOPY file /\n");
    repository.write("app/Dockerfile.other", "FROM scratch\nCOPY file /other\n");
    repository.write("app/file", "first");
    first = repository.commit("one");
    repository.git("tag v1");
    repository.write("version", "two");
    repository.write("app/file", "second");
    repository.commit("two");
  }
};

}  // namespace

TEST_CASE("a git repository is the context: its default branch, a tag, a commit, a directory of it") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  const Project project;
  const std::string url = project.repository.url();
  CHECK(read(files_of(workshop, {url}) / "all/version") == "two");
  CHECK(read(files_of(workshop, {url + "#v1"}) / "all/version") == "one");
  CHECK(read(files_of(workshop, {url + "#" + project.first}) / "all/version") == "one");
  CHECK(read(files_of(workshop, {url + "#v1:app"}) / "file") == "first");
  CHECK(read(files_of(workshop, {url + "?ref=v1&subdir=app"}) / "file") == "first");
  CHECK(read(files_of(workshop, {url + "?ref=v1&checksum=" + project.first}) / "all/version") ==
        "one");
  CHECK(read(files_of(workshop, {"-f", "Dockerfile.other", url + "#main:app"}) / "other") ==
        "second");
}

TEST_CASE("the repository's own files are in the context only where they are asked for") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  const Project project;
  CHECK_FALSE(fs::exists(files_of(workshop, {project.repository.url()}) / "all/.git"));
  const fs::path kept = files_of(
      workshop, {"--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", project.repository.url()});
  CHECK(fs::exists(kept / "all/.git/HEAD"));
}

TEST_CASE("a branch that has not moved is all hits, one that has is built anew") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  const Project project;
  const std::string url = project.repository.url() + "#main";
  REQUIRE(build(workshop, {url}).status == 0);
  CHECK(contains(build(workshop, {url}).err, " 0 misses"));
  project.repository.write("version", "three");
  project.repository.commit("three");
  const Finished moved = build(workshop, {url});
  CHECK(moved.status == 0);
  CHECK(contains(moved.err, "version: content"));
}

TEST_CASE("a named context may be a git repository") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  const Project project;
  workshop.write("Dockerfile", "FROM scratch\nCOPY --from=project version /\n");
  const std::string named = "project=" + project.repository.url() + "#v1";
  CHECK(read(files_of(workshop, {"--build-context", named, workshop.context()}) / "version") ==
        "one");
}

TEST_CASE("what a repository does not have is named, and another commit is refused") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  const Project project;
  const std::string url = project.repository.url();
  const auto refused = [&](const std::string& context, std::string_view part) {
    const Finished built = build(workshop, {context});
    CAPTURE(context);
    CAPTURE(built.err);
    CHECK(built.status == 1);
    CHECK(contains(built.err, part));
  };
  refused(url + "#nowhere", "does not contain ref \"nowhere\"");
  refused(url + "#v1:ap", "did you mean \"app\"?");
  refused(project.server.url("missing"), "there is no repository");
  refused(url + "?ref=main&checksum=" + project.first, project.first.substr(0, 7));
  refused(url + "#--upload-pack=touch", "invalid git ref");
}
