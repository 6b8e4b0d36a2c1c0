#include <cache/registry/http_date.hpp>

#include <doctest/doctest.h>

using slipway::parse_http_date;

TEST_CASE("a date has one of three forms") {
  constexpr std::int64_t time = 784'111'777;
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == time);
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == time);
  CHECK(parse_http_date("Sun Nov  6 08:49:37 1994") == time);
  CHECK(parse_http_date("Sat, 01 Jan 2050 00:00:00 GMT") == 2'524'608'000);
  CHECK(parse_http_date("Thu, 01 Jan 1960 00:00:00 GMT") == -315'619'200);
}

TEST_CASE("anything else is no date") {
  for (const char* text :
       {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT and more", "1994-11-06",
        "Sun, -6 Nov 1994 08:49:37 GMT"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_http_date(text).has_value());
  }
}
