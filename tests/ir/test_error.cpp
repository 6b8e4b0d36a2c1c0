#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <memory>

using namespace slipway;

namespace {

SourceSpan span(const std::string& text, std::uint32_t line, std::uint32_t column,
                std::uint32_t end_line, std::uint32_t end_column) {
  return {std::make_shared<const SourceFile>(SourceFile{"Dockerfile", text}), line, column,
          end_line, end_column};
}

}  // namespace

TEST_CASE("an error shows its line, its place and what to do next") {
  const std::string text = "FROM scratch AS builder\n\nCOPY --from=biulder /src/app /usr/bin/app\n";
  const Error error = Error("stage " + quoted("biulder") + " does not exist")
                          .at(span(text, 3, 13, 3, 20))
                          .hint("did you mean " + quoted("builder") + "?");
  CHECK(render(error, false) ==
        "Dockerfile:3:13: error: stage \"biulder\" does not exist\n"
        "    3 | COPY --from=biulder /src/app /usr/bin/app\n"
        "      |             ^~~~~~~\n"
        "hint: did you mean \"builder\"?\n");
}

TEST_CASE("the caret stands below its word, whatever is in front of it") {
  const auto caret = [](const std::string& line, std::uint32_t from, std::uint32_t to) {
    return render(Error("e").at(span(line, 1, from, 1, to)), false);
  };
  // A tab fills up to the next fourth column, a two-cell character takes two cells, a combining
  // mark none, a stray byte one.
  CHECK(caret("\tRUN x", 6, 7) ==
        "Dockerfile:1:6: error: e\n    1 |     RUN x\n      |         ^\n");
  CHECK(caret("\xE6\xBC\xA2 x", 3, 4) ==
        "Dockerfile:1:3: error: e\n    1 | \xE6\xBC\xA2 x\n      |    ^\n");
  CHECK(caret("e\xCC\x81 x", 4, 5) ==
        "Dockerfile:1:4: error: e\n    1 | e\xCC\x81 x\n      |   ^\n");
  CHECK(caret("\xFF x", 3, 4) == "Dockerfile:1:3: error: e\n    1 | \xEF\xBF\xBD x\n      |   ^\n");
  // Behind the end: something is missing there.
  CHECK(caret("FROM", 5, 5) == "Dockerfile:1:5: error: e\n    1 | FROM\n      |     ^\n");
  // Carriage returns and terminal controls are never passed on.
  CHECK(caret("a\x1b[31m\r", 1, 2) ==
        "Dockerfile:1:1: error: e\n    1 | a\xEF\xBF\xBD[31m\n      | ^\n");
}

TEST_CASE("several mistakes are counted, also those that are not shown") {
  const Diagnostic one{"e", span("FROM", 1, 1, 1, 5), "", ""};
  CHECK(render(Error(std::vector{one, one}), false).ends_with("\n2 mistakes in Dockerfile\n"));
  CHECK(render(Error(std::vector{one, one}, 7), false)
            .ends_with("\n9 mistakes in Dockerfile; these are the first 2\n"));
  CHECK(render(Error(std::vector{one}), false).find("mistakes") == std::string::npos);
}

TEST_CASE("what a message repeats as it stands in the file does nothing to a terminal") {
  const std::string shown =
      render(Error("A: \x1b[2J\n\xE2\x80\xAEx\xFF").hint("\x07h"), false);
  CHECK(shown == "error: A: \\x1b[2J\\x0a\\u202ex\\xff\nhint: \\x07h\n");
}

TEST_CASE("many mistakes in one very long line are shown without walking it for each") {
  std::string line;
  for (int i = 0; i < 200'000; ++i) line += "\xE6\xBC\xA2";
  const auto file = std::make_shared<const SourceFile>(SourceFile{"Dockerfile", line + "\nx"});
  std::vector<Diagnostic> mistakes;
  for (std::uint32_t i = 0; i < 2'000; ++i) {
    const std::uint32_t column = 100 * i + 1;
    mistakes.push_back({"e", {file, 1, column, 1, column + 1}, "", ""});
  }
  const std::string shown = render(Error(std::move(mistakes)), false);
  // 160 characters of three bytes each, and their frame.
  CHECK(shown.size() < 2'000 * 800);
  CHECK(shown.find("Dockerfile:1:199901: error: e\n") != std::string::npos);
}

TEST_CASE("a place over several lines is shown with its lines, a long one in part") {
  CHECK(render(Error("e").at(span("RUN a \\\n  b\nRUN c\n", 1, 5, 2, 4)), false) ==
        "Dockerfile:1:5: error: e\n    1 | RUN a \\\n      |     ^~~\n    2 |   b\n");
  CHECK(render(Error("e").at(span("a\nb\nc\nd\ne\nf\ng\n", 1, 1, 7, 2)), false) ==
        "Dockerfile:1:1: error: e\n    1 | a\n      | ^\n    2 | b\n    3 | c\n    4 | d\n"
        "    5 | e\n  ... |\n");
  const std::string line = std::string(1000, 'x') + "y" + std::string(1000, 'z');
  const std::string shown = render(Error("e").at(span(line, 1, 1001, 1, 1002)), false);
  CHECK(shown.size() < 400);
  CHECK(shown.find("xy") != std::string::npos);
}

TEST_CASE("what has no place, or one that is not in the text, is still reported") {
  CHECK(render(Error("no such flag"), false) == "error: no such flag\n");
  CHECK(render(Error("empty").at(span("", 0, 0, 0, 0)), false) == "Dockerfile: error: empty\n");
  CHECK(render(Error("gone").at(span("a\n", 9, 3, 9, 4)), false) ==
        "Dockerfile:9:3: error: gone\n    9 |\n      | ^\n");
  CHECK(render(Diagnostic{"odd", {}, "", "line one\nline two"}, "warning", false) ==
        "warning: odd\nline one\nline two\n");
  CHECK(render(Error("e"), true) == "\x1b[1;31merror:\x1b[0m e\n");
}

TEST_CASE("the place that was known first stays") {
  const SourceSpan first = span("a b", 1, 1, 1, 2);
  const SourceSpan second = span("a b", 1, 3, 1, 4);
  CHECK(Error("e").at(first).at(second).diagnostics().front().span.column == 1);
}

TEST_CASE("quoted() lets nothing reach the terminal that acts on it") {
  CHECK(quoted("app") == "\"app\"");
  CHECK(quoted("a\"b\\c\n\x1b") == "\"a\\\"b\\\\c\\n\\x1b\"");
  CHECK(quoted("\xC3\xA9\xFF") == "\"\xC3\xA9\\xff\"");
  CHECK(quoted("\xE2\x80\xAE") == "\"\\u202e\"");  // turns the writing direction
  CHECK(quoted(std::string(300, 'a')) == "\"" + std::string(200, 'a') + "...\"");
}

TEST_CASE("a failed system call names the call, the path and the reason") {
  CHECK(std::string(system_error("openat2", "/x", ENOENT).what()) ==
        "openat2 \"/x\": No such file or directory");
  CHECK(system_error("openat2", "/x", ENOENT).diagnostics().front().hint.empty());
  CHECK(system_error("write", "app/big", ENOSPC).diagnostics().front().hint.find("--root") !=
        std::string::npos);
  CHECK(system_error("mkdir", "/x", EROFS).diagnostics().front().hint.find("--root") !=
        std::string::npos);
}
