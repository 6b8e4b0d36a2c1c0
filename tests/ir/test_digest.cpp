#include <ir/digest.hpp>

#include <doctest/doctest.h>

using namespace slipway;

TEST_CASE("a digest reads back what it wrote, and nothing else") {
  const Digest digest = sha256("abc");
  CHECK(digest.text() == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(Digest::parse(digest.text()) == digest);
  CHECK(Digest::parse_hex(digest.hex()) == digest);
  CHECK_FALSE(Digest::parse(digest.hex()));
  CHECK_FALSE(Digest::parse_hex("BA" + digest.hex().substr(2)));
  CHECK_FALSE(Digest::parse_hex(digest.hex() + "0"));
}

TEST_CASE("a hasher starts anew after finish") {
  Hasher hasher;
  hasher.update("ab");
  hasher.update("c");
  CHECK(hasher.finish() == sha256("abc"));
  CHECK(hasher.finish() == sha256(""));
}

TEST_CASE("the chainID of one layer is its diffID, of more the hash of both") {
  const DiffId lower{sha256("lower")};
  const DiffId upper{sha256("upper")};
  const ChainId one = chain_id(std::nullopt, lower);
  CHECK(one.digest == lower.digest);
  CHECK(chain_id(one, upper).digest == sha256(lower.text() + " " + upper.text()));
}
