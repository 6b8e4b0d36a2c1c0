// Names of containers, as they are asked for and answered.
#include "packets.hpp"

#include <executor/containers/network/dns.hpp>

#include <doctest/doctest.h>

using namespace slipway;
using namespace slipway::dns;

TEST_CASE("a question is read as it was asked, in small letters") {
  const auto question = parse_query(bytes_of(query("Web.Example", type_a)));
  REQUIRE(question);
  CHECK(question->name == "web.example");
  CHECK(question->type == type_a);
  CHECK(question->in_class == class_internet);
  CHECK(question->end == query("Web.Example", type_a).size());
}

TEST_CASE("what is no question of one name is none, wherever it is cut") {
  const std::string whole = query("web.example", type_a);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(parse_query(bytes_of(whole.substr(0, size))));
  }
  const auto changed = [&whole](std::size_t at, int value) {
    std::string text = whole;
    text[at] = static_cast<char>(value);
    return text;
  };
  CHECK_FALSE(parse_query(bytes_of(changed(2, 0x81))));   // an answer
  CHECK_FALSE(parse_query(bytes_of(changed(2, 0x28))));   // an update
  CHECK_FALSE(parse_query(bytes_of(changed(5, 2))));      // two questions
  CHECK_FALSE(parse_query(bytes_of(changed(7, 1))));      // with an answer
  CHECK_FALSE(parse_query(bytes_of(changed(12, 0xC0))));  // a pointer, to itself perhaps
  CHECK_FALSE(parse_query(bytes_of(changed(12, 64))));
  CHECK_FALSE(parse_query(bytes_of(changed(13, '.'))));  // in a label
  CHECK_FALSE(parse_query(bytes_of(changed(13, 0))));
}

TEST_CASE("a name has 255 bytes at most") {
  std::string name;
  for (int i = 0; i < 3; ++i) name += std::string(63, 'a') + ".";
  CHECK(parse_query(bytes_of(query(name + std::string(61, 'b'), type_a))));
  CHECK_FALSE(parse_query(bytes_of(query(name + std::string(62, 'b'), type_a))));
}

TEST_CASE("an address is asked for backwards") {
  CHECK(asked_address("2.0.89.10.in-addr.arpa") == parse_address("10.89.0.2"));
  CHECK_FALSE(asked_address("0.89.10.in-addr.arpa"));
  CHECK_FALSE(asked_address("in-addr.arpa"));
  CHECK_FALSE(asked_address("2.0.89.256.in-addr.arpa"));
}

TEST_CASE("an answer repeats the question, and fits into 512 bytes") {
  const std::string asked = query("web", type_a);
  const auto question = parse_query(bytes_of(asked));
  REQUIRE(question);
  const std::string answer =
      answer_addresses(bytes_of(asked), *question, {*parse_address("10.89.0.2")});
  CHECK(answer.substr(0, 2) == asked.substr(0, 2));
  CHECK(answer.substr(2, 10) == std::string("\x85\x80\0\1\0\1\0\0\0\0", 10));
  CHECK(answer.substr(12, asked.size() - 12) == asked.substr(12));
  CHECK(answer.substr(asked.size()) == std::string("\xC0\x0C\0\1\0\1\0\0\0\5\0\4\x0A\x59\0\2", 16));

  const std::vector<Address> many(1000, 1);
  CHECK(answer_addresses(bytes_of(asked), *question, many).size() <= 512);
  CHECK(answer_name(bytes_of(asked), *question, "web.back").substr(asked.size() + 12) ==
        std::string("\3web\4back\0", 10));
  CHECK(answer_code(bytes_of(asked), *question, Code::no_such_name)[3] == '\x83');
  // What is no name is no answer.
  CHECK(answer_name(bytes_of(asked), *question, std::string(64, 'a'))[3] == '\x83');
  CHECK(answer_name(bytes_of(asked), *question, "a..b")[3] == '\x83');
}
