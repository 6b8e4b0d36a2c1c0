// Secrets: who gets them, in which shape, and where they must never be found.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string write_secret(const Workshop& workshop, const std::string& name,
                         const std::string& value) {
  const fs::path file = workshop.folder() / name;
  std::ofstream(file, std::ios::binary) << value;
  return file.string();
}

// The files below a folder that hold the text, a store's database and its log included.
std::vector<std::string> files_with(const fs::path& folder, const std::string& text) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.is_symlink()) continue;
    if (has(read(entry.path()), text)) found.push_back(entry.path().string());
  }
  return found;
}

// Standard input is a file, as of `slipway ... < FILE`.
Finished slipway_with_input(const Workshop& workshop, const std::string& input,
                            const std::string& arguments) {
  return run({"sh", "-c", std::string(SLIPWAY_PROGRAM) + " " + arguments + " < " + input},
             {{"SLIPWAY_ROOT", workshop.root().string()}});
}

}  // namespace

TEST_CASE("a secret has the place, mode, owner and form that its mount asks for") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", R"dockerfile(FROM busybox
ENV OVER=image
RUN --mount=type=secret,id=key test "$(cat /run/secrets/key)" = bytes && \
    test "$(stat -c '%a %u %g' /run/secrets/key)" = "400 0 0"
RUN --mount=type=secret,id=key,target=sub/place,mode=741,uid=100,gid=102 \
    test "$(stat -c '%u %g %f' /sub/place)" = "100 102 81e1"
RUN --mount=type=secret,target=/etc/key grep bytes /etc/key
RUN --mount=type=secret,id=key,env=OVER test "$OVER" = bytes && test ! -e /run/secrets/key
RUN --mount=type=secret,id=key,env=OVER,target=/both test "$OVER$(cat /both)" = bytesbytes
RUN --mount=type=secret,id=absent --mount=type=secret,id=absent,env=A test ! -e /run/secrets && test -z "$A"
RUN test ! -e /run/secrets && test ! -e /sub && test ! -e /both && test ! -e /etc/key && test "$OVER" = image
USER 100:102
RUN --mount=type=secret,id=key,uid=100 cat /run/secrets/key > /dev/null
)dockerfile");
  const std::string file = write_secret(workshop, "value", "bytes");
  const Built built = workshop.build({"--secret", "id=key,src=" + file});
  INFO(built.log);
  CHECK(built.status == 0);

  workshop.write("Dockerfile", "FROM busybox\nRUN --mount=type=secret,id=absent,required true\n");
  const Built refused = workshop.build({"--secret", "id=key,src=" + file});
  CHECK(refused.status == 1);
  CHECK(has(refused.log, "secret \"absent\" is required and not given"));
  CHECK(has(refused.log, "hint: --secret id=absent,src=FILE"));
}

TEST_CASE("a secret's bytes are in no layer, record, log, history or output, nor their digest") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  // Their pieces are put together by no one but the step, so a hit is a leak.
  const std::string first = "first-Pa55w0rd-of-the-file";
  const std::string second = "second-Pa55w0rd-of-the-variable";
  workshop.write("Dockerfile", R"dockerfile(FROM busybox
RUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=TOKEN \
    cp /run/secrets/file /dev/shm/copy && test -n "$TOKEN" && env | grep -c TOKEN= && \
    echo ok > /made
RUN --mount=type=secret,id=variable,env=TOKEN,target=/run/t test "$TOKEN" = "$(cat /run/t)"
RUN echo done
)dockerfile");
  const std::string file = write_secret(workshop, "value", first);
  const std::vector<std::string> flags = {
      "-t", "with-secrets", "--secret", "id=file,cache=keyed,src=" + file, "--secret",
      "id=variable,cache=keyed,env=SECRET_OF_THE_TEST"};
  ::setenv("SECRET_OF_THE_TEST", second.c_str(), 1);
  const Built built = workshop.build(flags);
  const Built again = workshop.build(flags);
  // A step that fails is told of in full, with its output.
  workshop.write("Failing",
                 "FROM busybox\nRUN --mount=type=secret,id=variable,env=TOKEN sh -c 'exit 3'\n");
  std::vector<std::string> failing = flags;
  failing.insert(failing.end(), {"-f", (workshop.context() / "Failing").string()});
  const Built failed = workshop.build(failing);
  const fs::path tar = workshop.folder() / "image.tar";
  const Finished saved = workshop.slipway({"save", "-o", tar.string(), "with-secrets"});
  const Finished history = workshop.slipway({"history", "--no-trunc", "with-secrets"});
  const Finished inspect = workshop.slipway({"inspect", "with-secrets"});
  const Finished graph = workshop.slipway({"build", "--print=graph", workshop.context().string()});
  ::unsetenv("SECRET_OF_THE_TEST");
  INFO(built.log);
  REQUIRE(built.status == 0);
  CHECK(again.hits == 3);
  CHECK(failed.status == 1);
  REQUIRE(saved.status == 0);
  fs::remove(file);

  const auto digest_of = [](const std::string& text) {
    return output_of({"sh", "-c", "printf %s \"$0\" | sha256sum | cut -d' ' -f1 | tr -d '\\n'", text});
  };
  for (const std::string& text : {first, second, digest_of(first), digest_of(second)}) {
    CAPTURE(text);
    CHECK(files_with(workshop.folder(), text) == std::vector<std::string>{});
    for (const std::string& output : {built.log, again.log, failed.log, history.out, inspect.out,
                                      graph.out, graph.err, history.err})
      CHECK_FALSE(has(output, text));
  }
}

TEST_CASE("a step beside the one with the secret has it neither in a file nor in a process") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  // Both are there at once: each waits for the other's sign in a cache mount that they share.
  workshop.write("Dockerfile", R"dockerfile(FROM busybox AS holder
RUN --mount=type=cache,target=/c --mount=type=secret,id=key,env=KEY --mount=type=secret,id=key \
    grep -q Pa55w0rd /proc/self/environ && touch /c/holding; until test -e /c/looked; do sleep 0.05; done; echo held > /held
FROM busybox AS looker
RUN --mount=type=cache,target=/c until test -e /c/holding; do sleep 0.05; done; \
    found=; for f in /proc/[0-9]*/environ /proc/*/mountinfo /run/secrets/*; do \
      grep -q Pa55w0rd "$f" 2>/dev/null && found="$found $f"; done; \
    env | grep Pa55w0rd && found="$found env"; \
    touch /c/looked; test -z "$found" || { echo "found in$found"; exit 1; }
FROM busybox
COPY --from=holder /held /
COPY --from=looker /etc/passwd /
)dockerfile");
  const std::string file = write_secret(workshop, "value", "Pa55w0rd-that nobody else has");
  const Built built = workshop.build({"--secret", "id=key,src=" + file});
  INFO(built.log);
  CHECK(built.status == 0);
}

TEST_CASE("a changed secret invalidates only where it is keyed, and says so without its digest") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\nRUN --mount=type=secret,id=x cat /run/secrets/x | wc -c > /size\n");
  const std::string file = write_secret(workshop, "value", "one");
  const auto build = [&](const std::string& more) {
    return workshop.build({"--secret", "id=x,src=" + file + more});
  };
  CHECK(build("").misses == 1);
  write_secret(workshop, "value", "three");
  CHECK(build("").hits == 1);
  CHECK(build(",cache=keyed").misses == 1);
  CHECK(build(",cache=keyed").hits == 1);
  write_secret(workshop, "value", "seventeen");
  const Built changed = build(",cache=keyed");
  REQUIRE(changed.misses == 1);
  CHECK(changed.steps.back().reason == "secret x changed");
  CHECK(has(changed.log, "  secret x changed\n"));
  struct stat status {};
  REQUIRE(::stat((workshop.root() / "secret.key").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("a secret comes from a file, the environment or standard input, and once only") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN --mount=type=secret,id=x test \"$(cat /run/secrets/x)\" = 'from input'\n"
                 "RUN --mount=type=secret,id=x,env=X test \"$X\" = 'from input'\n");
  const std::string input = write_secret(workshop, "input", "from input");
  const std::string context = workshop.context().string();
  const Finished built =
      slipway_with_input(workshop, input, "build --secret id=x,src=- " + context);
  INFO(built.err);
  CHECK(built.status == 0);

  const auto complaint = [&](const std::string& arguments) {
    const Finished refused = slipway_with_input(workshop, input, "build " + arguments);
    CHECK(refused.status == 1);
    return refused.err;
  };
  CHECK(has(complaint("--secret id=x,src=- -"), "the build context cannot both be standard input"));
  CHECK(has(complaint("--secret id=x,src=- -f - " + context),
            "the Dockerfile cannot both be standard input"));
  CHECK(has(complaint("--secret id=x,src=- --secret id=y,src=- " + context),
            "cannot both be standard input"));
  CHECK(has(complaint("--secret id=x,src=/nowhere " + context), "cannot read \"/nowhere\""));
  CHECK(has(complaint("--secret id=x,src=/etc " + context), "\"/etc\" is a directory"));
  CHECK(has(complaint("--secret id=x,env=NO_SUCH_VARIABLE " + context), "NO_SUCH_VARIABLE"));
  CHECK(has(complaint("--secret src=" + input + " " + context), "has no id"));
  CHECK(has(complaint("--secret id=x,type=socket " + context), "has no type \"socket\""));
  CHECK(has(complaint("--secret id=x,cache=yes " + context), "cache=keyed"));
  CHECK(has(complaint("--secret id=x,scr=" + input + " " + context), "did you mean \"src\"?"));
}

TEST_CASE("without a source a secret is the variable of its name, else the file") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\nRUN --mount=type=secret,id=NAME cat /run/secrets/NAME\n");
  write_secret(workshop, "NAME", "of the file");
  const auto output = [&](const std::string& secret, const std::string& variables) {
    return run({"sh", "-c",
                "cd " + workshop.folder().string() + " && " + variables + " " + SLIPWAY_PROGRAM +
                    " build --no-cache --progress=plain --secret " + secret + " context"},
               {{"SLIPWAY_ROOT", workshop.root().string()}})
        .err;
  };
  CHECK(has(output("id=NAME", ""), " of the file"));
  CHECK(has(output("id=NAME", "NAME='of the variable'"), " of the variable"));
  CHECK(has(output("id=NAME,type=file", "NAME='of the variable'"), " of the file"));
  CHECK(has(output("id=NAME,type=env,src=OTHER", "OTHER='of another'"), " of another"));
  CHECK(has(output("ID=NAME,SOURCE=NAME", "NAME='of the variable'"), " of the file"));
}
