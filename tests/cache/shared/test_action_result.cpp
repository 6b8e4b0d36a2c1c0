#include <cache/shared/action_result.hpp>

#include <doctest/doctest.h>

#include <random>

using namespace slipway;

namespace {

SharedBlob blob_of(const std::string& bytes) {
  return {.digest = sha256(bytes), .size = bytes.size()};
}

std::string bytes_in(std::string_view message) {
  const auto place = read_action_result(message);
  if (!place) return "(no message)";
  const auto* bytes = std::get_if<std::string>(&*place);
  return bytes == nullptr ? "(a blob)" : *bytes;
}

}  // namespace

TEST_CASE("the message is the one that the protocol's description gives") {
  // As `protoc --encode=build.bazel.remote.execution.v2.ActionResult` writes it: field 2 with a
  // path and a digest, field 5.
  const std::string hex = sha256("a").hex();
  const std::string digest = "\x0a\x40" + hex + "\x10\x01";
  const std::string file = "\x0a\x40" + hex + "\x12\x44" + digest;
  CHECK(file.size() == 0x88);
  CHECK(write_action_result(std::string("record"), {blob_of("a")}) ==
        std::string("\x12\x88\x01") + file + "\x2a\x06record");
  // 300 is a varint of two bytes; nothing is one that is left out.
  const std::string many(300, 'x');
  CHECK(write_action_result(blob_of(many), {}) ==
        "\x32\x45\x0a\x40" + sha256(many).hex() + "\x10\xac\x02");
  CHECK(write_action_result(blob_of(""), {}) == "\x32\x42\x0a\x40" + sha256("").hex());
}

TEST_CASE("what was written is read") {
  const std::vector<SharedBlob> blobs = {blob_of("a"), blob_of(""),
                                         blob_of(std::string(99999, 'b'))};
  CHECK(bytes_in(write_action_result(std::string("record"), blobs)) == "record");
  CHECK(bytes_in(write_action_result(std::string(), blobs)) == "");
  const auto apart = read_action_result(write_action_result(blob_of("record"), blobs));
  REQUIRE(apart);
  CHECK(std::get<SharedBlob>(*apart) == blob_of("record"));
}

TEST_CASE("what a server adds is skipped") {
  const std::string message = write_action_result(std::string("record"), {});
  const std::string exit_code = "\x20\x07", metadata = std::string("\x4a\x03\x0a\x01x", 5);
  const std::string fixed = std::string("\x79") + "12345678" + "\x7d" + "1234";
  CHECK(bytes_in(exit_code + message + metadata + fixed) == "record");
  // The last of a field counts.
  CHECK(bytes_in(message + write_action_result(std::string("later"), {})) == "later");
}

TEST_CASE("what is no message gives nothing") {
  using namespace std::string_literals;
  for (const std::string& bytes : {
           "not a message"s, "<html>"s, "\x2a"s,
           "\x2a\x05"s
           "abcd",
           "\x2a\xff\xff\xff\xff\x0f"s,
           "\x00\x00"s,                    // field 0
           "\x2b"s, "\x2c"s, "\x2e\x00"s,  // groups, and a wire type that there is not
           std::string(11, '\x80'),        // a number without an end
           "\x32\x00"s,                    // a digest without a hash
           "\x32\x04\x0a\x02zz"s,          // and with one that is none
       }) {
    CAPTURE(bytes);
    CHECK(bytes_in(bytes) == "(no message)");
  }
}

TEST_CASE("any bytes are read to an end") {
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  const std::vector<SharedBlob> blobs = {blob_of("a"), blob_of("bb")};
  const std::string whole[] = {write_action_result(std::string("a record of some bytes"), blobs),
                               write_action_result(blob_of("apart"), blobs)};
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole[below(2)];
    bytes.resize(below(bytes.size() + 1));
    for (std::size_t i = below(4); i > 0 && !bytes.empty(); --i)
      bytes[below(bytes.size())] = static_cast<char>(below(256));
    const auto place = read_action_result(bytes);
    const auto* record = place ? std::get_if<std::string>(&*place) : nullptr;
    if (record != nullptr) REQUIRE(record->size() <= bytes.size());
  }
}
