#include <executor/export/added_files.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/text_source.hpp>
#include <ir/error.hpp>

#include <fcntl.h>

#include <cerrno>
#include <map>
#include <string>
#include <utility>

namespace slipway {

StackView with_files(const StackView& view, const std::vector<StatementFile>& files,
                     std::int64_t mtime, LayerStore& layers, std::optional<Staging>& staging) {
  if (files.empty()) return view;
  staging.emplace(layers.stage());
  // One more layer: whoever writes the view's files writes these.
  std::map<std::string, std::string_view> sorted;
  for (const StatementFile& file : files) sorted[file.name] = file.text;
  LayerBuilder builder;
  for (const auto& [name, text] : sorted) {
    if (view.find(name))
      throw Error("the result has a file " + quoted(name) +
                  " of its own, where an attestation would be written")
          .hint("leave --provenance and --sbom out, or take the result as type=oci");
    const std::string path = staging->upper() / name;
    const FileDescriptor made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!made) throw system_error("open", path, errno);
    write_all(made.get(), text, path);
    Entry entry;
    entry.path = name;
    entry.mode = 0600;
    entry.size = text.size();
    entry.mtime = mtime;
    TextSource bytes(text);
    builder.add_file(std::move(entry), bytes);
  }
  std::vector<StackView::Layer> stack = view.layers();
  stack.push_back({staging->upper(), LayerIndex::from_bytes(builder.finish().index)});
  return StackView(std::move(stack));
}

}  // namespace slipway
