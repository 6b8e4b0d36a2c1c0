// Whose a setting is: the image's own stays, what it had of its base becomes the new base's.
#include <executor/rebase/moved_config.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace slipway;

namespace {

struct Configs {
  ImageConfig image, was, is;
  std::vector<std::string> doubts;

  // An instruction of the image's own, as its history has it.
  void says(const std::string& text) {
    HistoryEntry entry;
    entry.created_by = text;
    entry.empty_layer = true;
    image.history.push_back(entry);
  }
  ImageConfig moved() { return MovedConfig(image, was, is, 0).config(doubts); }
};

bool has(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

TEST_CASE("what the image has of its old base becomes the new base's") {
  Configs all;
  all.was.user = all.image.user = "1";
  all.is.user = "2";
  all.was.cmd = all.image.cmd = {"old"};
  all.is.cmd = {"new"};
  all.was.labels = all.image.labels = {{"a", "old"}, {"gone", "1"}};
  all.is.labels = {{"a", "new"}};
  all.was.env = all.image.env = {"V=old", "GONE=1"};
  all.is.env = {"V=new"};
  const ImageConfig moved = all.moved();
  CHECK(moved.user == "2");
  CHECK(moved.cmd == std::vector<std::string>{"new"});
  CHECK(moved.labels == std::map<std::string, std::string>{{"a", "new"}});
  CHECK(has(moved.env, "V=new"));
  CHECK(!has(moved.env, "GONE=1"));
  CHECK(all.doubts.empty());
}

TEST_CASE("what the image says itself stays, also where it says what its base said") {
  Configs all;
  all.was.user = all.image.user = "1";
  all.is.user = "2";
  all.says("USER 1");
  all.was.env = all.image.env = {"V=1"};
  all.is.env = {"V=2"};
  all.says("ENV V=1");
  const ImageConfig moved = all.moved();
  CHECK(moved.user == "1");
  CHECK(has(moved.env, "V=1"));
  CHECK(moved.history.size() == 2);
}

TEST_CASE("an ENTRYPOINT of the image's own keeps the base's CMD away") {
  Configs all;
  all.is.cmd = {"new"};
  all.was.cmd = {"old"};
  all.image.entrypoint = {"/app"};
  CHECK(!all.moved().cmd);
  all.image.entrypoint.reset();
  all.image.cmd = all.was.cmd;
  CHECK(all.moved().cmd == std::vector<std::string>{"new"});
}

TEST_CASE("variables of the base are part of a value only as whole words") {
  Configs all;
  all.was.env = {"VERSION=3.1"};
  all.is.env = {"VERSION=3.2"};
  all.image.env = {"VERSION=3.1", "OWN=13.15"};
  all.moved();
  CHECK(all.doubts.empty());
  all.image.env = {"VERSION=3.1", "OWN=app-3.1/bin"};
  all.moved();
  CHECK(all.doubts.size() == 1);
}
