// The characters of a text as an ANTLR stream. For .cpp files only.
#pragma once

#include <grammar/characters.hpp>

#include <antlr4-runtime.h>

namespace slipway::grammar {

class CharacterStream final : public antlr4::ANTLRInputStream {
 public:
  // `characters` must outlive the stream.
  explicit CharacterStream(const Characters& characters)
      : characters_(characters), escape_(characters.rules().escape) {
    _data = characters.classes();
  }

  const Characters& characters() const { return characters_; }

  char escape() const { return escape_; }
  // From the current position on, `escape` is the escape character.
  void set_escape(char escape) {
    escape_ = escape;
    const std::u32string rest = characters_.classes_from(index(), escape);
    _data.replace(index(), _data.size() - index(), rest);
  }

  // ANTLR asks for text in messages only, and those are ours to write.
  std::string getText(const antlr4::misc::Interval&) override { return {}; }

 private:
  const Characters& characters_;
  char escape_;
};

}  // namespace slipway::grammar
