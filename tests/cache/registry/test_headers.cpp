// The headers that say where a list goes on, which bytes these are, and how long to wait.
#include <cache/registry/content_range.hpp>
#include <cache/registry/link.hpp>
#include <cache/registry/retry_after.hpp>
#include <cache/registry/warning.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace slipway;

TEST_CASE("a list goes on where the link with the relation \"next\" leads") {
  CHECK(next_link(R"(</v2/app/tags/list?last=b&n=2>; rel="next")") ==
        "/v2/app/tags/list?last=b&n=2");
  CHECK(next_link("<a>;rel=next") == "a");
  CHECK(next_link(R"(<a>; rel="prev", <b;c,d>; title="x, \"<y>\""; REL="first Next")") == "b;c,d");
  CHECK(next_link(R"(<a>; rel=prev; rel=next)") == std::nullopt);  // only the first counts
  CHECK(next_link(R"(<a>; rel="previous")") == std::nullopt);
  CHECK(next_link(R"(<a>; title="rel=next")") == std::nullopt);
  CHECK(next_link("<>; rel=next") == "");
}

TEST_CASE("no link is too strange to be read") {
  for (const char* text : {"", "<", "<a", "a>; rel=next", ",,,", "<a>;", "<a>;;;=;rel", "<a>; rel=",
                           "<a>; rel=\"next", "<a> rel=next", "<a>; x=\"\\", "\xff\x01"}) {
    CAPTURE(text);
    CHECK_NOTHROW((void)next_link(text));
  }
}

TEST_CASE("a server says which bytes it gives") {
  const auto range = parse_content_range("bytes 5-9/20");
  REQUIRE(range);
  CHECK(range->first == 5);
  CHECK(range->last == 9);
  CHECK(range->whole == 20U);
  CHECK_FALSE(range->unsatisfied);
  CHECK_FALSE(parse_content_range("bytes 0-0/*")->whole);
  CHECK(parse_content_range("bytes */7")->unsatisfied);
  CHECK(parse_content_range("bytes */7")->whole == 7U);
  // What contradicts itself, has too large a number, or says something else.
  for (const char* text : {"", "bytes", "bytes 9-5/20", "bytes 5-20/20", "bytes */*", "bytes -5/20",
                           "bytes 5-/20", "items 5-9/20", "bytes 5-9", "bytes 5-9/20 x",
                           "bytes 0-99999999999999999999/*", "bytes 5-9/", "5-9/20"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_content_range(text));
  }
}

TEST_CASE("a registry says how much of an upload it has") {
  CHECK(parse_upload_range("0-99") == 100U);
  CHECK(parse_upload_range("bytes=0-99") == 100U);
  CHECK(parse_upload_range("0-0") == 0U);
  for (const char* text : {"", "1-99", "0", "0-", "-9", "0-9-9", "0-99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_upload_range(text));
  }
}

TEST_CASE("a registry tells its users something") {
  using Texts = std::vector<std::string>;
  CHECK((parse_warnings("299 - \"gone in \\\"May\\\", or June\"") ==
         Texts{"gone in \"May\", or June"}));
  CHECK((parse_warnings("299 - \"a\", 199 x \"b, c\" \"date\",299 - \"d\"") == Texts{"a", "d"}));
  for (const char* text :
       {"", ",", "299", "299 - ", "299 - \"", "299 - \"\"", "\"\\", "299 x \"a\""}) {
    CAPTURE(text);
    CHECK(parse_warnings(text).empty());
  }
}

TEST_CASE("a server asks to be left alone for some seconds, or until a date") {
  using std::chrono::seconds;
  const std::int64_t now = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT
  CHECK(parse_retry_after("120", now) == seconds(120));
  CHECK(parse_retry_after(" 0 ", now) == seconds(0));
  CHECK(parse_retry_after("99999999999999999999", now) == seconds(86'400));
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now) == seconds(30));
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now) == seconds(0));
  CHECK(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now) == seconds(86'400));
  for (const char* text : {"", "-1", "1.5", "soon", "Sun, 06 Nov"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_retry_after(text, now));
  }
}
