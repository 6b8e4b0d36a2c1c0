#include "stdin_context.hpp"

#include "context_text.hpp"

#include <cache/layers/decompress.hpp>
#include <cache/layers/extract.hpp>
#include <cache/store.hpp>
#include <cache/stream.hpp>
#include <executor/files/unpacked.hpp>
#include <ir/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// Enough of a stream to see whether it is a tar, through any compression's first block.
constexpr std::size_t head_bytes = 1U << 20U;

std::size_t read_stdin(std::span<std::byte> buffer) {
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw system_error("read", "standard input", errno);
  }
}

// What was read already, and then, if asked, the rest of standard input.
class Replayed : public ByteSource {
 public:
  Replayed(std::string_view head, bool with_rest) : head_(head), with_rest_(with_rest) {}

  std::size_t read(std::span<std::byte> buffer) override {
    if (!head_.empty()) {
      const std::size_t count = std::min(buffer.size(), head_.size());
      std::memcpy(buffer.data(), head_.data(), count);
      head_.remove_prefix(count);
      return count;
    }
    return with_rest_ ? read_stdin(buffer) : 0;
  }

 private:
  std::string_view head_;
  bool with_rest_;
};

std::string read_head(std::size_t most) {
  std::string text(most, '\0');
  std::size_t length = 0;
  while (length < most) {
    const std::size_t got =
        read_stdin(std::as_writable_bytes(std::span(text.data() + length, most - length)));
    if (got == 0) break;
    length += got;
  }
  text.resize(length);
  return text;
}

}  // namespace

std::string read_stdin_text() {
  Replayed all({}, true);
  return text_of(all, "the Dockerfile on standard input");
}

void read_stdin_context(BuildInputs& inputs, const std::string& file,
                        const std::function<Store&()>& store) {
  const std::string head = read_head(head_bytes);
  Replayed start(head, false);
  Replayed all(head, true);
  if (is_archive(start)) {
    inputs.unpacked.emplace(store().layers().stage());
    inputs.tree = unpack_tree(all, *inputs.unpacked, "build context on standard input");
    inputs.dockerfile = find_dockerfile(*inputs.tree, file);
    return;
  }
  if (!file.empty()) {
    throw Error("standard input is a Dockerfile, and -f names another one")
        .hint("leave one of them out; a tar on standard input may have several");
  }
  std::string text = text_of(*open_decompressed(all), "the Dockerfile on standard input");
  require_dockerfile_text(text, "standard input");
  inputs.dockerfile = std::make_shared<SourceFile>(SourceFile{"-", std::move(text)});
  inputs.tree =
      empty_tree("build context, which is empty, because standard input was the Dockerfile");
}

}  // namespace slipway
