#include <doctest/doctest.h>

#include <frontend/parse.hpp>

namespace slipway {

TEST_CASE("an image's triggers become instructions") {
  const auto triggers = parse_triggers({"COPY . /src", "run make\\\n all"}, "builder:1");
  REQUIRE(triggers.size() == 2);
  CHECK(std::get<Copy>(triggers[0].kind).destination.text == "/src");
  CHECK(triggers[1].text == "RUN make all");
  CHECK(triggers[1].span.file->name == "ONBUILD trigger of builder:1");
}

TEST_CASE("a trigger written by ONBUILD with a heredoc reads back as it was") {
  const auto source = std::make_shared<const SourceFile>(
      SourceFile{"Dockerfile", "FROM a\nONBUILD RUN <<EOF sh\necho hi\nEOF\n"});
  const Dockerfile file = parse_dockerfile(source).dockerfile;
  const auto& onbuild = std::get<Onbuild>(file.stages[0].instructions[0].kind);
  CHECK(onbuild.trigger == "RUN <<EOF sh\necho hi\nEOF");
  const auto triggers = parse_triggers({onbuild.trigger}, "a");
  CHECK(std::get<Run>(triggers[0].kind).command.heredocs[0].content == "echo hi\n");
}

TEST_CASE("all triggers that are none are named together") {
  try {
    parse_triggers({"FROM x", "COPY a", "", "RUN a\nRUN b"}, "bad");
    FAIL("it was taken");
  } catch (const Error& error) {
    CHECK(error.diagnostics().size() == 4);
  }
}

}  // namespace slipway
