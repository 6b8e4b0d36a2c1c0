// Packages of languages: npm, Python, cargo, go.
#include "program_file.hpp"
#include "tree.hpp"

using namespace slipway;

TEST_CASE("npm's packages are those that lie in node_modules") {
  const Inventory contents = contents_of({
      {"app/package.json", {R"({"name":"app","version":"1.0.0"})"}},
      {"app/node_modules/left-pad/package.json",
       {R"({"name":"left-pad","version":"1.3.0","license":"WTFPL","homepage":"https://a.example"})"}},
      {"app/node_modules/@babel/core/package.json",
       {R"({"name":"@babel/core","version":"7.0.0","licenses":[{"type":"MIT"},"ISC"]})"}},
      {"app/node_modules/left-pad/test/package.json", {R"({"name":"part","version":"1"})"}},
      {"app/node_modules/unnamed/package.json", {R"({"type":"module"})"}},
      {"app/node_modules/list/package.json", {"[1,2]"}},
      {"app/node_modules/left-pad/node_modules/left-pad/package.json",
       {R"({"name":"left-pad","version":"1.3.0"})"}},
  });
  REQUIRE(purls(contents) == Purls{"pkg:npm/%40babel/core@7.0.0", "pkg:npm/left-pad@1.3.0"});
  CHECK(contents.packages[0].licences == std::set<std::string>{"ISC", "MIT"});
  CHECK(contents.packages[1].found_in.size() == 2);
  CHECK(contents.notes.empty());
}

TEST_CASE("package-lock.json names packages in each of its versions") {
  const Inventory new_one =
      contents_of({{"app/package-lock.json", {R"({"lockfileVersion":3,"packages":{
          "":{"name":"app","version":"1.0.0"},
          "node_modules/a":{"version":"1.0.0","license":"MIT"},
          "node_modules/a/node_modules/@s/b":{"version":"2.0.0"},
          "node_modules/alias":{"name":"real","version":"3.0.0"},
          "node_modules/linked":{"resolved":"lib","link":true},
          "lib":{"version":"0.1.0"}}})"}}});
  CHECK(purls(new_one) == Purls{"pkg:npm/%40s/b@2.0.0", "pkg:npm/a@1.0.0", "pkg:npm/real@3.0.0"});
  const Inventory old_one =
      contents_of({{"package-lock.json", {R"({"lockfileVersion":1,"dependencies":{
          "a":{"version":"1.0.0","dependencies":{"b":{"version":"2.0.0"}}}}})"}}});
  CHECK(purls(old_one) == Purls{"pkg:npm/a@1.0.0", "pkg:npm/b@2.0.0"});
}

TEST_CASE("Python's packages are told of by their metadata") {
  const std::string site = "usr/lib/python3/dist-packages/";
  const Inventory contents = contents_of({
      {site + "Flask_Login-0.6.dist-info/METADATA",
       {"Metadata-Version: 2.1\nName: Flask_Login\nVersion: 0.6\nLicense: MIT\nAuthor: A\n\n"
        "Name: described\n"}},
      {site + "new-1.0.dist-info/METADATA",
       {"Name: new\nVersion: 1.0\nLicense: whole text\nLicense-Expression: MIT OR Apache-2.0\n"}},
      {site + "old.egg-info/PKG-INFO",
       {"Name: old\nVersion: 2\nLicense: Copyright\n  and a text\n"}},
      {site + "file-3.egg-info", {"Name: file\nVersion: 3\nLicense: UNKNOWN\n"}},
      {site + "none.dist-info/METADATA", {"Nothing: here\n"}},
  });
  REQUIRE(purls(contents) == Purls{"pkg:pypi/file@3", "pkg:pypi/flask-login@0.6",
                                   "pkg:pypi/new@1.0", "pkg:pypi/old@2"});
  CHECK(contents.packages[0].licences.empty());
  CHECK(contents.packages[1].licences == std::set<std::string>{"MIT"});
  CHECK(contents.packages[2].licences == std::set<std::string>{"MIT OR Apache-2.0"});
  CHECK(contents.packages[3].licences.empty());
}

TEST_CASE("cargo's packages are those of Cargo.lock and of programs that carry a list") {
  const Inventory contents = contents_of({
      {"src/Cargo.lock",
       {"version = 3\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\n"
        "source = \"registry+https://example\"\ndependencies = [\n \"x\",\n]\n\n"
        "[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\n[metadata]\n"
        "name = \"not\"\nversion = \"1\"\n"}},
      {"usr/bin/tool", Tree::program(elf_file({{".text", "code", 0},
                                               {".dep-v0", zlib_compressed(R"({"packages":[
           {"name":"ripgrep","version":"13.0.0","source":"local","root":true},
           {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
           {"name":"serde","version":"1.0.0","source":"crates.io"}]})"),
                                                0}}))},
  });
  CHECK(contents.notes.empty());
  REQUIRE(purls(contents) ==
          Purls{"pkg:cargo/app@0.1.0", "pkg:cargo/ripgrep@13.0.0", "pkg:cargo/serde@1.0.0"});
  CHECK(contents.packages[2].found_in == std::set<std::string>{"/src/Cargo.lock", "/usr/bin/tool"});
}

namespace {

const std::string modules =
    "path\texample.com/tool\nmod\texample.com/Tool\t(devel)\t\n"
    "dep\tgolang.org/x/net\tv0.17.0\th1:sum=\n"
    "dep\texample.com/old\tv1.0.0\n=>\texample.com/fork\tv1.1.0\th1:sum=\n"
    "build\tCGO_ENABLED=0\n";
const Purls module_purls{"pkg:golang/example.com/fork@v1.1.0", "pkg:golang/example.com/tool",
                         "pkg:golang/golang.org/x/net@v0.17.0", "pkg:golang/stdlib@1.21.3"};

}  // namespace

TEST_CASE("go's programs name their modules") {
  const std::string info = go_build_info("go1.21.3 X:opt", modules);
  SUBCASE("in a section") {
    CHECK(
        purls(contents_of({{"app", Tree::program(elf_file({{".text", "code", 0},
                                                           {".go.buildinfo", info, 0x1000}}))}})) ==
        module_purls);
  }
  SUBCASE("in the data, where the sections were taken out") {
    const std::string data = std::string(64, 'x') + info + std::string(64, 'y');
    CHECK(purls(contents_of({{"app", Tree::program(elf_file({{"data", data, 0x4000}}, false))}})) ==
          module_purls);
  }
  SUBCASE("by pointers, before go 1.18") {
    constexpr std::uint64_t at = 0x10000;
    const std::string version = "go1.21.3";
    const std::string list = with_sentinels(modules);
    std::string data("\xff Go buildinf:\x08\x00", 16);
    put(data, at + 32, 8);
    put(data, at + 48, 8);
    put(data, at + 64, 8);
    put(data, version.size(), 8);
    put(data, at + 64 + version.size(), 8);
    put(data, list.size(), 8);
    data += version + list;
    CHECK(purls(contents_of({{"app", Tree::program(elf_file({{".go.buildinfo", data, at}}))}})) ==
          module_purls);
  }
  SUBCASE("and are not looked for in files that are no programs") {
    CHECK(contents_of({{"app", {elf_file({{".go.buildinfo", info, 0x1000}})}}}).packages.empty());
  }
}
