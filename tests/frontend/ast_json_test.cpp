// --print=ast --format=json: golden documents, and every document against the schema.
#include "cases.hpp"
#include "conformance.hpp"
#include "dockerfiles.hpp"
#include "json_schema.hpp"

#include <frontend/ast_json.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <optional>

namespace slipway::testing {
namespace {

using nlohmann::json;

std::string ast_json(const Dockerfile& dockerfile) {
  std::string text;
  write_ast_json(dockerfile, [&](std::string_view piece) { text += piece; });
  return text;
}

json read_schema() {
  return json::parse(read_file("../../frontend/ast.schema.json"));
}

std::optional<std::string> ast_json(const std::string& dockerfile) {
  try {
    return ast_json(parse_dockerfile(source(dockerfile)).dockerfile);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

// A new case: write its Dockerfile, run with SLIPWAY_GOLDEN=write, read what was written.
TEST_CASE("a tree is printed as the JSON that lies beside it") {
  const bool write = std::getenv("SLIPWAY_GOLDEN") != nullptr;
  int cases = 0;
  for (const auto& folder : std::filesystem::directory_iterator("ast_json")) {
    CAPTURE(folder.path().string());
    const std::string text =
        ast_json(parse_dockerfile(source(read_file(folder.path() / "Dockerfile"))).dockerfile);
    const std::filesystem::path golden = folder.path() / "ast.json";
    if (write && !std::filesystem::exists(golden)) std::ofstream(golden) << text;
    CHECK(text == read_file(golden));
    ++cases;
  }
  count_cases("ast as json", cases);
}

TEST_CASE("every tree is as the schema says, and all that the schema describes occurs") {
  JsonSchema schema(read_schema());
  int documents = 0;
  for (const std::string& dockerfile : all_dockerfiles()) {
    const auto text = ast_json(dockerfile);
    if (!text) continue;  // it has mistakes
    CAPTURE(dockerfile);
    REQUIRE(schema.mistake(json::parse(*text)) == "");
    ++documents;
  }
  CHECK(documents > 100);
  CHECK(schema.never_seen() == std::vector<std::string>{});
}

TEST_CASE("the schema refuses what is no tree") {
  JsonSchema schema(read_schema());
  const json good = json::parse(*ast_json("FROM a\nRUN --mount=type=cache,target=/c b\n"));
  CHECK(schema.mistake(good) == "");
  const auto refused = [&](const std::string& place, const std::optional<json>& value) {
    json bad = good;
    const json::json_pointer pointer(place);
    if (value) {
      bad[pointer] = *value;
    } else {
      bad.at(pointer.parent_pointer()).erase(pointer.back());
    }
    return schema.mistake(bad) != "";
  };
  CHECK(refused("/version", 2));
  CHECK(refused("/stages", std::nullopt));
  CHECK(refused("/more", true));
  CHECK(refused("/stages/0/from/image/text", 1));
  CHECK(refused("/stages/0/from/span/line", 0));
  CHECK(refused("/stages/0/from/span/line", 1.5));
  CHECK(refused("/stages/0/instructions/0/instruction", "WALK"));
  CHECK(refused("/stages/0/instructions/0/instruction", "CMD"));
  CHECK(refused("/stages/0/instructions/0/comments", std::nullopt));
  CHECK(refused("/stages/0/instructions/0/comments/0", nullptr));
  CHECK(refused("/stages/0/instructions/0/more", 1));
  CHECK(refused("/stages/0/instructions/0/command/form", "JSON"));
  CHECK(refused("/stages/0/instructions/0/mounts/0/fields", json::object()));
  CHECK(refused("/stages/0/instructions/0/mounts/0/fields/0/key", "type"));
  CHECK(refused("/stages/0/instructions/0/text", json{{"text", "x"}}));
}

TEST_CASE("bytes that are no UTF-8 can be had back, and valid text is a plain string") {
  const json tree = json::parse(*ast_json("FROM scratch\nLABEL a=\xff b=\xc3\xa9\n"));
  const json& pairs = tree["stages"][0]["instructions"][0]["pairs"];
  CHECK(pairs[0]["value"]["text"] == json{{"text", "\xef\xbf\xbd"}, {"base64", "/w=="}});
  CHECK(pairs[1]["value"]["text"] == "\xc3\xa9");
  for (const auto& [bytes, encoded] :
       std::vector<std::pair<std::string, std::string>>{{"\xff", "/w=="},
                                                        {"\xff"
                                                         "a",
                                                         "/2E="},
                                                        {"\xff"
                                                         "ab",
                                                         "/2Fi"},
                                                        {"\xfe\xff\x80x", "/v+AeA=="}}) {
    const json label = json::parse(*ast_json("FROM scratch\nLABEL a=" + bytes + "\n"));
    CHECK(label["stages"][0]["instructions"][0]["pairs"][0]["value"]["text"]["base64"] == encoded);
  }
}

TEST_CASE("what two layouts of a Dockerfile mean is one document") {
  const auto meaning = [](const std::string& text) {
    std::string document;
    write_ast_json(
        parse_dockerfile(source(text)).dockerfile,
        [&](std::string_view piece) { document += piece; }, AstContent::meaning);
    return document;
  };
  const std::string one = meaning("FROM a AS b\nCOPY a b /\nRUN c\n");
  CHECK(one == meaning("\nfrom  a  as  b\ncopy a \\\n  b /\n\nRun  c\n"));
  CHECK(one != meaning("FROM a AS b\nCOPY a b /\nRUN  c  d\n"));
  CHECK(one != meaning("FROM a AS b\nCOPY a b / /\nRUN c\n"));
  CHECK(one.find("span") == std::string::npos);
}

TEST_CASE("a tree is handed over in pieces, in time proportional to its size") {
  const auto write = [](std::size_t instructions) {
    std::string text = "FROM scratch\n";
    for (std::size_t i = 0; i < instructions; ++i) text += "ENV a${b:-c}=\"$d\" e=f\n";
    const ParsedDockerfile parsed = parse_dockerfile(source(text));
    std::size_t largest = 0;
    std::size_t total = 0;
    const auto begin = std::chrono::steady_clock::now();
    write_ast_json(parsed.dockerfile, [&](std::string_view piece) {
      largest = std::max(largest, piece.size());
      total += piece.size();
    });
    CHECK(largest < 100'000);
    CHECK(total > instructions * 500);
    return std::chrono::steady_clock::now() - begin;
  };
  const auto once = write(1'000);
  CHECK(write(8'000) < 40 * once + std::chrono::milliseconds(200));
}

}  // namespace slipway::testing
