// `slipway context ls`, and what .dockerignore does to a build.
#include "program.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "slipway-context-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

// A small project: an application with its tests, generated files and what nobody needs.
void make_project(const Folder& folder) {
  folder.write("app/Dockerfile",
               "FROM debian AS build\n"
               "COPY package.json ./\n"
               "COPY src/ ./src/\n"
               "RUN --mount=type=bind,source=tools,target=/tools make\n"
               "FROM build AS test\n"
               "COPY tests tests\n"
               "FROM scratch\n"
               "COPY --from=build /src/app /app\n");
  folder.write("app/.dockerignore", "# generated\nsrc/gen\n\n  !src/gen/keep.c  \nlogs\n");
  folder.write("app/package.json", "{}");
  folder.write("app/src/main.c", "int main() {}");
  folder.write("app/src/gen/a.c", "generated");
  folder.write("app/src/gen/keep.c", "kept");
  folder.write("app/tools/gen", "#!/bin/sh");
  folder.write("app/tests/one", "1");
  folder.write("app/logs/old", std::string(500, 'x'));
  folder.write("app/node_modules/left-pad/index.js", std::string(70000, 'x'));
  folder.write("app/node_modules/right-pad/index.js", std::string(50000, 'x'));
  fs::create_symlink("src/main.c", folder / "app/main");
}

Outcome list(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"context", "ls"});
  return run_slipway(std::move(arguments));
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("the list is what the instructions take, for the stage that is built") {
  Folder folder;
  make_project(folder);
  const Outcome last = list({folder / "app"});
  CHECK(last.err == "");
  CHECK(last.out == "package.json\nsrc/gen/keep.c\nsrc/main.c\ntools/gen\n");
  CHECK(last.status == 0);
  const Outcome test = list({"--target", "test", folder / "app"});
  CHECK(test.out == "package.json\nsrc/gen/keep.c\nsrc/main.c\ntests/one\ntools/gen\n");
  const Outcome json = list({"--format", "json", folder / "app"});
  std::istringstream lines(json.out);
  std::string first;
  std::getline(lines, first);
  const auto entry = nlohmann::json::parse(first);
  CHECK(entry["Path"] == "package.json");
  CHECK(entry["Type"] == "file");
  CHECK(entry["Size"] == 2);
  CHECK(entry["Instructions"][0]["Line"] == 2);
}

TEST_CASE("nothing is written, and no store is made or needed") {
  Folder folder;
  make_project(folder);
  const std::string root = folder / "store";
  CHECK(list({"--root", root, folder / "app"}).status == 0);
  CHECK(list({"--root", root, "--size", folder / "app"}).status == 0);
  CHECK_FALSE(fs::exists(root));
}

TEST_CASE("--why quotes the rule that decided, and the instructions that take the file") {
  Folder folder;
  make_project(folder);
  const auto why = [&](const std::string& path) {
    return list({folder / "app", "--why", path}).out;
  };
  const std::string app = folder / "app";
  CHECK(why("src/gen/a.c") ==
        app +
            "/.dockerignore:2:1: note: \"src/gen/a.c\" is left out by this rule\n"
            "    2 | src/gen\n"
            "      | ^~~~~~~\n");
  CHECK(why("./src/gen/keep.c/") ==
        app +
            "/.dockerignore:4:3: note: \"src/gen/keep.c\" is let in by this rule\n"
            "    4 |   !src/gen/keep.c\n"
            "      |   ^~~~~~~~~~~~~~~\n" +
            app +
            "/Dockerfile:3:1: note: this instruction takes it\n"
            "    3 | COPY src/ ./src/\n"
            "      | ^~~~~~~~~~~~~~~~\n");
  CHECK(why("src/gen").find("but for what is let in again below it") != std::string::npos);
  CHECK(why("tools").find("RUN --mount=type=bind") != std::string::npos);
  CHECK(why("src").find("this instruction takes something in it") != std::string::npos);
  const std::string unused = why("node_modules/left-pad");
  CHECK(unused.find("no rule of") != std::string::npos);
  CHECK(unused.find("no instruction takes it") != std::string::npos);
  CHECK(why("main").find("no instruction takes it") != std::string::npos);

  const auto json = nlohmann::json::parse(list({app, "--why", "logs/old", "--format", "json"}).out);
  CHECK(json["Included"] == false);
  CHECK(json["Rule"]["Line"] == 5);
  CHECK(json["Rule"]["Pattern"] == "logs");
  CHECK(json["Instructions"].empty());
}

TEST_CASE("--size sums by directory, and offers lines for what is for nothing") {
  Folder folder;
  make_project(folder);
  const std::string text = list({"--size", folder / "app"}).out;
  CHECK(text.find("28B       4         .\n") != std::string::npos);
  CHECK(text.find("120kB     2         node_modules/             node_modules\n") != std::string::npos);
  CHECK(text.find("logs") == std::string::npos);  // excluded already
  const auto json = nlohmann::json::parse(list({"--size", "--format", "json", folder / "app"}).out);
  CHECK(json["Files"] == 4);
  CHECK(json["Unused"][0]["Path"] == "node_modules/");
  CHECK(json["Unused"][0]["Size"] == 120000);

  // The offered lines do what they say, also for names that a rule would read otherwise.
  folder.write("odd/Dockerfile", "FROM scratch\nCOPY used /\n");
  folder.write("odd/used", "1");
  folder.write("odd/#dir/x", "1234");
  folder.write("odd/!dir/[x]*", "12345");
  std::string lines;
  const auto before =
      nlohmann::json::parse(list({"--size", "--format", "json", folder / "odd"}).out);
  CHECK(before["Unused"].size() == 3);
  for (const auto& tree : before["Unused"]) lines += tree["IgnoreLine"].get<std::string>() + "\n";
  folder.write("odd/.dockerignore", lines);
  const auto after =
      nlohmann::json::parse(list({"--size", "--format", "json", folder / "odd"}).out);
  for (const auto& tree : after["Unused"]) CHECK(tree["Path"] == ".dockerignore");
  CHECK(after["Files"] == 1);
}

TEST_CASE("what is wrong is said as a build says it, and ends with 1") {
  Folder folder;
  make_project(folder);
  const Outcome missing = list({folder / "app", "--why", "src/mian.c"});
  CHECK(missing.status == 1);
  CHECK(missing.err.find("\"src/mian.c\" is not in the build context") != std::string::npos);
  CHECK(missing.err.find("did you mean \"src/main.c\"?") != std::string::npos);
  CHECK(list({folder / "app", "--why", "../x"}).err.find("leads out") != std::string::npos);
  const Outcome nowhere = list({folder / "ap"});
  CHECK(nowhere.status == 1);
  CHECK(nowhere.err.find("ap\" does not exist") != std::string::npos);
  CHECK(nowhere.err.find("did you mean \"" + (folder / "app") + "\"?") != std::string::npos);
  CHECK(list({folder / "app/package.json"}).err.find("is not a directory") != std::string::npos);
  CHECK(list({folder / "app", "--target", "biuld"}).err.find("did you mean \"build\"?") !=
        std::string::npos);
  CHECK(run_slipway({"context", "rm"}).status == 125);

  folder.write("bad/Dockerfile", "FROM scratch\nCOPY a b /\nCOPY left /\n");
  folder.write("bad/a", "1");
  folder.write("bad/left", "1");
  folder.write("bad/.dockerignore", "left\n");
  const Outcome listed = list({folder / "bad"});
  CHECK(listed.status == 1);
  CHECK(listed.out == "a\n");
  CHECK(listed.err.find("\"b\" is not in the build context") != std::string::npos);
  CHECK(listed.err.find("it is excluded by " + (folder / "bad/.dockerignore") + ":1: \"left\"") !=
        std::string::npos);
  CHECK(list({folder / "bad", "--why", "left"}).status == 0);
}

TEST_CASE("a malformed rule is shown with its own line") {
  Folder folder;
  folder.write("Dockerfile", "FROM scratch\nCOPY . .\n");
  folder.write(".dockerignore", "# rules\n\n  a[ \nb\n!\n");
  for (const std::string command : {"build", "context"}) {
    std::vector<std::string> arguments{command, "--root", folder / "store", folder.path()};
    if (command == "context") arguments.insert(arguments.begin() + 1, "ls");
    const Outcome outcome = run_slipway(arguments);
    CHECK(outcome.status == 1);
    CHECK(outcome.err.find("/.dockerignore:3:3: error: pattern \"a[\" is malformed") !=
          std::string::npos);
    CHECK(outcome.err.find("    3 |   a[\n      |   ^~\n") != std::string::npos);
    CHECK(outcome.err.find("/.dockerignore:5:1: error: pattern \"!\" is malformed") !=
          std::string::npos);
  }
}

TEST_CASE("the files that a build reads for itself can be left out of the context") {
  Folder folder;
  folder.write("c/Dockerfile", "FROM scratch\nCOPY . .\n");
  folder.write("c/.dockerignore", "\nba*\nDockerfile\n!bay\n.dockerignore\n");
  for (const char* name : {"foo", "bar", "baz", "bay"})
    folder.write(std::string("c/") + name, name);
  const Outcome built =
      run_slipway({"build", "--root", folder / "store", "-o", folder / "out", folder / "c"});
  INFO(built.err);
  REQUIRE(built.status == 0);
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder / "out"))
    names.insert(entry.path().filename().string());
  CHECK(names == std::set<std::string>{"bay", "foo"});
  CHECK(read_file(folder / "out/bay") == "bay");
}

TEST_CASE("a Dockerfile's own ignore file takes the place of the context's") {
  Folder folder;
  folder.write("Dockerfile", "FROM scratch\nCOPY . .\n");
  folder.write("Dockerfile2", "FROM scratch\nCOPY . .\n");
  folder.write("Dockerfile.dockerignore", "Dockerfile*\n.dockerignore\nbar\n");
  folder.write("Dockerfile2.dockerignore", "Dockerfile*\n.dockerignore\nfoo\n");
  folder.write(".dockerignore", "*\n");
  folder.write("foo", "1");
  folder.write("bar", "2");
  CHECK(list({folder.path()}).out == "foo\n");
  CHECK(list({"-f", folder / "Dockerfile2", folder.path()}).out == "bar\n");
  fs::remove(folder / "Dockerfile2.dockerignore");
  CHECK(list({"-f", folder / "Dockerfile2", folder.path()}).out == "");
}

TEST_CASE("a named context has a list, and an ignore file, of its own") {
  Folder folder;
  folder.write("main/Dockerfile", "FROM scratch\nCOPY --from=lib *.h /\n");
  folder.write("lib/a.h", "1");
  folder.write("lib/b.h", "1");
  folder.write("lib/c.c", "1");
  folder.write("lib/.dockerignore", "b.*\n");
  const std::vector<std::string> common = {folder / "main", "--build-context",
                                           "lib=" + (folder / "lib")};
  CHECK(list(common).out == "");
  std::vector<std::string> named = common;
  named.insert(named.end(), {"--name", "lib"});
  CHECK(list(named).out == "a.h\n");
  named.back() = "other";
  CHECK(list(named).err.find("there is no build context \"other\"") != std::string::npos);
}
