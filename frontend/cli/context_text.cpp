#include "context_text.hpp"

#include "build_inputs.hpp"

#include <cache/layers/beneath.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <span>
#include <utility>
#include <vector>

namespace slipway {

std::optional<std::string> read_text(const SourceTree& tree, std::string_view path) {
  const std::optional<Entry> entry = tree.resolve(path, true).entry;
  if (!entry) return std::nullopt;
  const std::string shown = quoted(path) + " of the " + tree.name();
  if (entry->type != Entry::Type::file) throw Error(shown + " is not a file");
  if (entry->size > most_text_bytes) throw Error(shown + " is larger than 64 MiB");
  DescriptorSource file{FileDescriptor(tree.open(*entry))};
  std::string text(static_cast<std::size_t>(entry->size), '\0');
  std::span<std::byte> rest = std::as_writable_bytes(std::span(text));
  while (!rest.empty()) {
    const std::size_t got = file.read(rest);
    if (got == 0) throw Error(shown + " changed while it was read");
    rest = rest.subspan(got);
  }
  return text;
}

std::shared_ptr<const SourceFile> find_dockerfile(const SourceTree& tree, const std::string& file) {
  std::string path = file.empty() ? "Dockerfile" : file;
  std::optional<std::string> text = read_text(tree, path);
  if (!text && base_name(path) == "Dockerfile") {
    std::string lower = path;
    lower.replace(lower.size() - 10, 1, "d");
    if ((text = read_text(tree, lower))) path = std::move(lower);
  }
  if (!text) {
    const std::string near = nearest(path, tree.list(""));
    throw Error("there is no " + quoted(path) + " in the " + tree.name())
        .hint(!near.empty()  ? "did you mean -f " + near + "?"
              : file.empty() ? "name the file with -f FILE"
                             : "-f names a file of the context");
  }
  auto source = std::make_shared<SourceFile>();
  source->name = std::move(path);
  source->text = std::move(*text);
  return source;
}

std::string text_of(ByteSource& source, const std::string& name) {
  std::string text;
  std::vector<std::byte> buffer(std::size_t{64} << 10);
  while (const std::size_t got = source.read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer.data()), got);
    if (text.size() > most_text_bytes) throw Error(name + " is larger than 64 MiB");
  }
  return text;
}

void require_dockerfile_text(std::string_view text, const std::string& name) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  // No instruction begins so.
  if (start != std::string_view::npos && text[start] == '<') {
    throw Error(name + " is an HTML page, not an archive or a Dockerfile")
        .hint("a page that shows a file, or asks for a login, has another URL than the file");
  }
  if (text.find('\0') != std::string_view::npos) {
    throw Error(name + " is neither a tar archive nor a Dockerfile")
        .hint("an archive is a tar, plain or compressed by gzip, bzip2, xz or zstd");
  }
}

}  // namespace slipway
