// Whole builds in a container's rights, beside the same ones in the sandbox.
#include "samples/at_terminal.hpp"
#include "samples/workshop.hpp"

#include <doctest/doctest.h>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

constexpr const char* dockerfile = R"(FROM busybox AS base
RUN mkdir -p /data/a/b && echo one > /data/a/b/file && ln -s b /data/a/link
RUN rm -r /data/a/b && mkdir /data/a/b && echo two > /data/a/b/other
ENV GREETING=hello
COPY file /data/copied

FROM base AS left
RUN --mount=type=cache,target=/cache echo $GREETING > /cache/left && cat /data/copied > /left

FROM base AS right
RUN --mount=type=bind,from=left,target=/from --mount=type=secret,id=key \
    cat /from/left /run/secrets/key | wc -c > /right && chown 12:34 /right && chmod 4755 /right

FROM base
USER 1000:1000
WORKDIR /work
RUN test $(id -u) = 1000 && ! touch /etc/mine 2> /dev/null
USER root
COPY --from=left /left /
RUN --mount=type=bind,from=right,source=/right,target=/tmp/right cp -a /tmp/right / && rm /data/copied
RUN <<EOT
  echo heredoc > /heredoc
  mknod /pipe p
EOT
CMD ["/bin/sh"]
)";

struct Builds : Workshop {
  Builds() {
    write("Dockerfile", dockerfile);
    write("file", "copied\n");
    std::ofstream(folder() / "key") << "secret";
    const std::string image = folder() / "busybox.tar";
    output_of({SLIPWAY_PROGRAM, "--root", root(), "save", "-o", image, "busybox"});
    output_of({CONFINE, SLIPWAY_PROGRAM, "--root", containers_root(), "load", "-i", image});
  }

  // A store is for those who read the marks in it; without CAP_SYS_ADMIN they are others.
  fs::path containers_root() const { return folder() / "containers"; }

  std::vector<std::string> words(const fs::path& state, const std::string& isolation,
                                 std::vector<std::string> flags) const {
    std::vector<std::string> words = {SLIPWAY_PROGRAM,
                                      "--root",
                                      state.string(),
                                      "build",
                                      "--isolation=" + isolation,
                                      "--secret",
                                      "id=key,src=" + (folder() / "key").string()};
    words.insert(words.end(), flags.begin(), flags.end());
    words.push_back(context().string());
    return words;
  }

  Finished in_sandbox(const std::vector<std::string>& flags) const {
    return run(words(root(), "sandbox", flags));
  }
  Finished in_container(const std::vector<std::string>& flags,
                        const std::string& isolation = "chroot") const {
    std::vector<std::string> confined = {CONFINE};
    for (const std::string& word : words(containers_root(), isolation, flags))
      confined.push_back(word);
    return run(confined);
  }
  // On the sandbox's store.
  Finished in_container_of_admin(const std::vector<std::string>& flags) const {
    std::vector<std::string> confined = {CONFINE, "--admin"};
    for (const std::string& word : words(root(), "chroot", flags)) confined.push_back(word);
    return run(confined);
  }
};

bool says(const Finished& finished, const std::string& text) {
  return finished.err.find(text) != std::string::npos;
}

std::size_t entries(const fs::path& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++count;
  return count;
}

}  // namespace

TEST_CASE("what the sandbox built is all there for chroot, and the other way round") {
  SKIP_UNLESS_ROOT();
  const Builds builds;
  SUBCASE("the sandbox first") {
    const Finished first = builds.in_sandbox({});
    CHECK_MESSAGE(first.status == 0, first.err);
    const Finished second = builds.in_container_of_admin({});
    CHECK_MESSAGE(says(second, " 0 misses"), second.err);
  }
  SUBCASE("chroot first") {
    const Finished first = builds.in_container_of_admin({});
    CHECK_MESSAGE(first.status == 0, first.err);
    const Finished second = builds.in_sandbox({});
    CHECK_MESSAGE(says(second, " 0 misses"), second.err);
  }
}

TEST_CASE(
    "a layer of either kind has the same files: the image stays when all of it is run again") {
  SKIP_UNLESS_ROOT();
  const Builds builds;
  const Finished first = builds.in_sandbox({"-q"});
  REQUIRE_MESSAGE(first.status == 0, first.err);
  const Finished again = builds.in_container_of_admin({"-q", "--no-cache"});
  CHECK_MESSAGE(again.out == first.out, again.err);
  const Finished back = builds.in_sandbox({"-q", "--no-cache"});
  CHECK(back.out == first.out);
}

// Silently, files would be there again that a layer has removed.
TEST_CASE("a store is refused by those who do not read the marks in it, with a hint") {
  SKIP_UNLESS_ROOT();
  const Builds builds;
  const auto refused = [](const Finished& finished, const std::string& marks,
                          const std::string& hint) {
    CHECK(finished.status != 0);
    CHECK_MESSAGE(says(finished, "keeps what layers remove in " + marks), finished.err);
    CHECK_MESSAGE(says(finished, "hint: " + hint), finished.err);
  };
  const std::string other = builds.containers_root().string();
  const std::string mine = "it was filled in a container without that capability";
  refused(run(builds.words(other, "sandbox", {})), "user.*", mine);
  refused(run(builds.words(other, "chroot", {})), "user.*", mine);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"save", "-o", (builds.folder() / "out.tar").string(), "busybox"},
        std::vector<std::string>{"fsck"}}) {
    std::vector<std::string> words = {SLIPWAY_PROGRAM, "--root", other};
    words.insert(words.end(), command.begin(), command.end());
    refused(run(words), "user.*", mine);
    words[2] = builds.root();
    words.insert(words.begin(), CONFINE);
    refused(run(words), "trusted.*", "start this container with --privileged");
  }
  std::vector<std::string> confined = {CONFINE};
  for (const std::string& word : builds.words(builds.root(), "chroot", {}))
    confined.push_back(word);
  refused(run(confined), "trusted.*", "start this container with --privileged");
  // Nothing was done to either.
  CHECK(builds.in_container({}).status == 0);
  CHECK(builds.in_sandbox({}).status == 0);
}

TEST_CASE("--isolation=auto falls back in a container, says so, and is quiet where it is meant") {
  SKIP_UNLESS_ROOT();
  const Builds builds;
  const Finished fallen = builds.in_container({"--no-cache"}, "auto");
  CHECK_MESSAGE(fallen.status == 0, fallen.err);
  CHECK(says(fallen, "RUN steps run by chroot"));
  CHECK(!says(builds.in_container({"--no-cache"}), "RUN steps run by chroot"));
  const Finished refused = builds.in_container({"--no-cache"}, "sandbox");
  CHECK(refused.status != 0);
  CHECK_MESSAGE(says(refused, "--isolation=chroot"), refused.err);
  builds.write("Dockerfile", "FROM scratch\nCOPY file /\n");
  CHECK(!says(builds.in_container({}, "auto"), "RUN steps run by chroot"));
}

TEST_CASE("a store on an overlay, as a container's root is, takes whiteouts") {
  SKIP_UNLESS_ROOT();
  const Builds builds;
  const fs::path disk = builds.folder() / "disk";
  for (const char* name : {"lower", "upper", "work"}) fs::create_directories(disk / name);
  output_of({"cp", "-a", builds.containers_root(), disk / "lower" / "state"});
  std::vector<std::string> confined = {CONFINE, "--overlay", disk.string()};
  // In the overlay the paths below `disk` are those of its layers.
  for (const std::string& word : builds.words(
           disk / "state", "chroot", {"-o", "type=tar,dest=" + (builds.folder() / "t").string()}))
    confined.push_back(word);
  const Finished first = run(confined);
  CHECK_MESSAGE(first.status == 0, first.err);
  const Finished second = run(confined);
  CHECK_MESSAGE(says(second, " 0 misses"), second.err);
  const std::string names = output_of({"tar", "tf", (builds.folder() / "t").string()});
  CHECK(names.find("data/a/b/other") != std::string::npos);
  CHECK(names.find("data/a/b/file") == std::string::npos);
  CHECK(names.find("data/copied") == std::string::npos);
}

TEST_CASE("a killed slipway takes its steps with it, and the next one tidies up") {
  SKIP_UNLESS_ROOT();
  const Builds builds;
  const std::string mark = "4714." + std::to_string(::getpid());
  builds.write("Dockerfile", "FROM busybox\nRUN setsid sleep " + mark + " & sleep " + mark + "\n");
  std::vector<std::string> confined = {CONFINE};
  for (const std::string& word :
       builds.words(builds.containers_root(), "chroot", {"--progress=plain"}))
    confined.push_back(word);
  const auto alive = [&mark] { return run({"pgrep", "-fx", "sleep " + mark}).status == 0; };
  int signal = 0;
  SUBCASE("SIGKILL") {
    signal = SIGKILL;
  }
  SUBCASE("SIGINT") {
    signal = SIGINT;
  }
  SUBCASE("SIGTERM") {
    signal = SIGTERM;
  }
  Program program(confined);
  while (program.running() && !alive()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  REQUIRE(alive());
  program.kill(signal);
  CHECK(program.wait().status != 0);
  for (int patience = 0; alive() && patience < 500; ++patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(!alive());
  builds.write("Dockerfile", "FROM busybox\nRUN true\n");
  CHECK(builds.in_container({}).status == 0);
  CHECK(entries(builds.containers_root() / "work") == 0);
}

TEST_CASE("steps beside each other use one shared cache mount, one after the other") {
  SKIP_UNLESS_ROOT();
  const Builds builds;
  std::string text;
  std::string copies;
  for (const char* stage : {"a", "b", "c", "d"}) {
    text += std::string("FROM busybox AS ") + stage +
            "\nRUN --mount=type=cache,id=one,target=/cache echo " + stage +
            " >> /cache/log && sleep 0.1 && echo x > /out-" + stage + "\n";
    copies += std::string("COPY --from=") + stage + " /out-" + stage + " /\n";
  }
  builds.write("Dockerfile", text + "FROM busybox\n" + copies +
                                 "RUN --mount=type=cache,id=one,target=/cache "
                                 "test $(wc -l < /cache/log) = 4\n");
  const Finished finished = builds.in_container({});
  CHECK_MESSAGE(finished.status == 0, finished.err);
}

TEST_CASE("an isolation that does not exist is refused with a hint") {
  const Finished finished = run({SLIPWAY_PROGRAM, "build", "--isolation=chrot", "."});
  CHECK(finished.status != 0);
  CHECK(says(finished, "did you mean \"chroot\""));
}

TEST_CASE("a container's build that fails opens a shell in what the step left") {
  SKIP_UNLESS_ROOT();
  Builds builds;
  builds.write("Dockerfile",
               "FROM busybox\nENV COLOUR=blue\nWORKDIR /src\n"
               "RUN --mount=type=secret,id=key --mount=type=cache,target=/cache "
               "echo half > made; exit 7\n");
  std::vector<std::string> words = {CONFINE};
  for (const std::string& word : builds.words(builds.containers_root(), "chroot", {"--on-failure=shell"})) {
    words.push_back(word);
  }
  AtTerminal person(words);
  CHECK(person.shows("exit code: 7"));
  CHECK(person.shows("a shell in what"));
  CHECK(person.shows("# "));
  person.type("echo $COLOUR $(pwd) $(cat made) $(cat /run/secrets/key); touch /cache/kept\n");
  CHECK(person.shows("blue /src half secret"));
  person.type("echo armed-$((2+4)); sleep 1000\n");
  CHECK(person.shows("armed-6"));
  CHECK(person.shows("# ", "\x03"));
  person.type("exit\n");
  CHECK(person.wait() == 1);
  CHECK(person.is_cooked());

  // What was done in the shell is in no layer; the cache mount is everybody's.
  builds.write("Dockerfile",
               "FROM busybox\nENV COLOUR=blue\nWORKDIR /src\n"
               "RUN --mount=type=cache,target=/cache ls /cache; test ! -e made\n");
  const Finished again = builds.in_container({"--progress=plain"});
  INFO(again.err);
  CHECK(again.status == 0);
  CHECK(says(again, "kept"));
}

TEST_CASE("doctor finds out what a container lets slipway do") {
  SKIP_UNLESS_ROOT();
  Builds builds;
  const std::vector<std::string> doctor = {SLIPWAY_PROGRAM, "--root", builds.root().string(),
                                           "doctor"};
  const auto with = [&doctor](std::vector<std::string> before) {
    before.insert(before.end(), doctor.begin(), doctor.end());
    return run(before);
  };
  const auto has = [](const Finished& finished, std::string_view text) {
    return finished.out.find(text) != std::string::npos;
  };

  const Finished container = with({CONFINE});
  INFO(container.out);
  CHECK(container.status == 0);
  CHECK(has(container, "no  rights"));
  CHECK(has(container, "no  user namespaces"));
  CHECK(has(container, "no  sandbox"));
  CHECK(has(container, "--privileged"));
  CHECK(has(container, "ok  chroot"));
  CHECK(has(container, "by chroot RUN has this container's filter"));
  CHECK(has(container, "ok  linux/amd64"));  // tried by chroot
  CHECK(has(container, "by --isolation=chroot alone"));

  // Somebody else than root there can do nothing at all.
  const Finished nobody =
      with({CONFINE, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"});
  INFO(nobody.out);
  CHECK(nobody.status == 1);
  CHECK(has(nobody, "no  user namespaces"));
  CHECK(has(nobody, "no  chroot"));
  CHECK(has(nobody, "RUN cannot be executed here"));
}
