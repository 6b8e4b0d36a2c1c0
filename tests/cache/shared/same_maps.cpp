#include "same_maps.hpp"

#include <ir/error.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

std::string text_of_record(const Digest& key, std::size_t size) {
  std::string text = "record " + key.hex();
  text.append(size, 'r');
  return text;
}

}  // namespace

CacheSpec cache_spec(const std::string& type,
                     const std::map<std::string, std::string>& attributes) {
  CacheSpec spec{.type = type, .attributes = attributes, .text = "type=" + type};
  for (const auto& [name, value] : attributes) spec.text += "," + name + "=" + value;
  return spec;
}

SharedBlob shared_blob(const std::string& bytes) {
  return {.digest = sha256(bytes), .size = bytes.size()};
}

void put_bytes(CacheTransport& cache, const std::string& bytes) {
  const TemporaryFolder folder;
  folder.write("blob", bytes);
  cache.put_blob(shared_blob(bytes), folder / "blob");
}

std::string bytes_of(CacheTransport& cache, const SharedBlob& blob) {
  std::string bytes;
  const bool there = cache.blob(blob, [&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  if (!there) CHECK(bytes.empty());
  return there ? bytes : "(none)";
}

std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    const std::string& hint = error.diagnostics().front().hint;
    return std::string(error.what()) + (hint.empty() ? "" : "\n") + hint;
  }
  return "no error";
}

void check_same_maps(const OpenCache& open) {
  const std::unique_ptr<CacheTransport> reader = open(false);
  const Digest key = sha256("key"), other_key = sha256("other key");
  const std::string small = "a blob", large(3'000'000, 'x');

  // An empty cache has nothing, and that is no failure.
  CHECK_FALSE(reader->record(key));
  CHECK_FALSE(reader->has_blob(shared_blob(small)));
  CHECK(bytes_of(*reader, shared_blob(small)) == "(none)");

  const std::unique_ptr<CacheTransport> writer = open(true);
  put_bytes(*writer, small);
  put_bytes(*writer, large);
  writer->put_record(key, "the record", {shared_blob(small), shared_blob(large)});

  CHECK(reader->has_blob(shared_blob(small)));
  CHECK(writer->has_blob(shared_blob(large)));
  CHECK(reader->record(key) == "the record");
  CHECK_FALSE(reader->record(other_key));
  CHECK(bytes_of(*reader, shared_blob(small)) == small);
  CHECK((bytes_of(*reader, shared_blob(large)) == large));

  // Put again it stays, and a record gives way to the next of its key, and to no other one's.
  put_bytes(*writer, small);
  writer->put_record(other_key, "another", {shared_blob(small)});
  writer->put_record(key, "the record", {shared_blob(small), shared_blob(large)});
  writer->put_record(key, "a later record", {shared_blob(large)});
  CHECK(reader->record(key) == "a later record");
  CHECK(reader->record(other_key) == "another");
  CHECK(bytes_of(*reader, shared_blob(small)) == small);

  // Bytes of any value, no bytes, many bytes, a record that refers to nothing.
  std::string all_bytes("\0\r\n\x7f\xff record", 12);
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  writer->put_record(sha256("bytes"), all_bytes, {});
  CHECK((reader->record(sha256("bytes")) == all_bytes));
  const std::string long_record = text_of_record(key, CacheTransport::longest_record / 2);
  writer->put_record(sha256("long"), long_record, {shared_blob(small)});
  CHECK((reader->record(sha256("long")) == long_record));
  put_bytes(*writer, all_bytes);
  CHECK((bytes_of(*reader, shared_blob(all_bytes)) == all_bytes));
  put_bytes(*writer, "");
  CHECK(bytes_of(*reader, shared_blob("")) == "");

  // A file that is not what it is said to be is not sent whole.
  const TemporaryFolder folder;
  folder.write("short", "short");
  CHECK(failure_of([&] {
          writer->put_blob({.digest = sha256("longer"), .size = 6}, folder / "short");
        }) != "no error");
  CHECK_FALSE(reader->has_blob({.digest = sha256("longer"), .size = 6}));

  // What a sink throws ends the reading and comes out; the cache can be used after it.
  CHECK(failure_of([&] {
          reader->blob(shared_blob(large),
                       [](std::span<const std::byte>) { throw Error("enough"); });
        }) == "enough");
  CHECK(bytes_of(*reader, shared_blob(small)) == small);
}

void check_side_by_side(const OpenCache& open) {
  constexpr int threads = 4, rounds = 12;
  const std::string blob(200'000, 'b');
  const std::unique_ptr<CacheTransport> shared = open(true);
  std::atomic<int> wrong = 0;
  std::vector<std::string> failures(threads);
  std::vector<std::thread> crowd;
  for (int t = 0; t < threads; ++t) {
    crowd.emplace_back([&, t] {
      try {
        const std::unique_ptr<CacheTransport> own = open(true);
        CacheTransport& cache = t % 2 == 0 ? *shared : *own;
        const TemporaryFolder folder;
        folder.write("blob", blob);
        for (int i = 0; i < rounds; ++i) {
          const Digest key = sha256("key " + std::to_string(i));
          const std::string text = text_of_record(key, 5000);
          cache.put_blob(shared_blob(blob), folder / "blob");
          cache.put_record(key, text, {shared_blob(blob)});
          if (cache.record(key) != text) ++wrong;
          std::string got;
          const bool there = cache.blob(shared_blob(blob), [&](std::span<const std::byte> piece) {
            got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
          });
          if (!there || got != blob) ++wrong;
        }
      } catch (const Error& error) {
        failures[static_cast<std::size_t>(t)] = error.what();
      }
    });
  }
  for (std::thread& thread : crowd) thread.join();
  CHECK(wrong == 0);
  for (const std::string& failure : failures) CHECK(failure == "");
}
