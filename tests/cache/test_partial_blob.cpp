#include "child_process.hpp"
#include "temporary_folder.hpp"

#include <cache/blobs.hpp>
#include <cache/partial_blob.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

using namespace slipway;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(const PartialBlob& partial) {
  std::string text;
  partial.read([&text](std::span<const std::byte> bytes) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return text;
}

const Digest whole = sha256("front and end");

}  // namespace

TEST_CASE("what came of a blob is there for the next one, and becomes the blob") {
  TemporaryFolder folder;
  StateDirectory state(folder.path());
  {
    auto first = PartialBlob::attempt(state, whole);
    REQUIRE(first);
    CHECK(first->size() == 0);
    first->append(bytes_of("front "));
  }
  auto second = PartialBlob::attempt(state, whole);
  REQUIRE(second);
  CHECK(text_of(*second) == "front ");
  second->append(bytes_of("and end"));
  CHECK(text_of(*second) == "front and end");
  second->keep();
  CHECK(BlobStore(state).read(whole) == "front and end");
  CHECK(PartialBlob::list(state).empty());
}

TEST_CASE("one at a time adds to it, and who is killed leaves its front") {
  TemporaryFolder folder;
  ChildProcess other([&](const ChildProcess& child) {
    StateDirectory state(folder.path());
    auto partial = PartialBlob::attempt(state, whole);
    partial->append(bytes_of("front "));
    child.ready();
    ::pause();
    return true;
  });
  other.wait_until_ready();
  StateDirectory state(folder.path());
  CHECK_FALSE(PartialBlob::attempt(state, whole));
  CHECK(PartialBlob::in_use(state, whole));
  CHECK_FALSE(PartialBlob::drop(state, whole));
  CHECK(PartialBlob::size_of(state, whole) == 6);
  // Somebody who does not want to wait has one of his own.
  {
    PartialBlob aside = PartialBlob::aside(state, whole);
    aside.append(bytes_of("front and"));
  }
  CHECK(std::filesystem::is_empty(state.own_work()));
  other.kill();
  CHECK_FALSE(PartialBlob::in_use(state, whole));
  auto next = PartialBlob::attempt(state, whole);
  REQUIRE(next);
  CHECK(text_of(*next) == "front ");
  CHECK_FALSE(PartialBlob::attempt(state, whole));  // within a process, too
}

TEST_CASE("an empty one leaves nothing, and so does one that was wrong") {
  TemporaryFolder folder;
  StateDirectory state(folder.path());
  { auto partial = PartialBlob::attempt(state, whole); }
  CHECK(PartialBlob::list(state).empty());
  {
    auto partial = PartialBlob::attempt(state, whole);
    partial->append(bytes_of("something else"));
    partial->clear();
    CHECK(partial->size() == 0);
    partial->append(bytes_of("f"));
    CHECK(text_of(*partial) == "f");
    partial->clear();
  }
  CHECK(PartialBlob::list(state).empty());
}

TEST_CASE("what nobody has added to for a week goes, unless somebody is at it") {
  TemporaryFolder folder;
  StateDirectory state(folder.path());
  const auto leave = [&](std::string_view name, std::int64_t age) {
    const Digest digest = sha256(name);
    PartialBlob::attempt(state, digest)->append(bytes_of("x"));
    const timespec time{.tv_sec = std::time(nullptr) - age, .tv_nsec = 0};
    const timespec times[2] = {time, time};
    const std::string path = folder / ("partial/" + digest.hex());
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    return digest;
  };
  const Digest old = leave("old", PartialBlob::longest_unused + 60);
  const Digest used = leave("used", PartialBlob::longest_unused + 60);
  const Digest young = leave("young", 60);
  const auto in_use = PartialBlob::attempt(state, used);
  PartialBlob::drop_old(state);
  CHECK(PartialBlob::size_of(state, old) == 0);
  CHECK(PartialBlob::size_of(state, used) == 1);
  CHECK(PartialBlob::size_of(state, young) == 1);
}
