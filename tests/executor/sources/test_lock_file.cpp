// The text of lock files: what is written is read again, and what strangers write is refused at its
// line.
#include <executor/sources/lock_file.hpp>

#include <ir/error.hpp>

#include <doctest/doctest.h>

using namespace slipway;

namespace {

LockEntries read(const std::string& text) {
  return read_lock_file(std::make_shared<SourceFile>(SourceFile{"slipway.lock", text}));
}

std::string refusal(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    return render(error, false);
  }
  return "it was read";
}

std::string with_entry(const std::string& entry) {
  return "{\n  \"version\": 1,\n  \"sources\": [\n    {\"image\": \"a\", \"digest\": \"" +
         sha256("a").text() + "\"},\n    " + entry + "\n  ]\n}\n";
}

bool contains(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a lock file is written sorted, an entry a line, and read as it was written") {
  LockEntry image;
  image.name = "debian:bookworm";
  image.digest = sha256("index");
  LockEntry own;
  own.name = "app:latest";
  own.platform = parse_platform("linux/arm64");
  own.id = sha256("config");
  LockEntry file;
  file.kind = ResolvedSource::Kind::http;
  file.name = "https://example.org/a \"quoted\" name\n";
  file.digest = sha256("file");
  LockEntry repository;
  repository.kind = ResolvedSource::Kind::git;
  repository.name = "https://example.org/r.git";
  repository.ref = "main";
  repository.git_dir = true;
  repository.commit = std::string(40, 'a');
  const LockEntries entries{own, image, file, repository};
  const std::string text = write_lock_file(entries);
  CHECK(text ==
        "{\n  \"version\": 1,\n  \"sources\": [\n"
        "    {\"image\": \"app:latest\", \"platform\": \"linux/arm64\", \"id\": \"" +
            sha256("config").text() +
            "\"},\n"
            "    {\"image\": \"debian:bookworm\", \"digest\": \"" +
            sha256("index").text() +
            "\"},\n"
            "    {\"url\": \"https://example.org/a \\\"quoted\\\" name\\n\", \"digest\": \"" +
            sha256("file").text() +
            "\"},\n"
            "    {\"git\": \"https://example.org/r.git\", \"ref\": \"main\", \"git-dir\": true, "
            "\"commit\": \"" +
            std::string(40, 'a') + "\"}\n  ]\n}\n");
  CHECK(read(text) == entries);
  CHECK(write_lock_file(read(text)) == text);
  CHECK(read(write_lock_file({})).empty());
}

TEST_CASE("a lock file that is none is refused at the line that is wrong") {
  const std::string digest = sha256("x").text();
  CHECK(contains(refusal("{\n\"version\": 1,\n\"sources\": [}\n"), "slipway.lock:3"));
  CHECK(contains(refusal(""), "not JSON"));
  CHECK(contains(refusal("[]"), "not a JSON object"));
  CHECK(contains(refusal("{}"), "no version"));
  CHECK(contains(refusal("{\n\"version\": 2, \"sources\": []}"), "slipway.lock:2"));
  CHECK(contains(refusal("{\"version\": 1}"), "no list of sources"));
  CHECK(contains(refusal("{\"version\": 1, \"sources\": [],\n\"more\": 1}"), "slipway.lock:2"));
  for (const std::string& entry : {
           std::string("7"),
           std::string("[]"),
           std::string("{}"),
           std::string("{\"image\": \"\"}"),
           std::string("{\"image\": \"b\"}"),
           "{\"image\": 7, \"digest\": \"" + digest + "\"}",
           std::string("{\"image\": \"b\", \"digest\": \"sha256:12\"}"),
           "{\"image\": \"b\", \"url\": \"u\", \"digest\": \"" + digest + "\"}",
           "{\"image\": \"b\", \"digest\": \"" + digest + "\", \"id\": \"" + digest + "\"}",
           "{\"image\": \"b\", \"commit\": \"" + std::string(40, 'a') + "\"}",
           "{\"image\": \"b\", \"platform\": \"no/such/thing/at/all\", \"digest\": \"" + digest +
               "\"}",
           "{\"url\": \"u\", \"id\": \"" + digest + "\"}",
           "{\"url\": \"u\", \"ref\": \"r\", \"digest\": \"" + digest + "\"}",
           "{\"git\": \"u\", \"digest\": \"" + digest + "\"}",
           std::string("{\"git\": \"u\", \"commit\": \"main\"}"),
           "{\"git\": \"u\", \"commit\": \"" + std::string(40, 'A') + "\"}",
           "{\"git\": \"u\", \"git-dir\": 1, \"commit\": \"" + std::string(40, 'a') + "\"}",
           "{\"image\": \"b\", \"digest\": \"" + digest + "\", \"more\": 1}",
           "{\"image\": \"a\", \"digest\": \"" + digest + "\"}",
       }) {
    CAPTURE(entry);
    const std::string text = refusal(with_entry(entry));
    CHECK(contains(text, entry.front() == '7' ? "slipway.lock:3" : "slipway.lock:5"));
    CHECK(contains(text, "hint: "));
  }
}

TEST_CASE("a lock file may not be without end") {
  CHECK(contains(refusal(std::string(100'000, '[')), "too large or nested too deeply"));
  std::string many = "{\"version\": 1, \"sources\": [";
  for (int i = 0; i < 800'000; ++i) many += "1,";
  CHECK(contains(refusal(many), "too large or nested too deeply"));
  CHECK(contains(refusal(with_entry("{\"image\": \"" + std::string(10'000, 'b') + "\"}")),
                 "too long"));
}

TEST_CASE("an entry of very many members is refused as any other") {
  std::string members;
  for (int i = 0; i < 250'000; ++i) members += ", \"m" + std::to_string(i) + "\": 1";
  CHECK(contains(refusal(with_entry("{\"image\": \"b\"" + members + "}")), "unknown member"));
}
