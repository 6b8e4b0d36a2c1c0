// Slipway's own build checks as a whole: what they cost, and that they stay silent where they
// should.
#include "cases.hpp"

#include <doctest/doctest.h>

#include <frontend/checks/own.hpp>
#include <ir/checks/findings.hpp>

#include <string>
#include <utility>

namespace slipway::testing {
namespace {

std::size_t findings_of(const std::string& text, bool own, bool taste) {
  CheckSettings settings;
  settings.own = own;
  settings.taste = taste;
  Findings findings(settings);
  check_own(parse_dockerfile(source(text)).dockerfile, findings);
  return findings.take().size();
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

}  // namespace

TEST_CASE("own checks are made only where they are asked for") {
  const std::string text = "FROM debian\nRUN sudo make\n";
  CHECK(findings_of(text, false, false) == 0);
  CHECK(findings_of(text, true, false) == 1);
  CHECK(findings_of(text, true, true) == 2);  // with the base image
}

// What took the square of these would take minutes.
TEST_CASE("own checks take time proportional to the text, and tell of a RUN once") {
  constexpr std::size_t times = 10000;
  const std::string from = "FROM debian@sha256:" + std::string(64, '0') + "\n";
  for (const char* piece :
       {"apt-get update; ", "rm /a; ", "curl -o /x http://a/b; ", "sudo a | b; ", "sh -c 'cd /a'; ",
        "pip install -r a; ", "chown -R a /b; ", "npm ci; ", "apt-get purge -y a; ", "cd a; ",
        "export A=b; ", "https://a:bcd@e ", "ghp_ ",
        "rm -rf /var/lib/apt/lists/*; apt-get update; "}) {
    CAPTURE(piece);
    const std::string text =
        from + "COPY . /b\nCOPY a /\nRUN " + repeated(piece, times) + "\nRUN rm -rf /\n";
    CHECK(findings_of(text, true, true) <= 12);
  }
}

TEST_CASE("many stages, copies and mounts take time proportional to their number") {
  constexpr std::size_t times = 1500;
  std::string stages = "FROM scratch AS s0\nWORKDIR /a\nCOPY . .\n";
  std::string copies = "FROM scratch\n";
  for (std::size_t i = 1; i < times; ++i) {
    const std::string number = std::to_string(i);
    stages += "FROM s" + std::to_string(i - 1) + " AS s" + number + "\nWORKDIR a\nRUN npm ci\n";
    copies += "COPY a" + number + ".sh /b/\nRUN chmod +x /b/a" + number + ".sh\nRUN rm /b/x\n";
  }
  CHECK(findings_of(stages, true, true) <= times * 2);
  CHECK(findings_of(copies, true, false) == times - 1);
  const std::string mounts = "FROM scratch\nRUN " +
                             repeated("--mount=type=tmpfs,target=/a ", times) +
                             repeated("rm /b; ", times) + "\n";
  CHECK(findings_of(mounts, true, true) == 0);
}

}  // namespace slipway::testing
