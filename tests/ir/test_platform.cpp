#include <ir/error.hpp>
#include <ir/platform.hpp>

#include <doctest/doctest.h>

using namespace slipway;

TEST_CASE("a platform is read under the names people give it") {
  const std::pair<const char*, const char*> rows[] = {
      {"linux/amd64", "linux/amd64"},    {"linux/x86_64", "linux/amd64"},
      {"Linux/AMD64", "linux/amd64"},    {"linux/aarch64", "linux/arm64"},
      {"linux/arm64/v8", "linux/arm64"}, {"linux/arm", "linux/arm/v7"},
      {"linux/armhf", "linux/arm/v7"},   {"linux/armel", "linux/arm/v6"},
      {"linux/arm/6", "linux/arm/v6"},   {"windows/amd64", "windows/amd64"},
      {"macos/arm64", "darwin/arm64"},   {"linux/amd64/v3", "linux/amd64/v3"},
      {"linux/i386", "linux/386"},       {"riscv64", "linux/riscv64"},
  };
  for (const auto& [written, text] : rows) {
    CAPTURE(written);
    CHECK(parse_platform(written).text() == text);
  }
  CHECK(parse_platform("linux") == host_platform());
  for (const char* text : {"", "/", "linux/", "linux/amd64/v1/x", "nonsense", "linux/a b", "x/y",
                           "linux//v7", "linux/amd64/"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_platform(text), Error);
  }
}

TEST_CASE("an image serves its own platform and the newer variants of it") {
  const auto serves = [](const char* image, const char* wanted) {
    return matches(parse_platform(image), parse_platform(wanted));
  };
  CHECK(serves("linux/arm64/v8", "linux/arm64"));
  CHECK(serves("linux/arm/v6", "linux/arm/v7"));
  CHECK_FALSE(serves("linux/arm/v7", "linux/arm/v6"));
  CHECK(serves("linux/amd64", "linux/amd64/v3"));
  CHECK_FALSE(serves("linux/amd64/v3", "linux/amd64"));
  CHECK_FALSE(serves("linux/386", "linux/amd64"));
  CHECK_FALSE(serves("windows/amd64", "linux/amd64"));
}
