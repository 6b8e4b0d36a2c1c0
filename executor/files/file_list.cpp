#include <executor/files/file_list.hpp>

#include <executor/files/content.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

namespace slipway {
namespace {

// The format: entries in path order, each
//
//   shared   how many bytes of the path are those of the one before
//   suffix   length and bytes of the rest
//   type     Entry::Type
//   mode, uid, gid
//   file:    8 bytes of its content's sha256
//   symlink: length and bytes of its target
//   device:  major, minor
//   xattrs   8 bytes of a sha256 of them; 0 where there are none
//   link     8 bytes of a sha256 of hard_link; 0 where it is none
//
// Numbers are LEB128, the 8 bytes little-endian. Eight bytes tell two contents apart with all the
// certainty an explanation needs; keys and layers are made of whole digests.

using Type = Entry::Type;

void put(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

void put_text(std::string& out, std::string_view text) {
  put(out, text.size());
  out += text;
}

std::uint64_t fingerprint(const Digest& digest) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::uint64_t{digest.bytes[i]} << (8 * i);
  return value;
}

void put_fingerprint(std::string& out, const Digest& digest) {
  out.append(reinterpret_cast<const char*>(digest.bytes.data()), 8);
}

// A zero byte, or one and eight more.
void put_optional(std::string& out, const std::optional<Digest>& digest) {
  out += static_cast<char>(digest ? 1 : 0);
  if (digest) put_fingerprint(out, *digest);
}

std::optional<Digest> digest_of(const std::vector<std::pair<std::string, std::string>>& xattrs) {
  if (xattrs.empty()) return std::nullopt;
  std::string text;
  for (const auto& [name, value] : xattrs) {
    put_text(text, name);
    put_text(text, value);
  }
  return sha256(text);
}

// One entry as it is kept.
struct Listed {
  std::string path;
  Type type = Type::file;
  std::uint64_t mode = 0;
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t content = 0;
  std::string target;
  std::uint64_t xattrs = 0;
  std::uint64_t hard_link = 0;
  bool directory() const { return type == Type::directory; }
};

// Reads a list from its front; knows the entry it stands at.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) { next(); }

  bool at_end() const { return end_; }
  bool damaged() const { return damaged_; }
  const Listed& entry() const { return entry_; }

  void next() {
    if (rest_.empty() || damaged_) {
      end_ = true;
      return;
    }
    const std::uint64_t shared = number();
    const std::string_view suffix = text();
    if (shared > entry_.path.size()) damaged_ = true;
    if (damaged_) return fail();
    previous_ = entry_.path;
    entry_.path.resize(shared);
    entry_.path += suffix;
    const std::uint64_t type = number();
    if (type > static_cast<std::uint64_t>(Type::whiteout)) return fail();
    entry_.type = static_cast<Type>(type);
    entry_.mode = number();
    entry_.uid = number();
    entry_.gid = number();
    entry_.content = 0;
    entry_.target.clear();
    if (entry_.type == Type::file) {
      entry_.content = eight();
    } else if (entry_.type == Type::symlink) {
      entry_.target = text();
    } else if (entry_.type == Type::char_device || entry_.type == Type::block_device) {
      entry_.target = std::to_string(number());
      entry_.target += ":" + std::to_string(number());
    }
    entry_.xattrs = optional_eight();
    entry_.hard_link = optional_eight();
    // Out of order, a merge would find differences that are none.
    if (damaged_ || (any_ && !path_less(previous_, entry_.path))) return fail();
    any_ = true;
  }

 private:
  void fail() {
    damaged_ = true;
    end_ = true;
  }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift <= 63; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    damaged_ = true;
    return 0;
  }

  std::string_view text() {
    const std::uint64_t length = number();
    if (damaged_ || length > rest_.size()) {
      damaged_ = true;
      return {};
    }
    const std::string_view text = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return text;
  }

  std::uint64_t eight() {
    if (rest_.size() < 8) {
      damaged_ = true;
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i)
      value |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
    rest_.remove_prefix(8);
    return value;
  }

  std::uint64_t optional_eight() {
    const std::uint64_t there = number();
    if (there > 1) damaged_ = true;
    return there == 1 ? eight() : 0;
  }

  std::string_view rest_;
  Listed entry_;
  std::string previous_;
  bool any_ = false;
  bool end_ = false;
  bool damaged_ = false;
};

const char* name_of(Type type) {
  switch (type) {
    case Type::file:
      return "file";
    case Type::directory:
      return "directory";
    case Type::symlink:
      return "link";
    case Type::char_device:
    case Type::block_device:
      return "device";
    case Type::fifo:
      return "pipe";
    case Type::whiteout:
      return "whiteout";
  }
  return "";
}

std::string octal(std::uint64_t mode) {
  char text[32];
  std::snprintf(text, sizeof text, "%04llo", static_cast<unsigned long long>(mode));
  return text;
}

std::string owner(const Listed& entry) {
  return std::to_string(entry.uid) + ":" + std::to_string(entry.gid);
}

// Empty `what`: they are equal.
FileChange difference(const Listed& was, const Listed& is) {
  FileChange change;
  change.path = is.path;
  change.directory = is.directory();
  const auto add = [&](const char* what, const std::string& before, const std::string& after) {
    change.what.emplace_back(what);
    change.detail = change.what.size() == 1 && !before.empty() && before != after
                        ? before + " -> " + after
                        : "";
  };
  if (was.type != is.type) {
    add("type", name_of(was.type), name_of(is.type));
    return change;
  }
  if (was.content != is.content) add("content", "", "");
  if (was.target != is.target)
    add("link", was.target, is.target);
  else if (was.hard_link != is.hard_link)
    add("link", "", "");
  if (was.mode != is.mode) add("mode", octal(was.mode), octal(is.mode));
  if (was.uid != is.uid || was.gid != is.gid) add("owner", owner(was), owner(is));
  if (was.xattrs != is.xattrs) add("attributes", "", "");
  return change;
}

// A file or directory that only one of the lists has.
struct Lonely {
  FileChange change;
  Digest identity;  // of what it is and holds, whatever its name; none if that is nothing
};

bool is_nothing(const Listed& entry) {
  return entry.type != Type::file || entry.content == fingerprint(empty_content());
}

void identify(std::string& out, const Listed& entry, std::string_view relative) {
  put_text(out, relative);
  put(out, static_cast<std::uint64_t>(entry.type));
  put(out, entry.mode);
  put(out, entry.uid);
  put(out, entry.gid);
  put(out, entry.content);
  put_text(out, entry.target);
  put(out, entry.xattrs);
}

// Takes the entry and, of a directory, all that is in it.
Lonely take_whole(Reader& reader, const char* what) {
  Lonely lonely;
  const std::string top = reader.entry().path;
  lonely.change.path = top;
  lonely.change.what = {what};
  lonely.change.directory = reader.entry().directory();
  bool something = false;
  Hasher hasher;
  std::string text;
  do {
    const Listed& entry = reader.entry();
    something = something || !is_nothing(entry);
    text.clear();
    identify(text, entry, std::string_view(entry.path).substr(top.size()));
    hasher.update(text);
    if (lonely.change.directory && !entry.directory()) ++lonely.change.files;
    reader.next();
  } while (lonely.change.directory && !reader.at_end() && path_within(reader.entry().path, top));
  if (something) lonely.identity = hasher.finish();
  return lonely;
}

void skip_within(Reader& reader, const std::string& path) {
  while (!reader.at_end() && reader.entry().path != path && path_within(reader.entry().path, path))
    reader.next();
}

// One that is gone and one that is new and hold the same, where no third does, are one that was
// renamed.
void join_renamed(std::vector<Lonely>& gone, std::vector<Lonely>& fresh) {
  struct Pair {
    std::vector<std::size_t> gone, fresh;
  };
  std::unordered_map<Digest, Pair> same;
  for (std::size_t i = 0; i < gone.size(); ++i) same[gone[i].identity].gone.push_back(i);
  for (std::size_t i = 0; i < fresh.size(); ++i) same[fresh[i].identity].fresh.push_back(i);
  for (const auto& [identity, pair] : same) {
    if (identity == Digest{} || pair.gone.size() != 1 || pair.fresh.size() != 1) continue;
    FileChange& before = gone[pair.gone.front()].change;
    FileChange& after = fresh[pair.fresh.front()].change;
    after.what = {"renamed"};
    after.detail = std::exchange(before.path, "");
  }
  std::erase_if(gone, [](const Lonely& lonely) { return lonely.change.path.empty(); });
}

}  // namespace

std::string file_list(const CopyPlan& plan) {
  struct Named {
    std::string_view path;
    std::size_t position;
  };
  std::vector<Named> named;
  std::deque<std::string> made;  // heredocs' names, which are no part of any source
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    if (const std::string_view source = plan.items.source(i); !source.empty())
      named.push_back({source, i});
    else if (plan.items.has_bytes(i))
      named.push_back({made.emplace_back(std::string(1, '/').append(plan.items.path(i))), i});
  }
  const auto less = [](const Named& left, const Named& right) {
    return path_less(left.path, right.path);
  };
  if (!std::is_sorted(named.begin(), named.end(), less))
    std::stable_sort(named.begin(), named.end(), less);

  std::string out;
  std::string_view previous;
  for (const Named& one : named) {
    // Two places for one file of the source: either says what it is.
    if (!out.empty() && one.path == previous) continue;
    const Entry entry = plan.items.entry(one.position);
    const std::size_t most = std::min(previous.size(), one.path.size());
    const auto shared = static_cast<std::size_t>(
        std::mismatch(previous.begin(), previous.begin() + static_cast<std::ptrdiff_t>(most),
                      one.path.begin())
            .first -
        previous.begin());
    put(out, shared);
    put_text(out, one.path.substr(shared));
    put(out, static_cast<std::uint64_t>(entry.type));
    put(out, entry.mode);
    put(out, entry.uid);
    put(out, entry.gid);
    if (entry.type == Type::file) put_fingerprint(out, entry.content);
    if (entry.type == Type::symlink) put_text(out, entry.link_target);
    if (entry.type == Type::char_device || entry.type == Type::block_device) {
      put(out, entry.device_major);
      put(out, entry.device_minor);
    }
    put_optional(out, digest_of(entry.xattrs));
    put_optional(out,
                 entry.hard_link.empty() ? std::nullopt : std::optional(sha256(entry.hard_link)));
    if (out.size() > most_file_list) return {};
    previous = one.path;
  }
  return out;
}

FileChanges compare_file_lists(std::string_view was, std::string_view is) {
  Reader before(was);
  Reader now(is);
  std::vector<Lonely> gone;
  std::vector<Lonely> fresh;
  std::vector<FileChange> changed;
  FileChanges result;
  std::size_t common = 0;
  std::size_t uncounted = 0;  // differences that were found when there were too many to keep
  std::uint64_t equal = 0;
  // Renames are looked for among so many only: more is no rename but another tree.
  constexpr std::size_t most_lonely = std::size_t{64} << 10;
  const auto keep = [&](std::vector<Lonely>& list, Lonely lonely) {
    if (list.size() < most_lonely)
      list.push_back(std::move(lonely));
    else
      ++uncounted;
  };
  std::string all;
  while (!before.at_end() || !now.at_end()) {
    const bool only_before =
        now.at_end() || (!before.at_end() && path_less(before.entry().path, now.entry().path));
    const bool only_now =
        before.at_end() || (!now.at_end() && path_less(now.entry().path, before.entry().path));
    // A directory that one list has only in part: it was or is there already where it goes, which
    // is no difference between the sources.
    if (only_before && !now.at_end() && path_within(now.entry().path, before.entry().path)) {
      before.next();
      continue;
    }
    if (only_now && !before.at_end() && path_within(before.entry().path, now.entry().path)) {
      now.next();
      continue;
    }
    if (only_before) {
      keep(gone, take_whole(before, "gone"));
      continue;
    }
    if (only_now) {
      result.files += now.entry().directory() ? 0 : 1;
      Lonely lonely = take_whole(now, "new");
      result.files += lonely.change.files;
      keep(fresh, std::move(lonely));
      continue;
    }
    FileChange change = difference(before.entry(), now.entry());
    if (!now.entry().directory()) {
      ++result.files;
      ++common;
    }
    if (change.what.empty()) {
      if (!now.entry().directory()) ++equal;
    } else {
      const bool type = change.what.front() == "type";
      if (change.what.size() == 1 && (all.empty() || all == change.what.front()))
        all = change.what.front();
      else
        all = "-";
      const std::string path = change.path;
      if (changed.size() < most_lonely)
        changed.push_back(std::move(change));
      else
        ++uncounted;
      before.next();
      now.next();
      if (type) {  // what was or is in the directory goes without saying
        skip_within(before, path);
        while (!now.at_end() && path_within(now.entry().path, path)) {
          result.files += now.entry().directory() ? 0 : 1;
          now.next();
        }
      }
      continue;
    }
    before.next();
    now.next();
  }
  if (before.damaged() || now.damaged()) return {};

  join_renamed(gone, fresh);
  const bool one_kind = equal == 0 && gone.empty() && fresh.empty() && common > 1;
  if (one_kind && (all == "mode" || all == "owner" || all == "attributes")) result.all = all;
  for (Lonely& lonely : gone) changed.push_back(std::move(lonely.change));
  for (Lonely& lonely : fresh) changed.push_back(std::move(lonely.change));
  std::sort(changed.begin(), changed.end(), [](const FileChange& left, const FileChange& right) {
    return path_less(left.path, right.path);
  });
  result.count = changed.size() + uncounted;
  if (changed.size() > most_file_changes) changed.resize(most_file_changes);
  result.first = std::move(changed);
  return result;
}

}  // namespace slipway
