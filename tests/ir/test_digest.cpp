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

// RFC 4231, 4.2, 4.3 and 4.7.
TEST_CASE("a keyed digest is HMAC-SHA256") {
  CHECK(hmac_sha256(std::string(20, '\x0b'), "Hi There").hex() ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hmac_sha256("Jefe", "what do ya want for nothing?").hex() ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hmac_sha256(std::string(131, '\xaa'),
                    "Test Using Larger Than Block-Size Key - Hash Key First")
            .hex() == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
