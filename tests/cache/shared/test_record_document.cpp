// The document of a record: the same bytes for the same record, and nothing from a stranger's.
#include "fake_cache.hpp"

#include <cache/archive/zstd.hpp>
#include <cache/registry/base64.hpp>
#include <cache/shared/record_document.hpp>

#include <doctest/doctest.h>

#include <random>

using namespace slipway;

namespace {

SharedRecord example() {
  SharedRecord shared;
  Record& record = shared.record;
  record.parts = {{"operation", "run"},
                  {"", ""},
                  {std::string("zero\0label", 10), "caf\xc3\xa9 \"quoted\" \\ \n"},
                  {"bytes", "\xff\x80\x7f"},
                  {"\xed\xa0\x80", "a surrogate is no UTF-8"}};
  record.key = cache_key(record.parts);
  record.layer = {DiffId{sha256("layer")}, TreeDigest{sha256("tree")}, 12345};
  record.created = 1'700'000'000;
  record.ran = 1'700'000'100;
  record.duration = 1'500'000'000;
  record.last_used = 1'800'000'000;
  record.uses = 7;
  record.step = "[build 2/5] RUN make \xfe";
  shared.index = {sha256("index"), 100};
  shared.tar = {sha256("tar"), 200};
  shared.files = {{"files", std::string("odd\0bytes\xff", 10)}, {"mount[/a].files", ""}};
  return shared;
}

void check_same(const SharedRecord& one, const SharedRecord& other) {
  CHECK(one.record.key == other.record.key);
  CHECK(one.record.parts == other.record.parts);
  CHECK(one.record.layer == other.record.layer);
  CHECK(one.record.created == other.record.created);
  CHECK(one.record.ran == other.record.ran);
  CHECK(one.record.duration == other.record.duration);
  CHECK(one.record.step == other.record.step);
  CHECK(one.index == other.index);
  CHECK(one.tar == other.tar);
  REQUIRE(one.files.size() == other.files.size());
  for (std::size_t i = 0; i < one.files.size(); ++i) {
    CHECK(one.files[i].part == other.files[i].part);
    CHECK(one.files[i].list == other.files[i].list);
  }
}

bool is_read(const std::string& document, const CacheKey& key) {
  try {
    read_record_document(document, key);
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string zstd(std::string_view bytes) {
  std::string result;
  ZstdWriter writer([&](std::span<const std::byte> piece) {
    result.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  writer.write(std::as_bytes(std::span(bytes)));
  writer.finish();
  return result;
}

}  // namespace

TEST_CASE("a document gives back the record it was made of, whatever bytes its parts have") {
  const SharedRecord shared = example();
  const std::string document = write_record_document(shared);
  CHECK(document == write_record_document(shared));
  check_same(shared, read_record_document(document, shared.record.key));
  CHECK(write_record_document(read_record_document(document, shared.record.key)) == document);
  CHECK_FALSE(is_read(document, cache_key({{"another", "key"}})));
}

TEST_CASE("a document is this text, on every machine") {
  SharedRecord shared = example();
  shared.record.parts = {{"operation", "run"}, {"bytes", "\xff"}};
  shared.record.step = "RUN make";
  shared.files.clear();
  const std::string zeros(64, '0');
  shared.record.layer = {DiffId{}, TreeDigest{}, 5};
  shared.index.digest = shared.tar.digest = {};
  CHECK(write_record_document(shared) ==
        R"({"created":1700000000,"duration":1500000000,"files":[],"format":1,)"
        R"("index":{"digest":"sha256:)" +
            zeros +
            R"(","size":100},)"
            R"("layer":{"diff_id":"sha256:)" +
            zeros + R"(","size":5,"tree":"sha256:)" + zeros +
            R"("},"parts":[["operation","run"],["bytes",{"base64":"/w=="}]],)"
            R"("ran":1700000100,"step":"RUN make","tar":{"digest":"sha256:)" +
            zeros + R"(","size":200}})");
}

TEST_CASE("what a document lacks or has otherwise makes it none") {
  const SharedRecord shared = example();
  const CacheKey key = shared.record.key;
  const std::string document = write_record_document(shared);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string altered = document;
    const std::size_t at = altered.find(from);
    REQUIRE(at != std::string::npos);
    return altered.replace(at, from.size(), to);
  };
  CHECK(is_read(with(R"({"created")", R"({"added":[{"x":1}],"created")"), key));
  CHECK_FALSE(is_read("", key));
  CHECK_FALSE(is_read("null", key));
  CHECK_FALSE(is_read("[]", key));
  CHECK_FALSE(is_read(with(R"("format":1)", R"("format":2)"), key));
  CHECK_FALSE(is_read(with(R"("format":1)", R"("format":"1")"), key));
  for (const char* name : {"created", "ran", "duration", "files", "format", "index", "layer",
                           "parts", "step", "tar", "diff_id", "size", "tree", "digest"}) {
    CHECK_FALSE(is_read(with("\"" + std::string(name) + "\"", "\"other\""), key));
  }
  for (const char* number : {"-1", "1.5", "1e300", "\"1\"", "null", "18446744073709551616",
                             "9223372036854775808", "{}"}) {
    CHECK_FALSE(is_read(with("1700000000", number), key));
    CHECK_FALSE(is_read(with("1500000000", number), key));
    CHECK_FALSE(is_read(with("12345", number), key));
  }
  // Durations are added up.
  CHECK_FALSE(is_read(with("1500000000", "9223372036854775807"), key));
  CHECK_FALSE(is_read(with("sha256:", "sha512:"), key));
  CHECK_FALSE(is_read(with(R"(["operation","run"])", R"(["operation"])"), key));
  CHECK_FALSE(is_read(with(R"(["operation","run"])", R"(["operation","run","x"])"), key));
  CHECK_FALSE(is_read(with(R"(["operation","run"])", "7"), key));
  CHECK_FALSE(is_read(with(R"("run")", R"({"base64":"?"})"), key));
  CHECK_FALSE(is_read(with(R"("run")", R"({"base64":7})"), key));
}

TEST_CASE("a document that would fill the memory is refused before it does") {
  const CacheKey key = example().record.key;
  const std::string document = write_record_document(example());
  const auto with_files = [&](const std::string& files) {
    std::string altered = document;
    const std::size_t begin = altered.find("\"files\":") + 8;
    return altered.replace(begin, altered.find(",\"format\"") - begin, files);
  };
  CHECK(is_read(with_files("[]"), key));
  CHECK_FALSE(is_read(std::string(8'000'000, '['), key));
  CHECK_FALSE(is_read(with_files(std::string(1'000'000, '[') + std::string(1'000'000, ']')), key));
  std::string many = "[0";
  for (int i = 0; i < 300'000; ++i) many += ",0";
  CHECK_FALSE(is_read(with_files(many + "]"), key));
  CHECK_FALSE(is_read(document + std::string(9'000'000, ' '), key));
  const auto list = [](const std::string& bytes) {
    return R"(["files",")" + encode_base64(zstd(bytes)) + R"("])";
  };
  CHECK(is_read(with_files("[" + list(std::string(1'000'000, '0')) + "]"), key));
  CHECK_FALSE(is_read(with_files("[" + list(std::string(50'000'000, '0')) + "]"), key));
  const std::string large = list(std::string(4'000'000, '0'));
  std::string several = large;
  for (int i = 0; i < 20; ++i) several += "," + large;
  CHECK_FALSE(is_read(with_files("[" + several + "]"), key));
}

TEST_CASE("a hundred thousand damaged documents are read to an end, and none for another record") {
  const SharedRecord shared = example();
  const std::string document = write_record_document(shared);
  std::mt19937 random(20261129);
  const auto up_to = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random);
  };
  static constexpr std::string_view pieces[] = {"\"",      "{",       "}",    "[",           "]",
                                                ",",       ":",       "null", "-1",          "1e9",
                                                "\\u0000", "\\ud800", "\xff", "{\"base64\":"};
  std::size_t read = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string damaged = document;
    for (std::size_t change = up_to(3);; --change) {
      const std::size_t at = up_to(damaged.size());
      switch (up_to(4)) {
        case 0:
          damaged.resize(at);
          break;
        case 1:
          if (at < damaged.size()) damaged[at] = static_cast<char>(up_to(255));
          break;
        case 2:
          damaged.insert(at, pieces[up_to(std::size(pieces) - 1)]);
          break;
        case 3:
          damaged.erase(at, up_to(20));
          break;
        default:
          damaged.insert(at, damaged.substr(up_to(damaged.size()), up_to(40)));
      }
      if (change == 0) break;
    }
    try {
      const SharedRecord got = read_record_document(damaged, shared.record.key);
      ++read;
      // Whatever else was changed, it is a record of the key.
      REQUIRE(got.record.parts == shared.record.parts);
    } catch (const Error&) {
      continue;
    }
  }
  CHECK(read > 100);
  CHECK(read < 90'000);
}

TEST_CASE("base64 gives back what it was made of, with padding or without") {
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 37 + size);
    std::string text = encode_base64(bytes);
    CHECK(text.size() % 4 == 0);
    CHECK(decode_base64(text) == bytes);
    while (text.ends_with('=')) text.pop_back();
    CHECK(decode_base64(text) == bytes);
  }
  CHECK(encode_base64("light work") == "bGlnaHQgd29yaw==");
  CHECK_FALSE(decode_base64("a b"));
  CHECK_FALSE(decode_base64("a=b"));
}
