#include "../../cache/temporary_folder.hpp"

#include <executor/solve/shared_output.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

using namespace slipway;

namespace {

// Two processes' folders of work/, and what a reader has been shown so far.
struct TestOutput {
  TemporaryFolder work;
  std::filesystem::path file = work.path() / "1-1" / shared_output_name(sha256("key"));
  SharedOutput output;
  SharedOutputReader reader{work.path(), shared_output_name(sha256("key"))};
  std::string shown;

  TestOutput() {
    std::filesystem::create_directory(work / "1-1");
    std::filesystem::create_directory(work / "2-2");
  }
  std::string read() {
    reader.read([this](OutputStream stream, std::string_view text) {
      shown += stream == OutputStream::err ? "!" : "";
      shown += text;
    });
    return shown;
  }
  void wait_for_next_look() { std::this_thread::sleep_for(std::chrono::milliseconds(120)); }
};

}  // namespace

TEST_CASE("whoever waits sees what a step prints, also what it printed before its key was known") {
  TestOutput test;
  test.output.write(OutputStream::out, "early\n");
  CHECK(test.read().empty());
  CHECK_FALSE(std::filesystem::exists(test.file));
  test.output.publish(test.file);
  test.output.write(OutputStream::err, "late\n");
  test.wait_for_next_look();
  CHECK(test.read() == "early\n!late\n");
  CHECK(test.read() == "early\n!late\n");
  test.output.write(OutputStream::out, "the end\n");
  test.output.end();
  CHECK(test.read() == "early\n!late\nthe end\n");
  CHECK_FALSE(std::filesystem::exists(test.file));
}

TEST_CASE("a silent step makes no file, and one that is over none any more") {
  TestOutput test;
  test.output.publish(test.file);
  CHECK_FALSE(std::filesystem::exists(test.file));
  test.output.end();
  test.output.write(OutputStream::out, "too late");
  CHECK_FALSE(std::filesystem::exists(test.file));
  test.wait_for_next_look();
  CHECK(test.read().empty());
}

TEST_CASE("of a flood the beginning is kept, and that there is more is said") {
  TestOutput test;
  test.output.publish(test.file);
  for (int i = 0; i < 100; ++i) test.output.write(OutputStream::out, std::string(60'000, 'x'));
  CHECK(std::filesystem::file_size(test.file) < 1'100'000);
  const std::string shown = test.read();
  CHECK(shown.size() > 1'000'000);
  CHECK(shown.ends_with("!(the rest is shown by the process that runs the step)\n"));
}

TEST_CASE("where the output cannot be written the step does not notice") {
  TestOutput test;
  test.output.publish(test.work.path() / "missing" / "output");
  test.output.write(OutputStream::out, "nobody sees it");
  test.output.end();
  CHECK(test.read().empty());
}
