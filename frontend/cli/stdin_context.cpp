#include "stdin_context.hpp"

#include <cache/layers/extract.hpp>
#include <cache/store.hpp>
#include <cache/stream.hpp>
#include <ir/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

namespace slipway {
namespace {

constexpr std::size_t most_text_bytes = 64U << 20U;
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
  std::string text = read_head(most_text_bytes + 1);
  if (text.size() > most_text_bytes) {
    throw Error("the Dockerfile on standard input is larger than 64 MiB");
  }
  return text;
}

void read_stdin_context(BuildInputs& inputs, const std::function<Store&()>& store) {
  std::string head = read_head(head_bytes);
  Replayed start(head, false);
  if (!is_archive(start)) {
    if (head.size() == head_bytes) head.append(read_stdin_text());
    inputs.dockerfile = std::make_shared<SourceFile>(SourceFile{"-", std::move(head)});
    return;
  }
  inputs.unpacked.emplace(store().layers().stage());
  Replayed all(head, true);
  TreeEntries entries;
  extract_archive(all, inputs.unpacked->upper(), StackView({}), {}, entries);
  inputs.directory = inputs.unpacked->upper();
}

}  // namespace slipway
