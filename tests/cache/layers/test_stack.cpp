#include "layer_fixture.hpp"

#include <cache/layers/stack.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>

using namespace slipway;
using Names = std::vector<std::string>;

namespace {

// A layer of the given entries: each file holds `content`. On no disk.
StackView::Layer layer(std::vector<Entry> entries, const std::string& content = "text",
                       const std::filesystem::path& folder = {}) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& l, const Entry& r) { return path_less(l.path, r.path); });
  LayerBuilder builder;
  for (const Entry& entry : entries) {
    if (entry.type == Entry::Type::file) {
      add(builder, entry, content);
    } else {
      builder.add(entry);
    }
  }
  return {folder, LayerIndex::from_bytes(builder.finish().index)};
}

}  // namespace

TEST_CASE("no layers are an empty root") {
  const StackView view({});
  CHECK(view.find("")->type == Entry::Type::directory);
  CHECK_FALSE(view.find("a"));
  CHECK(view.list("").empty());
  CHECK(view.resolve("a/../../b", true).path == "b");
}

TEST_CASE("upper layers add to, replace and hide what lies below") {
  const StackView view({
      layer({directory("a"), file("a/1"), file("a/2"), directory("b"), directory("b/in"),
             file("b/in/x"), file("b-side"), directory("c"), file("c/old"), directory("d"),
             file("d/deep"), file("plain")}),
      layer({directory("a", 0700), whiteout("a/1"), file("a/3"), whiteout("b"),
             opaque(directory("c")), file("c/new"), file("d"), directory("plain"),
             file("plain/now")}),
  });
  CHECK(view.list("") == Names{"a", "b-side", "c", "d", "plain"});
  CHECK(view.list("a") == Names{"2", "3"});
  CHECK(view.find("a")->mode == 0700);
  CHECK_FALSE(view.find("a/1"));
  CHECK(view.find("a/2"));
  CHECK_FALSE(view.find("b"));
  CHECK_FALSE(view.find("b/in/x"));
  CHECK(view.list("b/in").empty());
  CHECK(view.list("c") == Names{"new"});
  CHECK_FALSE(view.find("c/old"));
  CHECK(view.find("d")->type == Entry::Type::file);
  CHECK_FALSE(view.find("d/deep"));
  CHECK(view.list("d").empty());
  CHECK(view.list("plain") == Names{"now"});
}

TEST_CASE("what was hidden in between does not shine through a directory made anew") {
  const StackView view({
      layer({directory("a"), directory("a/b"), file("a/b/old")}),
      layer({whiteout("a")}),
      layer({directory("a"), file("a/new")}),
  });
  CHECK(view.list("a") == Names{"new"});
  CHECK_FALSE(view.find("a/b"));
  CHECK_FALSE(view.find("a/b/old"));
}

TEST_CASE("an opaque root hides every layer below, and its children only theirs") {
  const StackView view({
      layer({directory("a"), directory("a/b"), file("a/b/old")}),
      layer({opaque(directory("", 0700)), directory("a"), directory("a/b"), file("a/b/new")}),
  });
  CHECK(view.list("a/b") == Names{"new"});
  CHECK_FALSE(view.find("a/b/old"));
  CHECK(view.find("")->mode == 0700);
}

TEST_CASE("a directory that no entry describes is still there") {
  const StackView view({layer({file("a")}), layer({file("a/b/c"), file("x/y")})});
  CHECK(view.find("a")->type == Entry::Type::directory);
  CHECK(view.find("a/b/c"));
  CHECK(view.list("") == Names{"a", "x"});
  CHECK(view.list("a/b") == Names{"c"});
}

TEST_CASE("links lead where they would lead a process with this root") {
  const StackView view({layer({
      directory("usr"), directory("usr/bin"), file("usr/bin/sh"), soft_link("bin", "usr/bin"),
      soft_link("abs", "/usr/bin"), soft_link("out", "../../../../usr"), soft_link("loop", "loop"),
      soft_link("usr/up", "../abs/sh"), soft_link("gone", "no/where"),
  })});
  const auto path = [&view](std::string_view text, bool last = true) {
    return view.resolve(text, last).path;
  };
  CHECK(path("bin/sh") == "usr/bin/sh");
  CHECK(path("/abs/sh") == "usr/bin/sh");
  CHECK(path("out/bin/sh") == "usr/bin/sh");
  CHECK(path("usr/up") == "usr/bin/sh");
  CHECK(path("bin/../..") == "");
  CHECK(path("bin/..") == "usr");  // of the target, not of the link
  CHECK(path("bin", false) == "bin");
  CHECK(path("bin/", false) == "usr/bin");
  CHECK(path("./usr//bin/./sh") == "usr/bin/sh");
  CHECK(path("gone/x") == "no/where/x");
  CHECK_FALSE(view.resolve("gone/x", true).entry);
  CHECK(view.resolve("bin/sh", true).entry->type == Entry::Type::file);
  CHECK(view.resolve("loop", false).entry->type == Entry::Type::symlink);
  CHECK_THROWS_AS(view.resolve("loop", true), Error);
}

TEST_CASE("a file is opened in the layer that shows it, and through no link") {
  TemporaryFolder folder;
  std::filesystem::create_directories(folder / "low/d");
  std::filesystem::create_directories(folder / "high");
  write_text(folder / "low/d/file", "low");
  write_text(folder / "low/other", "other");
  write_text(folder / "high/other", "high");
  write_text(folder / "secret", "secret");
  const StackView view({layer({directory("d"), file("d/file"), file("other")}, "low",
                              folder / "low"),
                        layer({file("other")}, "high", folder / "high")});
  const auto text = [&view](const std::string& path) {
    const int descriptor = view.open(view.find(path).value());
    std::string bytes(10, '\0');
    bytes.resize(static_cast<std::size_t>(::read(descriptor, bytes.data(), bytes.size())));
    ::close(descriptor);
    return bytes;
  };
  CHECK(text("d/file") == "low");
  CHECK(text("other") == "high");
  CHECK_THROWS_AS(view.open(file("none")), Error);
  CHECK_THROWS_AS(view.open(directory("d")), Error);

  // Somebody put a link where the index has a directory.
  std::filesystem::remove_all(folder / "low/d");
  std::filesystem::create_directory(folder / "elsewhere");
  write_text(folder / "elsewhere/file", "secret");
  std::filesystem::create_directory_symlink("../elsewhere", folder / "low/d");
  CHECK_THROWS_AS(text("d/file"), Error);
}
