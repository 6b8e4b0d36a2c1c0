#include "history.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace slipway {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// "[deps 2/2] RUN   command changed": the columns are two blanks apart, or more.
Commit::Miss read_miss(const std::string& text) {
  const auto gap = text.find("  ");
  const auto reason = text.find_first_not_of(' ', gap);
  if (gap == std::string::npos || reason == std::string::npos) {
    throw std::runtime_error("no reason: " + text);
  }
  return {text.substr(0, gap), text.substr(reason)};
}

void read_line(const std::string& line, Commit& commit) {
  const auto begin = line.find_first_not_of(' ');
  const auto end = line.find(' ', begin);
  const std::string word = line.substr(begin, end - begin);
  const auto value = line.find_first_not_of(' ', end);
  const std::string rest = value == std::string::npos ? "" : line.substr(value);
  if (word == "$") {
    commit.commands += rest + "\n";
  } else if (word == "checkout") {
    commit.checkout = rest;
  } else if (word == "image" && words_of(rest).size() == 2) {
    commit.images.push_back({words_of(rest)[0], words_of(rest)[1]});
  } else if (word == "flags") {
    commit.flags = words_of(rest);
  } else if (word == "miss") {
    commit.misses.push_back(read_miss(rest));
  } else if (word == "all") {
    commit.all = rest;
  } else if (word == "same") {
    commit.same_image_as = rest;
  } else if (word == "fails") {
    commit.fails = true;
  } else {
    throw std::runtime_error("what is this? " + line);
  }
}

}  // namespace

std::vector<Commit> read_history(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error("cannot read " + file.string());
  std::vector<Commit> commits;
  const std::string title = "commit ";
  for (std::string line; std::getline(stream, line);) {
    if (line.empty() || line.front() == '#') continue;
    if (line.starts_with(title)) {
      commits.emplace_back().title = line.substr(title.size());
    } else if (commits.empty()) {
      throw std::runtime_error("before the first commit: " + line);
    } else {
      read_line(line, commits.back());
    }
  }
  return commits;
}

}  // namespace slipway
