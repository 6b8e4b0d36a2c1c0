// The second step of COPY, ADD and WORKDIR: from a plan to a layer on disk.
//
// First what needs no bytes: directories, links, devices. Then the files, by as many threads as are
// worth it: the large ones one after the other, the biggest first, beside the many small ones in
// path order. Behind them one thread builds the layer in path order, because a diffID is the hash
// of a tar: it gets small files from memory and reads large ones while they are still being copied,
// out of the page cache. It is all that is left to do when the tree is complete.
#include <executor/files/copy.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/extract.hpp>
#include <cache/text_source.hpp>
#include <executor/files/content.hpp>
#include <executor/files/copy_file.hpp>
#include <executor/files/copy_progress.hpp>
#include <executor/files/layer_items.hpp>
#include <executor/files/unpack_archive.hpp>
#include <executor/files/write_tree.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace slipway {
namespace {

using Type = Entry::Type;

// From here on a file is large: worth a thread of its own, and not kept in memory for the builder.
constexpr std::uint64_t large = std::uint64_t{1} << 20;
constexpr std::uint64_t worth_keeping = std::uint64_t{64} << 10;
constexpr std::size_t most_threads = 8;

Error interrupted() {
  return Error("the copying was interrupted");
}

// Thrown through LayerBuilder when the copying ended early; whoever ended it knows why.
struct Stopped {};

// A file's copy, as far as it has got.
class CopySource : public ByteSource {
 public:
  CopySource(FileDescriptor file, std::string_view path, std::size_t position,
             CopyProgress& progress)
      : file_(std::move(file)), path_(path), position_(position), progress_(progress) {}

  std::size_t read(std::span<std::byte> buffer) override {
    while (!reached_.complete && reached_.bytes <= at_) {
      if (!progress_.wait(position_, at_, reached_)) throw Stopped();
    }
    const std::uint64_t there = reached_.complete ? buffer.size() : reached_.bytes - at_;
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), there));
    for (;;) {
      const ssize_t got = ::pread(file_.get(), buffer.data(), wanted, static_cast<off_t>(at_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw system_error("pread", path_, errno);
      at_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
  }

 private:
  FileDescriptor file_;
  std::string_view path_;
  std::size_t position_;
  CopyProgress& progress_;
  CopyProgress::Reached reached_;
  std::uint64_t at_ = 0;
};

}  // namespace

struct CopyWriter::State {
  State(CopyPlan& planned, const std::vector<const SourceTree*>& trees, const StackView& lower,
        const Staging& folder, FileWork* counted)
      : plan(planned),
        inputs(trees),
        below(lower),
        staging(folder),
        upper(folder.upper()),
        root(open_root(upper)),
        progress(planned.items.size()),
        work(counted != nullptr ? *counted : uncounted) {}

  void set_content(std::size_t position, const Digest& content) {
    const std::lock_guard lock(content_mutex);
    plan.items.set_content(position, content);
  }
  Entry entry_now(std::size_t position) {
    const std::lock_guard lock(content_mutex);
    return plan.items.entry(position);
  }

  // write(), step by step.
  void decide_items();
  void make_others();
  void copy_files();
  void finish_tree();
  void fill_links();

  void copy_some();
  std::optional<std::size_t> next_file(bool prefers_large);
  void copy_file(std::size_t position, TreeMaker& maker, FileCopier& copier);
  void build();

  CopyPlan& plan;
  const std::vector<const SourceTree*>& inputs;
  const StackView& below;
  const Staging& staging;
  const std::filesystem::path upper;
  const FileDescriptor root;
  std::vector<std::size_t> in_layer;  // positions of the items that the layer is made of
  std::vector<std::size_t> items;     // of them those that do not come behind an archive
  TreeEntries unpacked;               // of a plan with archives

  std::uint64_t bytes = 0;               // of all files
  std::vector<std::size_t> large_files;  // the biggest first
  std::vector<std::size_t> small_files;  // in path order
  // Shared by the threads that copy: who takes which file.
  std::atomic<std::size_t> next_large = 0;
  std::atomic<std::size_t> next_small = 0;
  std::atomic<std::size_t> workers = 0;
  CopyProgress progress;
  FileWork uncounted;  // where nobody asks
  FileWork& work;
  // Guards the contents in the plan: who builds looks at a large file's entry before it is hashed.
  std::mutex content_mutex;
  std::mutex failure_mutex;  // guards `failure`, the first of those threads
  std::exception_ptr failure;

  // Written by the thread that builds, read after it was joined.
  std::thread builder;
  std::optional<BuiltLayer> built;
  std::exception_ptr build_failure;
};

void CopyWriter::State::decide_items() {
  const std::vector<std::size_t> undecided = undecided_items(plan, below);
  if (!undecided.empty()) {
    CopyPlan part;
    for (const std::size_t position : undecided) part.items.push_back(plan.items[position]);
    hash_contents(part, inputs);
    for (std::size_t i = 0; i < undecided.size(); ++i)
      plan.items.set_content(undecided[i], part.items.entry(i).content);
  }
  in_layer = layer_items(plan, below);
  for (const std::size_t position : in_layer) {
    if (!plan.behind_archives.contains(plan.items.path(position))) items.push_back(position);
  }
}

void CopyWriter::State::make_others() {
  TreeMaker maker(root.get());
  std::vector<std::pair<std::uint64_t, std::size_t>> sizes;  // of the large files
  for (const std::size_t position : items) {
    const Entry entry = plan.items.entry(position);
    if (entry.type == Type::directory) {
      maker.make_directory(entry);
    } else if (entry.type != Type::file && entry.hard_link.empty()) {
      maker.make_other(entry);
    } else if (entry.hard_link.empty()) {
      bytes += entry.size;
      if (entry.size >= large)
        sizes.emplace_back(entry.size, position);
      else
        small_files.push_back(position);
      continue;
    }
    progress.finished(position, {});
  }
  std::stable_sort(sizes.begin(), sizes.end(),
                   [](const auto& left, const auto& right) { return left.first > right.first; });
  for (const auto& [size, position] : sizes) large_files.push_back(position);
}

std::optional<std::size_t> CopyWriter::State::next_file(bool prefers_large) {
  const auto take = [](std::atomic<std::size_t>& next, const std::vector<std::size_t>& files) {
    const std::size_t i = next++;
    return i < files.size() ? std::optional(files[i]) : std::nullopt;
  };
  if (prefers_large) {
    if (const auto file = take(next_large, large_files)) return file;
    return take(next_small, small_files);
  }
  if (const auto file = take(next_small, small_files)) return file;
  return take(next_large, large_files);
}

void CopyWriter::State::copy_some() {
  const bool prefers_large = workers++ == 0;
  try {
    TreeMaker maker(root.get());
    FileCopier copier;
    while (!progress.stopped() && !work.stopped) {
      const std::optional<std::size_t> position = next_file(prefers_large);
      if (!position) return;
      copy_file(*position, maker, copier);
    }
  } catch (...) {
    {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
    progress.stop();
  }
}

void CopyWriter::State::copy_file(std::size_t position, TreeMaker& maker, FileCopier& copier) {
  const PlanItem copied = plan.items[position];
  const Entry& entry = copied.entry;
  const FileDescriptor file = maker.make_file(entry);
  std::string kept;
  if (copied.bytes) {
    write_all(file.get(), std::as_bytes(std::span(*copied.bytes)), entry.path);
    kept = *copied.bytes;
  } else if (entry.size > 0) {
    const SourceTree& tree = *inputs[copied.input];
    FileCopier::Target target;
    target.file = file.get();
    target.path = entry.path;
    if (entry.size <= worth_keeping) {
      kept.reserve(entry.size);
      target.bytes = &kept;
    }
    if (entry.size >= large) {
      target.progress = [&, told = std::uint64_t{0}](std::uint64_t reached) mutable {
        if (work.stopped) throw interrupted();
        work.bytes += reached - std::exchange(told, reached);
        progress.reached(position, reached);
      };
    }
    copier.aim(std::move(target));
    Entry source;
    source.path = copied.source;
    const Digest content = tree.read(source, copier);
    if (entry.content != Digest{} && entry.content != content)
      throw changed_since_planned(copied.source, tree);
    if (entry.content == Digest{}) set_content(position, content);
  }
  maker.finish_file(file.get(), entry);
  progress.finished(position, std::move(kept));
  ++work.files;
  if (entry.size < large) work.bytes += entry.size;
}

void CopyWriter::State::copy_files() {
  const std::size_t count =
      worthwhile_threads(small_files.size() + large_files.size(), bytes, most_threads);

  if (count > 0 && plan.archives.empty()) builder = start_helper([this] { build(); });
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (std::size_t i = 1; i < count; ++i) {
    std::thread helper = start_helper([this] { copy_some(); });
    if (!helper.joinable()) break;
    threads.push_back(std::move(helper));
  }
  copy_some();
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  if (work.stopped) throw interrupted();
}

void CopyWriter::State::finish_tree() {
  TreeMaker maker(root.get());
  for (const std::size_t position : items) {
    const Entry entry = plan.items.entry(position);
    if (!entry.hard_link.empty()) maker.make_link(entry);
  }
  // Directories last, because each name made in one changes its time, and a mode may forbid it.
  for (auto position = items.rbegin(); position != items.rend(); ++position) {
    if (plan.items.type(*position) == Type::directory)
      maker.finish_directory(plan.items.entry(*position));
  }
}

// Names of one file have one content; it was read under the first of them.
void CopyWriter::State::fill_links() {
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    if (plan.items.type(i) != Type::file) continue;
    const Entry link = plan.items.entry(i);
    if (link.hard_link.empty() || link.content != Digest{}) continue;
    set_content(i, plan.items.entry(plan.items.find(link.hard_link).value()).content);
  }
}

void CopyWriter::State::build() {
  try {
    LayerBuilder layer;
    for (const std::size_t position : items) {
      CopyProgress::Reached reached;
      if (!progress.wait(position, 0, reached)) return;
      const Entry entry = entry_now(position);
      if (entry.type != Type::file || !entry.hard_link.empty() || entry.size == 0) {
        layer.add(entry);
        continue;
      }
      const auto content = [&] { return entry_now(position).content; };
      std::string kept;
      if (progress.take(position, kept)) {
        TextSource source(kept);
        layer.add_hashed(entry, source, content);
      } else {
        CopySource source(open_beneath(root.get(), entry.path, O_RDONLY), entry.path, position,
                          progress);
        layer.add_hashed(entry, source, content);
      }
    }
    built = layer.finish();
  } catch (const Stopped&) {
  } catch (...) {
    build_failure = std::current_exception();
  }
}

CopyWriter::CopyWriter(CopyPlan& plan, const std::vector<const SourceTree*>& inputs,
                       const StackView& below, const Staging& staging, FileWork* work)
    : state_(std::make_unique<State>(plan, inputs, below, staging, work)) {}

CopyWriter::~CopyWriter() {
  state_->progress.stop();
  if (state_->builder.joinable()) state_->builder.join();
}

void CopyWriter::write() {
  state_->decide_items();
  state_->make_others();
  state_->copy_files();
  state_->finish_tree();
  state_->fill_links();
}

void CopyWriter::complete() {
  State& state = *state_;
  if (state.plan.archives.empty()) return;
  for (const std::size_t position : state.items) {
    Entry entry = state.plan.items.entry(position);
    std::string path = entry.path;
    state.unpacked.emplace_hint(state.unpacked.end(), std::move(path), std::move(entry));
  }
  std::size_t archives = 0;
  for (const CopyPlan::Archive& archive : state.plan.archives) {
    unpack_archive(archive, *state.inputs.at(archive.input), state.below, state.staging,
                   state.unpacked);
    put_behind_archive(state.plan, ++archives, state.in_layer, state.inputs, state.below,
                       state.staging, state.unpacked);
  }
}

BuiltLayer CopyWriter::layer() {
  State& state = *state_;
  if (!state.plan.archives.empty()) return build_tree(state.upper, state.unpacked);
  if (state.builder.joinable())
    state.builder.join();
  else
    state.build();
  if (state.build_failure) std::rethrow_exception(state.build_failure);
  return std::move(*state.built);
}

BuiltLayer write_copy(CopyPlan plan, const std::vector<const SourceTree*>& inputs,
                      const StackView& below, const Staging& staging) {
  CopyWriter writer(plan, inputs, below, staging);
  writer.write();
  writer.complete();
  return writer.layer();
}

}  // namespace slipway
