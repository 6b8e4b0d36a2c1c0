// slipway build --print=ast: a tool of its own, which needs no store.
#include "../cache/temporary_folder.hpp"
#include "program.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a tree is printed as text or as JSON, and no store is made for it") {
  TemporaryFolder folder;
  folder.write("Dockerfile", "FROM scratch\nCOPY a /\n");
  const std::string root = folder / "store";
  const Outcome text = run_slipway({"--root", root, "build", "--print=ast", folder.path()});
  CHECK(text.status == 0);
  CHECK(has(text.out, "COPY \"COPY a /\" [2:1-2:9]"));
  CHECK(run_slipway({"--root", root, "build", "--print=ast", "--format=text", folder.path()}).out ==
        text.out);

  const Outcome outcome =
      run_slipway({"--root", root, "build", "--print=ast", "--format=json", folder.path()});
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  const auto tree = nlohmann::json::parse(outcome.out);
  CHECK(tree["file"] == (folder / "Dockerfile").string());
  CHECK(tree["stages"][0]["instructions"][0]["destination"]["text"] == "/");
  CHECK_FALSE(std::filesystem::exists(root));
}

TEST_CASE("a format that --print cannot have is refused") {
  TemporaryFolder folder;
  folder.write("Dockerfile", "FROM scratch\n");
  const std::string root = folder / "store";
  const Outcome alone = run_slipway({"--root", root, "build", "--format=json", folder.path()});
  CHECK(alone.status == 1);
  CHECK(has(alone.err, "--print=ast"));
  const Outcome dot =
      run_slipway({"--root", root, "build", "--print=dot", "--format=json", folder.path()});
  CHECK(dot.status == 1);
  CHECK(has(dot.err, "no JSON form"));
  CHECK(run_slipway({"build", "--print=ast", "--format=yaml", folder.path()}).status == 125);
  CHECK_FALSE(std::filesystem::exists(root));
}

TEST_CASE("a Dockerfile with mistakes has no tree") {
  TemporaryFolder folder;
  folder.write("Dockerfile", "FROM scratch\nCOYP a /\n");
  const Outcome outcome = run_slipway({"build", "--print=ast", "--format=json", folder.path()});
  CHECK(outcome.status == 1);
  CHECK(outcome.out.empty());
  CHECK(has(outcome.err, "did you mean \"COPY\"?"));
}
