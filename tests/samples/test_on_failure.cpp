// A RUN has failed: a shell where it happened, and its files.
#include "at_terminal.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

std::vector<std::string> build_words(const Workshop& workshop,
                                     const std::vector<std::string>& flags = {}) {
  std::vector<std::string> words{SLIPWAY_PROGRAM, "--root",           workshop.root().string(),
                                 "build",         "--progress=plain", "--on-failure=shell"};
  words.insert(words.end(), flags.begin(), flags.end());
  words.push_back(workshop.context().string());
  return words;
}

// Mounts and processes of the store, which must not outlive a build.
std::string mounts_in(const fs::path& folder) {
  std::ifstream table("/proc/self/mountinfo");
  std::string found;
  for (std::string line; std::getline(table, line);) {
    if (line.find(folder.string()) != std::string::npos) found += line + "\n";
  }
  return found;
}

const char* const failing =
    "FROM busybox\n"
    "ENV COLOUR=blue\n"
    "RUN echo builder:x:1000:1000::/:/bin/sh >> /etc/passwd; mkdir /src; chown 1000 /src\n"
    "WORKDIR /src\n"
    "USER builder\n"
    "RUN --mount=type=cache,target=/cache,uid=1000 --mount=type=tmpfs,target=/scratch "
    "--mount=type=secret,id=token,uid=1000 --mount=target=/context "
    "echo half > made; echo the last words; exit 7\n"
    "RUN true\n";

}  // namespace

TEST_CASE("a shell opens in what the failed step left, with its user, directory and mounts") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", failing);
  workshop.write("notes.txt", "from the context");
  workshop.write("token.txt", "sesame");
  AtTerminal person(build_words(
      workshop, {"--secret", "id=token,src=" + (workshop.context() / "token.txt").string()}));
  CHECK(person.shows("the last words"));
  CHECK(person.shows("exit code: 7"));
  CHECK(person.shows("a shell in what"));
  CHECK(person.shows("$ "));
  CHECK_FALSE(person.is_cooked());  // keys are the shell's

  person.type("echo $COLOUR $(id -un) $(pwd) $(cat made)\n");
  CHECK(person.shows("blue builder /src half"));
  person.type(
      "cat /context/notes.txt /run/secrets/token; touch /cache/kept /scratch/here && echo "
      "wrote-$((1+1))\n");
  CHECK(person.shows("from the contextsesame"));
  CHECK(person.shows("wrote-2"));
  person.type("tty; stty size; echo $TERM\n");
  CHECK(person.shows("/dev/pts/0"));
  CHECK(person.shows("40 120"));
  CHECK(person.shows("vt220"));

  person.resize(50, 90);
  person.type("sleep 0.3; stty size\n");
  CHECK(person.shows("50 90"));

  // Ctrl-C is the shell's: it interrupts what runs there, and neither the shell nor slipway.
  person.type("echo armed-$((2+4)); sleep 1000\n");
  CHECK(person.shows("armed-6"));
  CHECK(person.shows("$ ", "\x03"));
  person.type("echo still-$((2+3))\n");
  CHECK(person.shows("still-5"));

  person.type("exit 3\n");
  CHECK(person.wait() == 1);  // the failure's
  INFO(person.all());
  CHECK(person.is_cooked());
  // The failure is told once.
  CHECK(person.all().find("exit code: 7") == person.all().rfind("exit code: 7"));
  CHECK(mounts_in(workshop.root()).empty());
  CHECK(workshop.slipway({"fsck"}).status == 0);

  // What was done in the shell is in no layer; the cache mount is everybody's.
  workshop.write(
      "Dockerfile",
      "FROM busybox\nENV COLOUR=blue\n"
      "RUN echo builder:x:1000:1000::/:/bin/sh >> /etc/passwd; mkdir /src; chown 1000 /src\n"
      "WORKDIR /src\nUSER builder\n"
      "RUN --mount=type=cache,target=/cache,uid=1000 ls /cache /src; test ! -e made\n");
  const Built again = workshop.build();
  CHECK(again.status == 0);
  CHECK(again.log.find("kept") != std::string::npos);
}

TEST_CASE("Ctrl-D leaves the shell; SIGTERM ends it, and the terminal is as it was") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN exit 7\n");
  {
    AtTerminal person(build_words(workshop));
    CHECK(person.shows("# "));
    person.type("\x04");
    CHECK(person.wait() == 1);
    CHECK(person.is_cooked());
  }
  AtTerminal person(build_words(workshop));
  CHECK(person.shows("a shell in what"));
  person.type("echo ready-$((3+3)); sleep 1000\n");
  CHECK(person.shows("ready-6"));
  person.signal(SIGTERM);
  CHECK(person.wait() == 1);
  CHECK(person.is_cooked());
  CHECK(mounts_in(workshop.root()).empty());
}

TEST_CASE("SHELL's program is the shell, and /bin/sh where the image has it not") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\nRUN cp /bin/busybox /bin/ash2 && ln -s busybox /bin/fish\n"
                 "SHELL [\"/bin/ash\", \"-e\", \"-c\"]\nRUN exit 7\n");
  {
    AtTerminal person(build_words(workshop));
    CHECK(person.shows("# "));
    person.type("false\necho $0 goes on\n");  // without SHELL's -e
    CHECK(person.shows("/bin/ash goes on"));
    person.type("exit\n");
    CHECK(person.wait() == 1);
  }
  workshop.write("Dockerfile", "FROM busybox\nSHELL [\"/bin/bash\", \"-c\"]\nRUN true\n");
  AtTerminal person(build_words(workshop));
  CHECK(person.shows("/bin/bash"));
  CHECK(person.shows("taking /bin/sh"));
  CHECK(person.shows("# "));
  person.type("exit\n");
  CHECK(person.wait() == 1);
}

TEST_CASE("an image without a shell says so, and a build that succeeds opens none") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM scratch\nRUN [\"/nothing\"]\n");
  {
    AtTerminal person(build_words(workshop));
    CHECK(person.shows("there is no shell to open"));
    CHECK(person.wait() == 1);
  }
  workshop.write("Dockerfile", "FROM busybox\nRUN true\n");
  AtTerminal person(build_words(workshop));
  CHECK(person.wait() == 0);
  CHECK(person.all().find("a shell in what") == std::string::npos);
}

TEST_CASE("with --keep-going the shell opens when everything else has ended") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox AS a\nRUN echo first > /mine; exit 7\n"
                 "FROM busybox AS b\nRUN sleep 1; echo the other is done\n"
                 "FROM busybox\nCOPY --from=a / /a\nCOPY --from=b / /b\n");
  AtTerminal person(build_words(workshop, {"--keep-going"}));
  CHECK(person.shows("the other is done"));
  CHECK(person.shows("a shell in what"));
  person.type("cat /mine; exit\n");
  CHECK(person.shows("first"));
  CHECK(person.wait() == 1);
}

TEST_CASE("without a terminal a shell is refused before anything runs") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN exit 7\n");
  const Built built = workshop.build({"--on-failure=shell"});
  CHECK(built.status == 1);
  CHECK(built.log.find("needs a terminal") != std::string::npos);
  CHECK(built.log.find("--output-on-failure") != std::string::npos);
  CHECK(built.log.find("RUN exit 7") == std::string::npos);

  CHECK(workshop.build({"--on-failure=shel"}).log.find("did you mean") != std::string::npos);
}

TEST_CASE("the message of a failure names the ways to look into it") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN exit 7\n");
  const Built built = workshop.build();
  CHECK(built.log.find("--on-failure=shell") != std::string::npos);
  CHECK(built.log.find("--output-on-failure") != std::string::npos);
}

TEST_CASE("the failed step's files are taken out as a directory and as a tar") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\nRUN echo old > /old\n"
                 "RUN rm /old; mkdir -p /out/logs; echo why > /out/logs/test.log; exit 7\n");
  const fs::path directory = workshop.folder() / "out";
  const fs::path tar = workshop.folder() / "out.tar";
  const Built built =
      workshop.build({"--output-on-failure", "type=local,dest=" + directory.string(),
                      "--output-on-failure", "type=tar,dest=" + tar.string()});
  CHECK(built.status == 1);
  CHECK(built.log.find("exit code: 7") != std::string::npos);
  CHECK(read(directory / "out/logs/test.log") == "why\n");
  CHECK(fs::exists(directory / "bin/busybox"));  // the whole root file system
  CHECK_FALSE(fs::exists(directory / "old"));
  const std::string list = output_of({"tar", "tf", tar.string()});
  CHECK(list.find("out/logs/test.log") != std::string::npos);
  CHECK(list.find("\nold\n") == std::string::npos);

  const Built refused = workshop.build({"--output-on-failure", "type=oci,dest=x"});
  CHECK(refused.status == 1);
  CHECK(refused.log.find("type=local") != std::string::npos);
}
