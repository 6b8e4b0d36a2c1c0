// slipway ls: the files of an image, from its layers' indexes.
#include "command.hpp"
#include "image_path.hpp"
#include "print.hpp"
#include "table.hpp"

#include <cache/store.hpp>
#include <ir/error.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using Type = Entry::Type;

struct Request {
  std::vector<std::string> places;
  bool details = false;
  bool below = false;
  bool all = false;
  std::string platform;
};

// "drwxr-xr-x", with s and t for the bits above.
std::string mode_text(const Entry& entry) {
  std::string text = "-rwxrwxrwx";
  switch (entry.type) {
    case Type::directory:
      text[0] = 'd';
      break;
    case Type::symlink:
      text[0] = 'l';
      break;
    case Type::char_device:
      text[0] = 'c';
      break;
    case Type::block_device:
      text[0] = 'b';
      break;
    case Type::fifo:
      text[0] = 'p';
      break;
    case Type::file:
    case Type::whiteout:
      break;
  }
  const std::uint32_t mode = entry.type == Type::symlink ? 0777U : entry.mode;
  for (unsigned bit = 0; bit < 9; ++bit)
    if ((mode & (0400U >> bit)) == 0) text[1 + bit] = '-';
  const auto special = [&](std::uint32_t bit, std::size_t place, char executable, char plain) {
    if ((mode & bit) != 0) text[place] = text[place] == '-' ? plain : executable;
  };
  special(04000, 3, 's', 'S');
  special(02000, 6, 's', 'S');
  special(01000, 9, 't', 'T');
  return text;
}

std::string size_of(const Entry& entry) {
  if (entry.type == Type::char_device || entry.type == Type::block_device)
    return std::to_string(entry.device_major) + ", " + std::to_string(entry.device_minor);
  if (entry.type == Type::symlink) return std::to_string(entry.link_target.size());
  return std::to_string(entry.type == Type::file ? entry.size : 0);
}

class Listing {
 public:
  Listing(const StackView& files, const Request& request) : files_(files), request_(request) {}

  // What the directory holds; with -R also those below, each behind its name.
  std::string directory(const std::string& path, bool headed) {
    std::string text;
    // The next one last: deep trees must not use up the stack.
    std::vector<std::string> open{path};
    while (!open.empty()) {
      const std::string current = std::move(open.back());
      open.pop_back();
      std::vector<Row> rows;
      std::vector<std::string> directories;
      for (const std::string& name : files_.list(current)) {
        std::string inner = current.empty() ? name : current + "/" + name;
        const std::optional<Entry> entry = files_.find(inner);
        if (!entry || entry->type == Type::whiteout) continue;
        rows.push_back({name, *entry});
        if (entry->type == Type::directory) directories.push_back(std::move(inner));
      }
      if (headed || request_.below)
        text += (text.empty() ? "" : "\n") + printable("/" + current) + ":\n";
      text += rows_text(rows);
      if (!request_.below) break;
      std::move(directories.rbegin(), directories.rend(), std::back_inserter(open));
    }
    return text;
  }

  std::string lone(const std::string& name, const Entry& entry) {
    return rows_text({{name, entry}});
  }

 private:
  struct Row {
    std::string name;
    Entry entry;
  };

  std::string rows_text(const std::vector<Row>& rows) const {
    std::string text;
    if (!request_.details) {
      for (const Row& row : rows) text += printable(row.name) + "\n";
      return text;
    }
    std::size_t owner_width = 0;
    std::size_t size_width = 0;
    for (const Row& row : rows) {
      owner_width = std::max(owner_width, owner_of(row.entry).size());
      size_width = std::max(size_width, size_of(row.entry).size());
    }
    for (const Row& row : rows) {
      std::string owner = owner_of(row.entry);
      owner.resize(owner_width, ' ');
      const std::string size = size_of(row.entry);
      text += mode_text(row.entry) + " " + owner + " " +
              std::string(size_width - size.size(), ' ') + size + " " + time_text(row.entry.mtime) +
              " " + printable(row.name);
      if (row.entry.type == Type::symlink) text += " -> " + printable(row.entry.link_target);
      text += "\n";
    }
    return text;
  }

  static std::string owner_of(const Entry& entry) {
    return std::to_string(entry.uid) + ":" + std::to_string(entry.gid);
  }

  const StackView& files_;
  const Request& request_;
};

int list(const Request& request, const std::filesystem::path& root) {
  Store store(root);
  std::string text;
  for (const std::string& place : request.places) {
    const ImagePath wanted = parse_image_path(place);
    const Image image = image_named(store, wanted.image, request.platform);
    const StackView files = store.layers().view(image.layers);
    Listing listing(files, request);
    const bool several = request.places.size() > 1;
    if (several) text += (text.empty() ? "" : "\n") + printable(place) + ":\n";
    const std::string path = rooted(wanted.path.empty() ? "/" : wanted.path).substr(1);
    // As ls: a link is followed, but for -l without a slash behind it.
    const bool follows = !request.details || wanted.path.ends_with('/');
    const StackView::Resolved found = files.resolve(path, follows);
    if (path.empty() || (found.entry && found.entry->type == Type::directory)) {
      text += listing.directory(path.empty() ? "" : found.path, false);
    } else if (found.entry) {
      text += listing.lone(wanted.path, *found.entry);
    } else if (const auto link = files.resolve(path, false); link.entry) {
      text += listing.lone(wanted.path, *link.entry);  // one that leads nowhere
    } else {
      refuse_missing_path(files, wanted);
    }
  }
  print(text);
  return 0;
}

}  // namespace

std::function<int()> declare_ls(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Lists the files of an image, without unpacking or running it.");
  app.add_option("image", request->places, "an image, and the absolute path of a file or directory")
      ->required()
      ->type_name("IMAGE[:PATH]...");
  app.add_flag("-l", request->details,
               "mode, owner as numbers, size in bytes, time, and where a link leads");
  app.add_flag("-R,--recursive", request->below, "the directories below, too");
  app.add_flag("-a,--all", request->all, "for the habit: names with a dot are always shown");
  app.add_option("--platform", request->platform, "of an image of several platforms, this one's")
      ->type_name("OS/ARCH");
  app.footer(R"(
Examples:
  slipway ls debian
  slipway ls -l app:1.2:/usr/local/bin
  slipway ls -R app:/etc

Links are followed within the image. A control character in a name is shown as a blank.
)");
  return [request, &globals] { return list(*request, globals.root); };
}

}  // namespace slipway
