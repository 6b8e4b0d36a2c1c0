#include <ir/quantities.hpp>

#include <doctest/doctest.h>

using namespace slipway;

TEST_CASE("ages are whole numbers with units up to weeks") {
  CHECK(read_age("90s") == 90);
  CHECK(read_age("5m") == 300);
  CHECK(read_age("12h") == 43200);
  CHECK(read_age("7d") == 604800);
  CHECK(read_age("2w") == 1209600);
  CHECK(read_age("1w1d") == 691200);
  for (const char* text : {"", "7", "d", "7 d", "-7d", "+7d", "1.5d", "0d", "7y", "7dd", "7D",
                           "99999999999999999999d", "9999999w"}) {
    CAPTURE(text);
    CHECK_FALSE(read_age(text).has_value());
  }
}

TEST_CASE("an age is shown in the largest unit up to days that fits") {
  CHECK(shortest_age(604800) == "7d");
  CHECK(shortest_age(129600) == "36h");
  CHECK(shortest_age(90) == "90s");
  CHECK(shortest_age(120) == "2m");
}
