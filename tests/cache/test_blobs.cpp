#include "child_process.hpp"
#include "temporary_folder.hpp"

#include <cache/blobs.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace slipway;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE("a blob is found by its digest once it is complete, not before") {
  TemporaryFolder folder;
  StateDirectory state(folder.path());
  BlobStore blobs(state);
  const Digest digest = sha256("hello blob");
  const auto writer = blobs.create();
  writer->write(bytes_of("hello "));
  CHECK_FALSE(blobs.has(digest));
  writer->write(bytes_of("blob"));
  CHECK(writer->finish(digest) == digest);
  CHECK(blobs.has(digest));
  CHECK(blobs.size(digest) == 10);
  CHECK(blobs.read(digest) == "hello blob");
  CHECK(blobs.put("hello blob") == digest);
  CHECK(blobs.put("") == sha256(""));
  CHECK(blobs.read(sha256("")) == "");
}

TEST_CASE("a blob of another digest than expected leaves nothing behind") {
  TemporaryFolder folder;
  StateDirectory state(folder.path());
  BlobStore blobs(state);
  {
    const auto writer = blobs.create();
    writer->write(bytes_of("forged"));
    CHECK_THROWS_AS((void)writer->finish(sha256("genuine")), Error);
  }
  CHECK_FALSE(blobs.has(sha256("forged")));
  CHECK_FALSE(blobs.has(sha256("genuine")));
  CHECK(std::filesystem::is_empty(state.blobs()));
  CHECK(std::filesystem::is_empty(state.fresh_work_path().parent_path()));
}

TEST_CASE("a blob that was damaged on disk is noticed and removed") {
  TemporaryFolder folder;
  StateDirectory state(folder.path());
  BlobStore blobs(state);
  const Digest digest = blobs.put("genuine");
  folder.write("blobs/" + digest.hex(), "damaged");
  CHECK_THROWS_AS((void)blobs.read(digest), Error);
  CHECK_FALSE(blobs.has(digest));
  CHECK_THROWS_AS((void)blobs.open(digest), Error);
}

TEST_CASE("a process that is killed while it writes leaves no blob, and its rest is removed") {
  TemporaryFolder folder;
  ChildProcess child([&](const ChildProcess& self) {
    StateDirectory state(folder.path());
    BlobStore blobs(state);
    const auto writer = blobs.create();
    writer->write(bytes_of(std::string(100000, 'x')));
    self.ready();
    ::pause();
    return true;
  });
  child.wait_until_ready();
  child.kill();
  StateDirectory state(folder.path());
  CHECK(std::filesystem::is_empty(state.blobs()));
  BlobStore(state).put("next");
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "work"), {}) == 1);
}
