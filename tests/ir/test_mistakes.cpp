// Which mistakes are found before an image is asked for, and which images are asked for first.
#include "dockerfiles.hpp"

#include <ir/mistakes.hpp>

#include <doctest/doctest.h>

using namespace slipway;
using namespace slipway::testing;

namespace {

using Lines = std::vector<std::string>;

// "LINE message (hint)" of each.
Lines found(const Dockerfile& dockerfile, Mistakes of_text = {}) {
  Lines lines;
  try {
    require_no_mistakes(dockerfile, amd64_options(), std::move(of_text));
  } catch (const Error& error) {
    for (const Diagnostic& each : error.diagnostics()) {
      lines.push_back(std::to_string(each.span.line) + " " + each.message);
      if (!each.hint.empty()) lines.back() += " (" + each.hint + ")";
    }
  }
  return lines;
}

Word required(const std::string& name) {
  return word({WordPart(variable(name, "?", word("m")))});
}

Mistakes some_mistake(std::uint32_t line) {
  Mistakes mistakes;
  mistakes.add({"of the text", at_line(line), "", ""});
  return mistakes;
}

}  // namespace

TEST_CASE("a name that is nearly a stage's is asked for first, and no other image if it is none") {
  DockerfileBuilder file;
  file.from(word("debian"), "builder").run("make").from(word("alpine"));
  file.copy({word("/x")}, word("/"), word("biulder"));
  ImageShelf shelf;
  shelf.put("debian").put("alpine");
  CHECK_THROWS_WITH_AS(lower(file.get(), amd64_options(), shelf.resolver()),
                       "stage \"biulder\" does not exist", Error);
  CHECK(shelf.asked == Lines{"biulder"});

  shelf.put("biulder");
  lower(file.get(), amd64_options(), shelf.resolver());
  CHECK(shelf.asked == Lines{"biulder", "biulder", "alpine"});
}

TEST_CASE("such a name is a mistake where the file has others, but not one that is an image") {
  DockerfileBuilder file;
  file.from(word("node"), "nodes").from(word("node"));
  file.copy({word("/x")}, word("/"), word("node")).copy({word("/x")}, word("/"), word("noeds"));
  CHECK(found(file.get()) == Lines{});
  CHECK(found(file.get(), some_mistake(1)) ==
        Lines{"1 of the text",
              "4 stage \"noeds\" does not exist (did you mean \"nodes\"?)"});
}

TEST_CASE("a variable that a base image may define is not judged before the image is there") {
  DockerfileBuilder file;
  file.from(word("debian")).add(Expose{{placed(required("PORT"))}}, "EXPOSE");
  file.env(word("A"), required("B")).add(Workdir{required("A")}, "WORKDIR");
  CHECK(found(file.get()) == Lines{});

  DockerfileBuilder scratch;
  scratch.from(word("scratch")).env(word("A"), placed(required("B"), 2)).add(Workdir{required("A")}, "WORKDIR");
  // A has no value because of the first mistake.
  CHECK(found(scratch.get()) == Lines{"2 B: m"});
}

TEST_CASE("a word that was not read has no value, and what takes it none either") {
  DockerfileBuilder file;
  Word failed = word("${");
  failed.failed = true;
  file.from(word("scratch")).arg("A", failed).add(Expose{{placed(word({WordPart(variable("A"))}))}}, "EXPOSE");
  file.add(StopSignal{placed(word("NONE"), 4)}, "STOPSIGNAL");
  CHECK(found(file.get()) ==
        Lines{"4 signal \"NONE\" does not exist (write a name as in SIGTERM, or a number)"});
}

TEST_CASE("an instruction that failed is judged by its words, a guessed one not at all") {
  DockerfileBuilder file;
  file.from(word("scratch")).add(Expose{{placed(word("x"), 2)}}, "EXPOSE");
  CHECK(found(file.get()).size() == 1);
  file.get().stages[0].instructions[0].failed = true;
  CHECK(found(file.get()).size() == 1);
  file.get().stages[0].instructions[0].guessed = true;
  CHECK(found(file.get()).empty());
}

TEST_CASE("of very many mistakes the first are kept, the others counted") {
  Mistakes mistakes;
  for (std::uint32_t line = 5'000; line > 0; --line) {
    mistakes.add({"m", at_line(line), "", ""});
    mistakes.add({"m", at_line(line), "", ""});  // the same again is not another one
  }
  CHECK(mistakes.in_order().size() == most_mistakes);
  try {
    mistakes.throw_if_any();
  } catch (const Error& error) {
    CHECK(error.diagnostics().size() == most_mistakes);
    CHECK(error.omitted() >= 4'900);
  }
}

TEST_CASE("a stage that the target does not need fails no build, but is told of in one that fails") {
  DockerfileBuilder file;
  file.from(word("scratch"), "builder").copy({required("NOTHING")}, word("/"));
  file.from(word("alpine"));
  CHECK(found(file.get()) == Lines{});

  file.copy({word("/x")}, word("/"), word("7"));
  const Lines both = found(file.get());
  REQUIRE(both.size() == 2);
  CHECK(both[0].find("NOTHING") != std::string::npos);
  CHECK(both[1].find("no stage 7") != std::string::npos);
}
