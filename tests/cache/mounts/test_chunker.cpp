// Cuts by content: always the same, near the wanted size, and unmoved by what happens elsewhere.
#include "mount_fixture.hpp"

#include <cache/mounts/chunker.hpp>
#include <ir/digest.hpp>

#include <set>
#include <span>
#include <vector>

using namespace slipway;

namespace {

std::vector<std::string> chunks_of(std::string_view bytes) {
  std::vector<std::string> chunks;
  while (!bytes.empty()) {
    const std::size_t length = chunk_length(std::as_bytes(std::span(bytes.data(), bytes.size())));
    chunks.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return chunks;
}

}  // namespace

TEST_CASE("chunks are cut where they have always been cut") {
  std::mt19937_64 random(1);  // its numbers are those of the standard, on every machine
  const std::string bytes = random_bytes(random, 4 << 20);
  std::string lengths;
  for (const std::string& chunk : chunks_of(bytes)) lengths += std::to_string(chunk.size()) + "\n";
  // Another digest means that every chunk of every shared mount is new once.
  CHECK(sha256(lengths).hex() ==
        "cedde72bee081bfe2fbf774755de03bf21632ec25f2a1dbcbbcbd535b666faf8");
}

TEST_CASE("chunks have the sizes that were asked for") {
  std::mt19937_64 random(2);
  const auto chunks = chunks_of(random_bytes(random, 32 << 20));
  for (std::size_t i = 0; i + 1 < chunks.size(); ++i) {
    CHECK(chunks[i].size() >= smallest_chunk);
    CHECK(chunks[i].size() <= largest_chunk);
  }
  const std::size_t average = (std::size_t{32} << 20) / chunks.size();
  CHECK(average > average_chunk * 3 / 4);
  CHECK(average < average_chunk * 5 / 4);
}

TEST_CASE("zeros are cut at the largest size, and what is short is one chunk") {
  const auto chunks = chunks_of(std::string(1 << 20, '\0'));
  CHECK(chunks.size() == 8);
  CHECK(chunks_of("short").size() == 1);
  CHECK(chunks_of(std::string(smallest_chunk, 'x')).size() == 1);
}

TEST_CASE("a byte that is put in changes the chunk it is in, and at most the next ones") {
  std::mt19937_64 random(3);
  std::string bytes = random_bytes(random, 8 << 20);
  const auto before = chunks_of(bytes);
  const std::set<std::string> known(before.begin(), before.end());
  for (const std::size_t place : {std::size_t{0}, std::size_t{1} << 20, std::size_t{5} << 20}) {
    std::string edited = bytes;
    edited.insert(place, 1, 'x');
    std::size_t fresh = 0;
    for (const std::string& chunk : chunks_of(edited)) fresh += known.contains(chunk) ? 0 : 1;
    CHECK(fresh >= 1);
    CHECK(fresh <= 3);
  }
}
