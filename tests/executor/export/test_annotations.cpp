#include <executor/export/annotations.hpp>

#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace slipway;

namespace {

using Values = std::map<std::string, std::string>;
const Platform amd64{"linux", "amd64", ""};
const Platform arm{"linux", "arm", "v7"};

std::string message_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("--annotation is read as buildx reads it") {
  const AnnotationGroups groups = parse_annotations(
      {"plain=1", "index,manifest-descriptor:both=2", "manifest[linux/arm/v7]:own=3",
       "index-descriptor:org.example.url=http://x:8080/?a=b,c", "manifest:plain=again", ""});
  CHECK(groups.of(amd64).manifest == Values{{"plain", "again"}});
  CHECK(groups.of(arm).manifest == Values{{"plain", "again"}, {"own", "3"}});
  CHECK(groups.of(amd64).manifest_descriptor == Values{{"both", "2"}});
  CHECK(groups.of(amd64).index.empty());
  CHECK(groups.of_index().index == Values{{"both", "2"}});
  CHECK(groups.of_index().index_descriptor == Values{{"org.example.url", "http://x:8080/?a=b,c"}});

  CHECK(message_of([] { parse_annotations({"nothing"}); }) ==
        "--annotation \"nothing\" is not KEY=VALUE");
  CHECK(message_of([] { parse_annotations({"layer:a=b"}); }) ==
        "--annotation \"layer:a=b\": annotations have no level \"layer\"");
  CHECK(message_of([] { parse_annotations({"manifest[linux/amd64:a=b"}); }) ==
        "--annotation \"manifest[linux/amd64:a=b\": \"manifest[linux/amd64\" is no level");
  CHECK_THROWS_AS(parse_annotations({"manifest[linux/*]:a=b"}), Error);
  CHECK_THROWS_AS(parse_annotations({"=b"}), Error);
  CHECK_THROWS_AS(parse_annotations({"manifest:=b"}), Error);
}

TEST_CASE("--output has annotations as its keys") {
  AnnotationGroups groups;
  CHECK(add_annotation_attribute("annotation.org.example.a", "1", groups));
  CHECK(add_annotation_attribute("annotation-index.b", "2", groups));
  CHECK(add_annotation_attribute("annotation-manifest-descriptor[linux/amd64].c", "3", groups));
  CHECK(add_annotation_attribute("annotation[linux/arm/v7].d", "4", groups));
  CHECK(groups.of(amd64).manifest == Values{{"org.example.a", "1"}});
  CHECK(groups.of(arm).manifest == Values{{"org.example.a", "1"}, {"d", "4"}});
  CHECK(groups.of(amd64).manifest_descriptor == Values{{"c", "3"}});
  CHECK(groups.of_index().index == Values{{"b", "2"}});
  for (const char* other :
       {"annotations", "annotation", "annotation.", "name", "annotation-index"}) {
    CAPTURE(other);
    CHECK_FALSE(add_annotation_attribute(other, "x", groups));
  }
  CHECK_THROWS_AS(add_annotation_attribute("annotation-layer.x", "1", groups), Error);
}

TEST_CASE("an annotation for what is not built is a mistake") {
  const AnnotationGroups groups = parse_annotations({"manifest[linux/arm64]:a=b"});
  groups.require_platforms({amd64, {"linux", "arm64", ""}});
  CHECK(message_of([&] { groups.require_platforms({amd64}); }) ==
        "an annotation is for linux/arm64, which is not built");
}
