// An ADD that fails leaves the store as it was: no file, no row, nothing unfinished.
#include "../../cache/registry/http_server.hpp"
#include "git_build.hpp"
#include "git_server.hpp"
#include "smart_http.hpp"

#include <cache/fsck.hpp>
#include <cache/temporary_folder.hpp>

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// Files by path, rows by table and content.
using Contents = std::map<std::string, std::string>;

void add_rows(const fs::path& file, Contents& contents) {
  sqlite3* opened = nullptr;
  REQUIRE(::sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  const std::unique_ptr<sqlite3, decltype(&::sqlite3_close)> database(opened, ::sqlite3_close);
  const auto each = [&](const std::string& sql,
                        const std::function<void(const std::string&)>& row) {
    sqlite3_stmt* prepared = nullptr;
    REQUIRE(::sqlite3_prepare_v2(opened, sql.c_str(), -1, &prepared, nullptr) == SQLITE_OK);
    const std::unique_ptr<sqlite3_stmt, decltype(&::sqlite3_finalize)> statement(
        prepared, ::sqlite3_finalize);
    while (::sqlite3_step(prepared) == SQLITE_ROW) {
      std::string text;
      for (int i = 0; i < ::sqlite3_column_count(prepared); ++i) {
        const auto* bytes = static_cast<const char*>(::sqlite3_column_blob(prepared, i));
        const auto size = static_cast<std::size_t>(::sqlite3_column_bytes(prepared, i));
        text += (i == 0 ? "" : "|") + (bytes == nullptr ? "NULL" : std::string(bytes, size));
      }
      row(text);
    }
  };
  each("SELECT name FROM sqlite_master WHERE type = 'table'", [&](const std::string& table) {
    each("SELECT * FROM \"" + table + "\"",
         [&](const std::string& row) { contents["row of " + table + ": " + row] = ""; });
  });
}

Contents contents_of(const fs::path& root) {
  Contents contents;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = entry.path().lexically_relative(root).string();
    if (path.starts_with("slipway.db")) continue;  // by its rows
    std::ifstream stream(entry.path(), std::ios::binary);
    contents[path] = entry.is_regular_file()
                         ? std::string(std::istreambuf_iterator<char>(stream), {})
                         : "no file";
  }
  add_rows(root / "slipway.db", contents);
  return contents;
}

// A store that has built before, and what an ADD that fails makes of it.
struct Watched {
  TestBuild build;

  Watched() {
    build.context().write("good", "good");
    build.solve("FROM scratch\nCOPY . /\n");
  }
  fs::path root() { return build.store().state().root(); }

  // `apart`: what may differ, by the beginning of its path.
  std::string fail(const std::string& dockerfile, const std::string& apart = "") {
    const Contents before = contents_of(root());
    std::string text = failure_of(build, dockerfile);
    CAPTURE(text);
    CHECK(text.find("error: ") != std::string::npos);
    const Contents after = contents_of(root());
    const auto check = [&](const Contents& some, const Contents& others) {
      for (const auto& [path, content] : some) {
        if (!apart.empty() && path.starts_with(apart)) continue;
        CAPTURE(path);
        const auto found = others.find(path);
        CHECK(found != others.end());
        if (found != others.end()) CHECK((found->second == content));
      }
    };
    check(before, after);
    check(after, before);
    for (const auto& entry : fs::recursive_directory_iterator(root() / "work")) {
      CAPTURE(entry.path());
      CHECK_FALSE((entry.is_regular_file() && entry.file_size() > 0));
    }
    const StoreCheck checked = check_store(root(), false);
    for (const std::string& problem : checked.problems) FAIL_CHECK(problem);
    return text;
  }
};

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return true;
}

}  // namespace

TEST_CASE("a file of the web with another checksum, or half of it, leaves nothing in the store") {
  bool whole = true;
  HttpServer server([&](const HttpServer::Request&) -> HttpServer::Reply {
    return {.body = std::string(100'000, 'x'), .claimed_extra = whole ? 0U : 10U};
  });
  const std::string url = "http://" + server.address() + "/file";
  Watched store;
  const std::string wrong = "sha256:" + std::string(64, '0');
  contains(store.fail("FROM scratch\nADD --checksum=" + wrong + " " + url + " /\n"), "checksum");
  whole = false;
  contains(store.fail("FROM scratch\nADD " + url + " /\n"), "broke off");
}

TEST_CASE("an archive that is cut, damaged or hostile leaves nothing in the store") {
  const TemporaryFolder folder;
  const std::string at = folder.path().string();
  shell("cd '" + at +
        "'\nmkdir d\nhead -c 300000 /dev/urandom >d/a\necho b >d/b\ntar -cf whole.tar d\n"
        "head -c 200000 whole.tar >cut.tar\ngzip -c whole.tar >whole.tgz\n"
        "head -c 200000 whole.tgz >cut.tgz\n"
        "echo in >in\ntar -P --transform='s,^in,../../out,' -cf out.tar d/a in");
  Watched store;
  for (const char* name : {"cut.tar", "cut.tgz", "out.tar"})
    fs::copy_file(folder / name, store.build.context().path() / name);
  // Their digests are known already: that is the context's cache, and not ADD's.
  store.build.solve("FROM scratch\nCOPY . /\n");
  for (const char* name : {"cut.tar", "cut.tgz", "out.tar"}) {
    CAPTURE(name);
    store.fail("FROM scratch\nADD " + std::string(name) + " /\n");
  }
}

TEST_CASE(
    "a fetch that breaks off leaves a repository that holds nothing, and the next one works") {
  GitServer files;
  const auto repository = files.repository("r");
  std::mt19937 engine(1);
  std::string noise(200'000, '\0');
  for (char& c : noise) c = static_cast<char>(engine());
  repository.write("f", noise);
  repository.commit("one");
  std::atomic<bool> breaks = true;
  HttpServer server([&](const HttpServer::Request& request) {
    HttpServer::Reply reply = smart_http(files.path() / "srv", request);
    if (breaks && reply.body.size() > 100'000) {
      reply.claimed_extra = reply.body.size() / 2;
      reply.body.resize(reply.body.size() - reply.claimed_extra);
    }
    return reply;
  });
  const std::string dockerfile = add_git("http://" + server.address() + "/r/.git");
  Watched store;
  contains(store.fail(dockerfile, "git"), "git cannot fetch the repository");
  // Now there is the empty repository, and it stays as it is.
  store.fail(dockerfile);
  for (const auto& entry : fs::recursive_directory_iterator(store.root() / "git")) {
    CAPTURE(entry.path());
    CHECK_FALSE((entry.is_regular_file() && entry.file_size() > 10'000));
  }
  breaks = false;
  store.build.solve(dockerfile);
  CHECK((store.build.file("f") == noise));
}
