// `# syntax=image`: what the program says about it.
#include "../cache/temporary_folder.hpp"
#include "program.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Text {
  explicit Text(const std::string& dockerfile) { folder.write("Dockerfile", dockerfile); }
  Outcome print(std::vector<std::string> before, std::vector<std::string> after = {}) const {
    std::vector<std::string> arguments = std::move(before);
    arguments.insert(arguments.end(), {"--root", folder / "root", "build", "--print=ast"});
    arguments.insert(arguments.end(), after.begin(), after.end());
    arguments.push_back(folder.path());
    return run_slipway(arguments);
  }
  TemporaryFolder folder;
};

}  // namespace

TEST_CASE("docker's own frontend is built in, which is worth a word at debug level only") {
  for (const char* image :
       {"docker/dockerfile", "docker/dockerfile:1", "docker/dockerfile:1.7-labs",
        "docker.io/docker/dockerfile:1 some words",
        "docker/dockerfile@sha256:"
        "0000000000000000000000000000000000000000000000000000000000000000"}) {
    const Text text("# syntax=" + std::string(image) + "\nFROM a\n");
    const Outcome silent = text.print({});
    CHECK(silent.status == 0);
    CHECK(silent.err.empty());
    for (const char* flag : {"-D", "--debug"}) {
      const Outcome outcome = text.print({flag});
      CHECK(has(outcome.err, "Dockerfile:1:1: debug: the frontend \"docker"));
      CHECK(outcome.err.find("debug:") == outcome.err.rfind("debug:"));
      CHECK(outcome.out == silent.out);
    }
    CHECK(has(text.print({}, {"--debug"}).err, "debug: "));
  }
}

TEST_CASE(
    "any other frontend is warned about once, with its line, and the file read all the same") {
  for (const char* image :
       {"someone/dockerfile:1", "docker/dockerfile-upstream", "localhost:5000/docker/dockerfile",
        "not a name", "Docker/Dockerfile"}) {
    const Outcome outcome = Text("# syntax=" + std::string(image) + "\nFROM a\n").print({});
    CHECK(outcome.status == 0);
    CHECK(has(outcome.out, "image \"a\""));
    CHECK(has(outcome.err, "Dockerfile:1:1: warning: the frontend \""));
    CHECK(has(outcome.err, "1 | # syntax="));
    CHECK(outcome.err.find("warning:") == outcome.err.rfind("warning:"));
  }
  CHECK(Text("# syntax=someone/else\nFROM a\n").print({}, {"-q"}).err.empty());
}

TEST_CASE("a frontend is named behind a shebang, behind // and in JSON as well") {
  CHECK(has(Text("#!/bin/sh\n# syntax=x/y\nFROM a\n").print({}).err, "Dockerfile:2:1: warning: "));
  CHECK(has(Text("\xef\xbb\xbf# syntax=x/y\nFROM a\n").print({}).err, "Dockerfile:1:1: warning: "));
  for (const char* text : {"// syntax=x/y\nFROM a\n", "{\"syntax\": \"x/y\", \"b\": [{}]}\n"}) {
    const Outcome outcome = Text(text).print({});
    CHECK(outcome.status == 1);
    CHECK(has(outcome.err, "warning: the frontend \"x/y\" is not used"));
    CHECK(has(outcome.err, "error: unknown instruction"));
  }
  for (const char* text :
       {"FROM a\n# syntax=x/y\n", "\n# syntax=x/y\nFROM a\n", " # syntax=x/y\nFROM a\n",
        "# Syntax error\n# syntax=x/y\nFROM a\n", "#!/bin/sh\n\n# syntax=x/y\nFROM a\n"}) {
    CHECK(Text(text).print({}).err.empty());
  }
}

TEST_CASE("the build argument BUILDKIT_SYNTAX wins over the directive") {
  const Text text("# syntax=docker/dockerfile:1\nFROM a\n");
  const Outcome other = text.print({}, {"--build-arg", "BUILDKIT_SYNTAX= x/y words"});
  CHECK(other.err.starts_with("warning: --build-arg BUILDKIT_SYNTAX: the frontend \"x/y\""));
  CHECK(Text("# syntax=x/y\nFROM a\n")
            .print({}, {"--build-arg", "BUILDKIT_SYNTAX=docker/dockerfile:1"})
            .err.empty());
}
