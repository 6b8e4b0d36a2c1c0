// Golden graphs: cases/NAME/Dockerfile, lowered with cases/NAME/options, gives
// cases/NAME/graph.txt. A wrong Dockerfile gives its messages. SLIPWAY_UPDATE_GOLDEN=1 writes the
// files anew.
#include "dockerfiles.hpp"

#include <frontend/parse.hpp>
#include <ir/dump.hpp>
#include <ir/lower.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

using namespace slipway;
using namespace slipway::testing;

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The images there are. Everything that a base can hand on is in one of them.
ImageShelf shelf_of_images() {
  ImageShelf shelf;
  ImageConfig debian;
  debian.env = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
  debian.cmd = {"bash"};
  shelf.put("debian:bookworm", debian);

  ImageConfig golang;
  golang.env = {"PATH=/go/bin:/usr/bin:/bin", "GOPATH=/go"};
  golang.working_dir = "/go";
  golang.user = "builder:builders";
  golang.labels = {{"maintainer", "gophers"}};
  golang.entrypoint = {"/entry"};
  golang.cmd = {"serve"};
  golang.exposed_ports = {"80/tcp"};
  golang.shell = {"/bin/bash", "-ec"};
  HistoryEntry entry;
  entry.created_by = "ADD rootfs /";
  golang.history = {entry};
  shelf.put("golang:1.22", golang);

  ImageConfig onbuild;
  onbuild.on_build = {"COPY . /app", "RUN install"};
  shelf.put("node:onbuild", onbuild);
  shelf.images["node:onbuild"].triggers = parse_triggers(onbuild.on_build, "node:onbuild");
  shelf.put("nginx");
  return shelf;
}

// One option a line: "target build", "build-arg A=1", "context docs=directory", ...
LowerOptions read_options(const std::filesystem::path& path) {
  LowerOptions options = amd64_options();
  options.parse_triggers = parse_triggers;
  std::istringstream lines(read(path));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string name = line.substr(0, blank);
    const std::string value = line.substr(std::min(blank + 1, line.size()));
    const std::size_t equals = std::min(value.find('='), value.size());
    const std::string key = value.substr(0, equals);
    const std::string rest = value.substr(std::min(equals + 1, value.size()));
    if (name == "target") {
      options.target = value;
    } else if (name == "build-arg") {
      options.build_args[key] = rest;
    } else if (name == "label") {
      options.labels[key] = rest;
    } else if (name == "platform") {
      options.target_platform = parse_platform(value);
    } else if (name == "no-cache-filter") {
      options.no_cache_stages.push_back(value);
    } else if (name == "network") {
      options.network = RunProcess::Network::none;
    } else if (name == "allow") {
      options.granted = every_entitlement();
    } else if (name == "add-host") {
      options.extra_hosts.emplace_back(key, rest);
    } else if (name == "context" && rest == "directory") {
      options.contexts[key] = {NamedContext::Kind::directory, ""};
    } else if (name == "context") {
      options.contexts[key] = {NamedContext::Kind::image, rest};
    } else {
      FAIL("unknown option in " << path.string() << ": " << line);
    }
  }
  return options;
}

std::string lowered_text(const std::filesystem::path& folder) {
  try {
    const auto source =
        std::make_shared<const SourceFile>(SourceFile{"Dockerfile", read(folder / "Dockerfile")});
    const ParsedDockerfile parsed = parse_dockerfile(source);
    ImageShelf shelf = shelf_of_images();
    const Lowered lowered =
        lower(parsed.dockerfile, read_options(folder / "options"), shelf.resolver());
    std::string text = dump(lowered);
    for (const Diagnostic& warning : lowered.warnings) text += render(warning, "warning", false);
    return text;
  } catch (const Error& error) {
    return render(error, false);
  }
}

}  // namespace

TEST_CASE("each Dockerfile gives its graph") {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator("cases"))
    folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  REQUIRE(folders.size() >= 30);
  const bool update = std::getenv("SLIPWAY_UPDATE_GOLDEN") != nullptr;
  for (const std::filesystem::path& folder : folders) {
    CAPTURE(folder.string());
    const std::string text = lowered_text(folder);
    if (update) {
      std::ofstream(folder / "graph.txt", std::ios::binary) << text;
    } else {
      CHECK(text == read(folder / "graph.txt"));
    }
  }
}

TEST_CASE("the graph's picture names every vertex and every input") {
  const auto source = std::make_shared<const SourceFile>(
      SourceFile{"Dockerfile",
                 "FROM debian:bookworm AS b\nRUN echo \"x\"\nFROM scratch\n"
                 "COPY --from=b /a /\n"});
  ImageShelf shelf = shelf_of_images();
  const std::string dot =
      dump_dot(lower(parse_dockerfile(source).dockerfile, amd64_options(), shelf.resolver()));
  CHECK(dot ==
        "digraph build {\n  rankdir=BT;\n  node [shape=box];\n"
        "  v0 [label=\"[b 1/2] FROM docker.io/library/debian:bookworm\"];\n"
        "  v1 [label=\"[b 2/2] RUN echo \\\"x\\\"\"];\n  v1 -> v0;\n"
        "  v2 [label=\"FROM scratch\"];\n"
        "  v3 [label=\"[stage-1 1/1] COPY --from=b /a /\", penwidth=2];\n  v3 -> v2;\n"
        "  v3 -> v1;\n}\n");
}

TEST_CASE("very many instructions and stages are lowered one after the other") {
  std::string text = "FROM debian:bookworm AS s0\n";
  for (int i = 0; i < 20000; ++i) text += "ENV V" + std::to_string(i) + "=x\n";
  for (int i = 1; i < 2000; ++i)
    text += "FROM scratch AS s" + std::to_string(i) + "\nCOPY --from=s" + std::to_string(i - 1) +
            " / /\n";
  const auto source = std::make_shared<const SourceFile>(SourceFile{"Dockerfile", text});
  ImageShelf shelf = shelf_of_images();
  const Lowered lowered =
      lower(parse_dockerfile(source).dockerfile, amd64_options(), shelf.resolver());
  CHECK(lowered.graph.size() == 2001);
}

TEST_CASE("a long chain of stages hands its config on, and each stage keeps its own") {
  std::string text = "FROM scratch AS s0\nENV V=0\n";
  for (int i = 1; i < 5000; ++i) {
    const std::string below = std::to_string(i - 1);
    const std::string own = std::to_string(i);
    text += "FROM s" + below + " AS s" + own + "\nENV V=" + own + "\n";
  }
  text += "FROM s2500\nCOPY --from=s4999 /x /\n";
  const auto source = std::make_shared<const SourceFile>(SourceFile{"Dockerfile", text});
  ImageShelf shelf;
  const Lowered lowered =
      lower(parse_dockerfile(source).dockerfile, amd64_options(), shelf.resolver());
  CHECK(lowered.config.env.back() == "V=2500");
  CHECK(lowered.config.history.size() == 2502);
}
