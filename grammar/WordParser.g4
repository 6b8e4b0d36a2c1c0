// A word with its variables (docs/reference.md of moby/buildkit, "Environment replacement").
parser grammar WordParser;

options { tokenVocab = WordLexer; }

word : part* EOF ;

part
  : TEXT | DOLLAR | ESCAPED | LONE_ESCAPE | PATTERN_ESCAPE | SINGLE_QUOTED
  | doubleQuoted | variable
  ;

doubleQuoted : OPEN_DOUBLE part* CLOSE_DOUBLE ;

variable
  : VARIABLE                                                            // $name
  | OPEN_BRACE PARAMETER CLOSE_BRACE                                    // ${name}
  | OPEN_BRACE PARAMETER? modifier operand CLOSE_BRACE                   // ${name:-word}
  | OPEN_BRACE PARAMETER? REPLACE pattern SLASH replacement CLOSE_BRACE  // ${name/pattern/word}
  ;

modifier    : DEFAULT | ALTERNATIVE | REQUIRED | REMOVE_PREFIX | REMOVE_SUFFIX ;
operand     : part* ;
pattern     : part* ;
replacement : part* ;
