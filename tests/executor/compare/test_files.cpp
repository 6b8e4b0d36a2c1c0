// Two trees side by side.
#include "../solve/test_build.hpp"

#include <executor/compare/files.hpp>

using namespace slipway;

namespace {

Entry file(const std::string& path, const std::string& content) {
  Entry entry;
  entry.path = path;
  entry.mode = 0644;
  entry.size = content.size();
  entry.content = sha256(content);
  return entry;
}

// What the comparison says of one path that both have.
std::vector<Aspect> aspects(const Entry& was, const Entry& is, const CompareTimes& times = {}) {
  const auto differences = compare_files({was}, {is}, times);
  return differences.empty() ? std::vector<Aspect>() : differences.front().aspects;
}

// Where two files begin to differ; both are written into a store first.
std::optional<ContentDifference> difference_of(const std::string& was, const std::string& is) {
  TestBuild build;
  const auto layers_with = [&](const std::string& content) {
    build.context().write("f", content);
    build.solve("FROM scratch\nCOPY f /\n");
    return build.result.layers;
  };
  const StackView left = build.store().layers().view(layers_with(was));
  const StackView right = build.store().layers().view(layers_with(is));
  return compare_contents(left, left.find("f").value(), right, right.find("f").value());
}

}  // namespace

TEST_CASE("what one tree has alone is found wherever it stands") {
  const std::vector<Entry> was{file("a", "1"), file("b", "1"), file("b/x", "1"), file("d", "1")};
  const std::vector<Entry> is{file("b", "1"), file("b/y", "1"), file("c", "1"), file("d", "1")};
  std::string text;
  for (const FileDifference& each : compare_files(was, is))
    text += (each.was ? "-" : "+") + each.path + " ";
  CHECK(text == "-a -b/x +b/y +c ");
  CHECK(compare_files(was, was).empty());
  CHECK(compare_files({}, is).size() == 4);
}

TEST_CASE("each thing that can differ is named, and times only where they count") {
  const Entry entry = file("a", "1");
  using List = std::vector<Aspect>;
  CHECK(aspects(entry, file("a", "2")) == List{Aspect::content});
  Entry other = entry;
  other.mode = 0755;
  other.uid = 7;
  CHECK(aspects(entry, other) == List{Aspect::mode, Aspect::owner});
  other = entry;
  other.xattrs = {{"user.x", "1"}};
  CHECK(aspects(entry, other) == List{Aspect::attributes});
  other = entry;
  other.hard_link = "0";
  CHECK(aspects(entry, other) == List{Aspect::hard_link});
  other = entry;
  other.type = Entry::Type::symlink;
  CHECK(aspects(entry, other) == List{Aspect::type});
  Entry link = other;
  link.link_target = "elsewhere";
  CHECK(aspects(other, link) == List{Aspect::link});
  other = entry;
  other.mtime = 100;
  CHECK(aspects(entry, other).empty());
  CHECK(aspects(entry, other, {true, {}}) == List{Aspect::time});
  // rewrite-timestamp makes both of them 50.
  Entry later = entry;
  later.mtime = 70;
  CHECK(aspects(later, other, {true, 50}).empty());
  CHECK(aspects(entry, other, {true, 50}) == List{Aspect::time});
}

TEST_CASE("two texts differ in a line, and other files at a byte") {
  const auto text = difference_of("one\ntwo\nthree\n", "one\nTWO\nthree\n").value();
  CHECK(text.offset == 4);
  CHECK(text.line == 2);
  CHECK(text.was == "two");
  CHECK(text.is == "TWO");
  CHECK(!difference_of("same", "same"));
  const auto longer = difference_of("one\n", "one\nmore\n").value();
  CHECK(longer.offset == 4);
  CHECK(longer.was.empty());
  CHECK(longer.is == "more");
  const auto bytes = difference_of(std::string("a\0b", 3), std::string("a\0c", 3)).value();
  CHECK(bytes.offset == 2);
  CHECK(bytes.line == 0);
}

TEST_CASE("the place is right beyond the first piece that is read") {
  std::string was;
  for (int i = 0; i < 20'000; ++i) was += "line " + std::to_string(i) + "\n";
  std::string is = was;
  const std::size_t place = was.find("line 15000\n");
  is[place] = 'L';
  const auto difference = difference_of(was, is).value();
  CHECK(difference.offset == place);
  CHECK(difference.line == 15'001);
  CHECK(difference.is == "Line 15000");
}

TEST_CASE("what a terminal would act on is not shown") {
  const auto difference = difference_of("a\x1b[31m", "b\x1b[32m").value();
  CHECK(difference.was.find('\x1b') == std::string::npos);
  CHECK(difference.is.find('\x1b') == std::string::npos);
}
