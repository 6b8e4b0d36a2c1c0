#include "copy_fixture.hpp"

#include <ir/error.hpp>
#include <ir/pattern.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>

namespace slipway {
namespace {

namespace fs = std::filesystem;
using Type = Entry::Type;

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream in{std::string(text)};
  return {std::istream_iterator<std::string>(in), {}};
}

std::string octal(std::uint32_t mode) {
  std::ostringstream out;
  out << std::oct << mode;
  std::string digits = out.str();
  return std::string(4 - std::min<std::size_t>(4, digits.size()), '0') + digits;
}

std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char next = text[++i];
      if (next != 'n' && next != 't' && next != '\\') result += '\\';
      result += next == 'n' ? '\n' : next == 't' ? '\t' : next;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string with_blanks(std::string name) {
  constexpr std::string_view blank = "␠";
  for (std::size_t at = 0; (at = name.find(blank, at)) != std::string::npos; ++at)
    name.replace(at, blank.size(), " ");
  return name;
}

TreeLine parse_line(std::string_view text) {
  TreeLine line;
  Entry& entry = line.entry;
  entry.mtime = usual_time;
  const std::size_t equals = text.find(" =");
  const bool is_hard_link = text.find(" == ") != std::string_view::npos;
  if (equals != std::string_view::npos && !is_hard_link) {
    line.content = unescaped(text.substr(equals + 2));
    text = text.substr(0, equals);
  }
  const std::vector<std::string> words = words_of(text);
  entry.path = with_blanks(words.at(0));
  entry.mode = 0644;
  if (entry.path.ends_with('/')) {
    entry.path.pop_back();
    entry.type = Type::directory;
    entry.mode = 0755;
  } else if (equals == std::string_view::npos) {
    line.content = base_name(entry.path);
  }
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "->") {
      entry.type = Type::symlink;
      entry.mode = 0777;
      entry.link_target = with_blanks(words.at(++i));
      line.content.clear();
    } else if (word == "==") {
      entry.hard_link = with_blanks(words.at(++i));
      line.content.clear();
    } else if (word == "|") {
      entry.type = Type::fifo;
      line.content.clear();
    } else if (word == "!") {
      line.is_socket = true;
      line.content.clear();
    } else if (const std::size_t comma = word.find(','); comma != std::string::npos) {
      entry.type = word.at(0) == 'c' ? Type::char_device : Type::block_device;
      entry.device_major = static_cast<std::uint32_t>(std::stoul(word.substr(1, comma - 1)));
      entry.device_minor = static_cast<std::uint32_t>(std::stoul(word.substr(comma + 1)));
      line.content.clear();
    } else if (word.starts_with('@')) {
      entry.mtime = std::stoll(word.substr(1));
    } else if (const std::size_t sign = word.find('='); sign != std::string::npos) {
      entry.xattrs.emplace_back(word.substr(0, sign), word.substr(sign + 1));
      std::sort(entry.xattrs.begin(), entry.xattrs.end());
    } else if (const std::size_t colon = word.find(':'); colon != std::string::npos) {
      entry.uid = static_cast<std::uint32_t>(std::stoul(word.substr(0, colon)));
      entry.gid = static_cast<std::uint32_t>(std::stoul(word.substr(colon + 1)));
    } else {
      entry.mode = static_cast<std::uint32_t>(std::stoul(word, nullptr, 8));
    }
  }
  entry.size = line.content.size();
  if (entry.type == Type::file) entry.content = sha256(line.content);
  return line;
}

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void check_call(int result, const fs::path& path);

void make_socket(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = path.string();
  if (name.size() >= sizeof address.sun_path) throw std::runtime_error(name + " is too long");
  std::copy(name.begin(), name.end(), address.sun_path);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::close(socket);
  check_call(bound, path);
}

void check_call(int result, const fs::path& path) {
  if (result != 0) throw std::runtime_error("cannot make " + path.string());
}

}  // namespace

std::vector<TreeLine> parse_tree(std::string_view text) {
  std::map<std::string, TreeLine, bool (*)(std::string_view, std::string_view)> lines(path_less);
  std::istringstream in{std::string(text)};
  for (std::string written; std::getline(in, written);) {
    const std::size_t first = written.find_first_not_of(' ');
    if (first == std::string::npos) continue;
    TreeLine line = parse_line(std::string_view(written).substr(first));
    lines.insert_or_assign(line.entry.path, line);
  }
  std::set<std::string> parents;
  for (const auto& [path, line] : lines) {
    for (std::string_view above = parent_path(path); !above.empty(); above = parent_path(above))
      parents.emplace(above);
  }
  for (const std::string& parent : parents) {
    TreeLine made = parse_line("made/");
    made.entry.path = parent;
    lines.emplace(parent, made);  // unless it has a line of its own
  }
  std::vector<TreeLine> result;
  for (auto& [path, line] : lines) {
    if (!line.entry.hard_link.empty()) {
      const TreeLine& file = lines.at(line.entry.hard_link);
      const std::string link = line.entry.hard_link;
      line.entry = file.entry;
      line.entry.path = path;
      line.entry.hard_link = link;
      line.content = file.content;
    }
    result.push_back(line);
  }
  return result;
}

std::string print_tree(const std::vector<TreeLine>& lines) {
  std::string text;
  for (const auto& [entry, content, is_socket] : lines) {
    text += entry.path;
    if (entry.type == Type::directory) text += "/";
    if (entry.type == Type::symlink) {
      text += " -> " + entry.link_target;
    } else if (!entry.hard_link.empty()) {
      text += " == " + entry.hard_link;
    } else if (entry.type == Type::whiteout) {
      text += " gone";
    } else {
      text += " " + octal(entry.mode) + " " + std::to_string(entry.uid) + ":" +
              std::to_string(entry.gid);
    }
    if (entry.type == Type::fifo) text += " |";
    if (entry.type == Type::file && entry.hard_link.empty()) text += " =" + content;
    if (entry.opaque) text += " opaque";
    text += "\n";
  }
  return text;
}

void make_tree(const fs::path& directory, std::string_view text, std::int64_t mtime) {
  const std::vector<TreeLine> lines = parse_tree(text);
  for (const TreeLine& line : lines) {
    const Entry& entry = line.entry;
    const fs::path path = directory / entry.path;
    if (entry.type == Type::directory) {
      fs::create_directories(path);
    } else if (!entry.hard_link.empty()) {
      fs::create_hard_link(directory / entry.hard_link, path);
    } else if (entry.type == Type::symlink) {
      fs::create_symlink(entry.link_target, path);
    } else if (entry.type == Type::fifo) {
      check_call(::mkfifo(path.c_str(), 0600), path);
    } else if (entry.type == Type::char_device || entry.type == Type::block_device) {
      check_call(::mknod(path.c_str(), entry.type == Type::char_device ? S_IFCHR : S_IFBLK,
                         makedev(entry.device_major, entry.device_minor)),
                 path);
    } else if (line.is_socket) {
      make_socket(path);
    } else {
      std::ofstream(path, std::ios::binary) << line.content;
    }
  }
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const fs::path path = directory / line->entry.path;
    if (::geteuid() == 0)
      check_call(::lchown(path.c_str(), line->entry.uid, line->entry.gid), path);
    if (line->entry.type != Type::symlink)
      check_call(::chmod(path.c_str(), line->entry.mode), path);
    for (const auto& [name, value] : line->entry.xattrs)
      check_call(::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0), path);
    const std::int64_t own = line->entry.mtime;
    const timespec time{.tv_sec = own == usual_time ? mtime : own, .tv_nsec = 123'456'789};
    const timespec times[2] = {time, time};
    check_call(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), path);
  }
}

StackView::Layer make_layer(const fs::path& folder, std::string_view text) {
  static int count = 0;
  const fs::path directory = folder / ("layer" + std::to_string(count++));
  fs::create_directories(directory);
  make_tree(directory, text);
  class Text : public ByteSource {
   public:
    explicit Text(std::string_view rest) : rest_(rest) {}
    std::size_t read(std::span<std::byte> buffer) override {
      const std::size_t size = std::min(buffer.size(), rest_.size());
      std::copy_n(reinterpret_cast<const std::byte*>(rest_.data()), size, buffer.begin());
      rest_.remove_prefix(size);
      return size;
    }

   private:
    std::string_view rest_;
  };
  LayerBuilder builder;
  for (TreeLine& line : parse_tree(text)) {
    Text content(line.content);
    const bool is_plain = line.entry.type == Type::file && line.entry.hard_link.empty();
    if (is_plain && line.entry.size > 0)
      builder.add_file(line.entry, content);
    else
      builder.add(line.entry);
  }
  return {directory, LayerIndex::from_bytes(builder.finish().index)};
}

CopyFiles parse_copy(std::string_view instruction) {
  std::vector<std::string> words = words_of(instruction);
  CopyFiles copy;
  std::uint32_t input = 1;
  std::size_t at = 1;
  for (; at < words.size() && words[at].starts_with("--"); ++at) {
    const std::string& word = words[at];
    const std::string value = word.substr(std::min(word.find('=') + 1, word.size()));
    if (word == "--from=stage")
      input = 2;
    else if (word.starts_with("--chown="))
      copy.chown = value;
    else if (word.starts_with("--chmod="))
      copy.chmod = value;
    else if (word.starts_with("--exclude="))
      copy.exclude.push_back(value);
    else if (word == "--parents")
      copy.parents = true;
    else if (word == "--link")
      copy.link = true;
    else
      throw std::logic_error("unknown flag " + word);
  }
  for (; at + 1 < words.size(); ++at) {
    const std::string& word = words[at];
    if (word.starts_with("<<")) {
      const std::size_t equals = word.find('=');
      copy.sources.emplace_back(std::in_place_type<CopyFiles::InlineFile>,
                                word.substr(2, equals - 2), word.substr(equals + 1));
      continue;
    }
    CopyFiles::Selection selection;
    selection.input = input;
    selection.unpack = words.at(0) == "ADD";
    selection.path = word;
    selection.origin.written = word;
    while (selection.path.starts_with('/')) selection.path.erase(0, 1);
    selection.wildcards = has_wildcards(word);
    copy.sources.push_back(selection);
  }
  copy.destination = words.at(at);
  return copy;
}

fs::path CopyBench::context_directory() {
  if (!made_) {
    made_ = true;
    fs::create_directory(folder_ / "context");
    make_tree(folder_ / "context", context_);
    for (const std::string& tree : below_) layers_.push_back(make_layer(folder_.path(), tree));
    stage_tree_ =
        stack_tree(StackView(stage_.empty() ? std::vector<StackView::Layer>{}
                                            : std::vector{make_layer(folder_.path(), stage_)}),
                   "stage build");
  }
  return folder_ / "context";
}

const SourceTree& CopyBench::context_tree() {
  if (!tree_) {
    Context::Options options;
    options.directory = context_directory();
    options.name = "build context";
    options.ignore = IgnoreRules(ignore_);
    tree_ = Context::open(std::move(options));
  }
  return *tree_;
}

std::vector<const SourceTree*> CopyBench::inputs() {
  const SourceTree* const context = &context_tree();
  return {nullptr, context, stage_tree_.get()};
}

StackView CopyBench::view() {
  context_directory();
  return StackView(layers_);
}

CopyPlan CopyBench::plan(const CopyFiles& operation) {
  return plan_copy(operation, inputs(), operation.link ? StackView({}) : view());
}

BuiltLayer CopyBench::write(const CopyPlan& plan) {
  stagings_.push_back(
      std::make_unique<Staging>(folder_ / ("staging" + std::to_string(stagings_.size()))));
  return write_copy(plan, inputs(), view(), *stagings_.back());
}

std::string CopyBench::listing(const CopyPlan& plan) {
  const BuiltLayer layer = write(plan);
  return print_layer(layer, upper());
}

std::string CopyBench::run(std::string_view instruction) {
  const CopyFiles operation = parse_copy(instruction);
  const CopyPlan made = plan(operation);
  if (!operation.link) return listing(made);
  stagings_.push_back(
      std::make_unique<Staging>(folder_ / ("staging" + std::to_string(stagings_.size()))));
  return print_layer(write_copy(made, inputs(), StackView({}), *stagings_.back()), upper());
}

std::string CopyBench::run_directory(const MakeDirectory& operation) {
  return listing(plan_directory(operation, view()));
}

std::string CopyBench::error(std::string_view instruction) {
  try {
    run(instruction);
  } catch (const Error& error) {
    const Diagnostic& first = error.diagnostics().front();
    return first.message + (first.hint.empty() ? "" : " / " + first.hint);
  }
  return "";
}

std::string print_layer(const BuiltLayer& layer, const fs::path& directory) {
  const auto index = LayerIndex::from_bytes(layer.index);
  std::vector<TreeLine> lines;
  std::set<std::string> listed;
  for (std::size_t i = 0; i < index->size(); ++i) {
    TreeLine line{index->entry(i), ""};
    const Entry& entry = line.entry;
    const fs::path path = entry.path.empty() ? directory : directory / entry.path;
    INFO("entry " << entry.path);
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    listed.insert(entry.path);
    CHECK(status.st_uid == entry.uid);
    CHECK(status.st_gid == entry.gid);
    CHECK(status.st_mtim.tv_sec == entry.mtime);
    CHECK(status.st_mtim.tv_nsec == 0);
    CHECK((status.st_mode & 07777) == entry.mode);
    CHECK(S_ISDIR(status.st_mode) == (entry.type == Type::directory));
    CHECK(S_ISLNK(status.st_mode) == (entry.type == Type::symlink));
    if (entry.type == Type::symlink) CHECK(fs::read_symlink(path) == entry.link_target);
    if (entry.type == Type::file) {
      CHECK(S_ISREG(status.st_mode));
      line.content = read_text(path);
      CHECK(line.content.size() == entry.size);
      CHECK(sha256(line.content) == entry.content);
    }
    if (!entry.hard_link.empty()) CHECK(fs::equivalent(path, directory / entry.hard_link));
    lines.push_back(std::move(line));
  }
  for (const auto& found : fs::recursive_directory_iterator(directory)) {
    const std::string path = found.path().lexically_relative(directory).native();
    INFO("on disk: " << path);
    CHECK(listed.contains(path));
  }
  return print_tree(lines);
}

bool skipped() {
  if (::geteuid() == 0) return false;
  MESSAGE("skipped: files get owners, which takes root");
  return true;
}

}  // namespace slipway
