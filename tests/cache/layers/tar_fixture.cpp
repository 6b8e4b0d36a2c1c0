#include "tar_fixture.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace slipway {

const std::string tar_end(1024, '\0');

std::string tar_item(const TarItem& item) {
  std::string block(512, '\0');
  const auto put = [&block](std::size_t at, const std::string& text) {
    block.replace(at, text.size(), text);
  };
  const auto octal = [&put](std::size_t at, int digits, std::uint64_t value) {
    char text[32];
    std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
    put(at, text);
  };
  put(0, item.name.substr(0, 100));
  octal(100, 7, item.mode);
  octal(108, 7, ::getuid());
  octal(116, 7, ::getgid());
  octal(124, 11, item.size < 0 ? item.content.size() : static_cast<std::uint64_t>(item.size));
  octal(136, 11, item.mtime);
  put(148, "        ");
  block[156] = item.type;
  put(157, item.link.substr(0, 100));
  put(257, std::string("ustar\00000", 8));
  octal(329, 7, item.major);
  octal(337, 7, item.minor);
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  octal(148, 6, sum);
  block[154] = '\0';
  std::string content = item.content;
  content.resize((content.size() + 511) / 512 * 512, '\0');
  return block + content;
}

std::string pax(const std::string& key, const std::string& value) {
  return pax(std::vector<std::pair<std::string, std::string>>{{key, value}});
}

std::string pax(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string text;
  for (const auto& [key, value] : records) {
    const std::string rest = " " + key + "=" + value + "\n";
    std::size_t size = rest.size();
    while (std::to_string(size).size() + rest.size() != size) ++size;
    text += std::to_string(size) + rest;
  }
  return tar_item({.name = "pax", .type = 'x', .content = text});
}

std::string tar_of(std::initializer_list<TarItem> items) {
  std::string tar;
  for (const TarItem& item : items) tar += tar_item(item);
  return tar + tar_end;
}

}  // namespace slipway
