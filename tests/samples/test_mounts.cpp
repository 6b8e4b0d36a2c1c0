// Cache mounts that two machines share: --cache-mount-to and --cache-mount-from.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

using namespace slipway;

namespace {

// Says what it finds in its mount, and leaves something there. ROUND makes it another step.
constexpr const char* dockerfile =
    "FROM busybox\n"
    "ARG ROUND=1\n"
    "RUN --mount=type=cache,id=things,target=/cache \\\n"
    "    echo found: $(ls /cache | sort | tr '\\n' ' ') && \\\n"
    "    mkdir -p /cache/dir && echo $ROUND > /cache/dir/$ROUND && touch /cache/made-in-$ROUND\n";

bool says(const Built& built, const std::string& text) {
  return built.log.find(text) != std::string::npos;
}

// The files of a shared folder that are blobs.
std::vector<std::filesystem::path> blobs_in(const std::filesystem::path& shared) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(shared / "blobs"))
    if (entry.is_regular_file()) found.push_back(entry.path());
  return found;
}

}  // namespace

TEST_CASE("a second machine begins with the cache mount of the first") {
  SKIP_UNLESS_ROOT();
  const TemporaryFolder shared;
  const std::string to = "type=local,dest=" + shared.path.string();
  const std::string from = "type=local,src=" + shared.path.string();
  const Workshop one;
  one.write("Dockerfile", dockerfile);
  Built built = one.build({"--cache-mount-to", to, "--cache-mount-from", from});
  REQUIRE(built.status == 0);
  CHECK(says(built, "found:\n"));
  CHECK(says(built, "cache mount things: exported, "));
  CHECK_FALSE(says(built, "imported"));

  const Workshop other;
  other.write("Dockerfile", dockerfile);
  built = other.build({"--build-arg=ROUND=2", "--cache-mount-to", to, "--cache-mount-from", from});
  REQUIRE(built.status == 0);
  CHECK(says(built, "found: dir made-in-1"));
  CHECK(says(built, "cache mount things: imported, "));
  CHECK(says(built, "cache mount things: exported, "));

  // One that has a mount knows better than any other machine.
  built = one.build({"--build-arg=ROUND=3", "--cache-mount-from", from});
  REQUIRE(built.status == 0);
  CHECK(says(built, "found: dir made-in-1\n"));
  CHECK_FALSE(says(built, "imported"));

  // Nothing has changed since, so nothing is sent.
  built = other.build({"--build-arg=ROUND=2", "--cache-mount-to", to});
  REQUIRE(built.status == 0);
  CHECK(says(built, "nothing new"));
}

TEST_CASE("id= chooses the mounts that are shared") {
  SKIP_UNLESS_ROOT();
  const TemporaryFolder shared;
  const std::string to = "type=local,dest=" + shared.path.string();
  const Workshop one;
  one.write(
      "Dockerfile",
      "FROM busybox\nRUN --mount=type=cache,id=a,target=/a "
      "--mount=type=cache,id=b,target=/b --mount=type=cache,target=/c touch /a/x /b/x /c/x\n");
  const Built built = one.build({"--cache-mount-to", to + ",id=a,id=/c"});
  REQUIRE(built.status == 0);
  CHECK(says(built, "cache mount a: exported"));
  CHECK(says(built, "cache mount /c: exported"));
  CHECK_FALSE(says(built, "cache mount b"));
  const Built misspelt = one.build({"--cache-mount-to", to + ",id=a,id=/cc"});
  REQUIRE(misspelt.status == 0);
  CHECK(says(misspelt, "note: no step of this build has the cache mount \"/cc\""));
  CHECK(says(misspelt, "cache mount a: exported"));
}

TEST_CASE("a shared mount that is damaged costs a note, and the mount begins empty") {
  SKIP_UNLESS_ROOT();
  const TemporaryFolder shared;
  const Workshop one;
  one.write("Dockerfile", dockerfile);
  REQUIRE(one.build({"--cache-mount-to", "type=local,dest=" + shared.path.string()}).status == 0);
  for (const auto& blob : blobs_in(shared.path)) {
    std::fstream file(blob, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(10);
    file.put('\x55');
  }
  const Workshop other;
  other.write("Dockerfile", dockerfile);
  const Built built = other.build({"--cache-mount-from", "type=local,src=" + shared.path.string()});
  CHECK(built.status == 0);
  CHECK(says(built, "found:\n"));
  CHECK(says(built, "note: cache mount \"things\" was not imported"));
}

TEST_CASE("an export that cannot be written costs a note") {
  SKIP_UNLESS_ROOT();
  const TemporaryFolder shared;
  std::ofstream(shared.path / "file") << "in the way";
  const Workshop one;
  one.write("Dockerfile", dockerfile);
  const Built built = one.build(
      {"--cache-mount-to", "type=local,dest=" + (shared.path / "file" / "below").string()});
  CHECK(built.status == 0);
  CHECK(says(built, "note: cache mount \"things\" was not exported"));
}

TEST_CASE("with --cache-read-only nothing is exported") {
  SKIP_UNLESS_ROOT();
  const TemporaryFolder shared;
  const Workshop one;
  one.write("Dockerfile", dockerfile);
  const Built built = one.build({"--cache-read-only", "--cache-mount-to",
                                 "type=local,dest=" + (shared.path / "mounts").string()});
  CHECK(built.status == 0);
  CHECK_FALSE(std::filesystem::exists(shared.path / "mounts"));
}

TEST_CASE("only what a trusted key signed is imported") {
  SKIP_UNLESS_ROOT();
  const TemporaryFolder shared;
  const std::string key = (shared.path / "key.pem").string();
  const std::string pub = (shared.path / "pub.pem").string();
  if (run({"openssl", "genpkey", "-algorithm", "ed25519", "-out", key}).status != 0) {
    MESSAGE("skipped: there is no openssl program");
    return;
  }
  output_of({"openssl", "pkey", "-in", key, "-pubout", "-out", pub});
  const std::string to = "type=local,dest=" + (shared.path / "mounts").string();
  const std::string from = "type=local,src=" + (shared.path / "mounts").string();
  const Workshop one;
  one.write("Dockerfile", dockerfile);
  REQUIRE(one.build({"--cache-mount-to", to}).status == 0);

  const Workshop careful;
  careful.write("Dockerfile", dockerfile);
  Built built = careful.build({"--cache-mount-from", from, "--cache-trust", pub});
  CHECK(built.status == 0);
  CHECK(says(built, "no trusted key signed"));
  CHECK(says(built, "found:\n"));

  // The same mount, with a signature.
  built = one.build({"--cache-mount-to", to, "--cache-sign", key});
  CHECK(says(built, "cache mount things: exported"));
  const Workshop other;
  other.write("Dockerfile", dockerfile);
  built = other.build({"--cache-mount-from", from, "--cache-trust", pub});
  CHECK(says(built, "found: dir made-in-1"));
}

TEST_CASE("a spec that cannot be used is refused before anything is built") {
  const Workshop one;
  one.write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
  for (const char* spec : {"type=lokal,dest=x", "type=local", "type=local,dest=x,id=", "id=a"}) {
    CAPTURE(spec);
    const Built built = one.build({"--cache-mount-to", spec});
    CHECK(built.status != 0);
    CHECK(says(built, "hint: "));
  }
}
