// The tokens of a word (docs/reference.md of moby/buildkit, "Environment replacement").
//
// The stream of characters hands the active escape character over as a backslash, and hides what
// is not special where the word stands: the inactive escape character, quotes in a heredoc. Letters
// beyond ASCII arrive as \u0002, digits as \u0003 (\p{L} and \p{Nd}, but for the time that ANTLR
// takes to set those up).
lexer grammar WordLexer;

ESCAPED       : '\\' . ;
LONE_ESCAPE   : '\\' ;                          // the last character of the word
SINGLE_QUOTED : '\'' ~[']* '\'' ;
OPEN_SINGLE   : '\'' ~[']* ;                    // a mistake: it never ends
OPEN_DOUBLE   : '"'                             -> pushMode(DOUBLE) ;
VARIABLE      : '$' NAME ;
DOLLAR        : '$' ;                           // before anything else it means itself
OPEN_BRACE    : '${'                            -> pushMode(BRACE) ;
TEXT          : ~[\\'"$]+ ;

mode DOUBLE;  // "..."
D_ESCAPED     : '\\' ["$\\]                     -> type(ESCAPED) ;
D_BACKSLASH   : '\\'                            -> type(TEXT) ;
CLOSE_DOUBLE  : '"'                             -> popMode ;
D_VARIABLE    : '$' NAME                        -> type(VARIABLE) ;
D_DOLLAR      : '$'                             -> type(DOLLAR) ;
D_OPEN_BRACE  : '${'                            -> type(OPEN_BRACE), pushMode(BRACE) ;
D_TEXT        : ~[\\"$]+                        -> type(TEXT) ;

mode BRACE;  // behind ${; an operator without a name is one of nothing, which is never set
PARAMETER     : NAME                            -> mode(OPERATOR) ;
B_ALTERNATIVE : '+'                             -> type(ALTERNATIVE), mode(OPERAND) ;
B_SUFFIX      : '%' '%'?                        -> type(REMOVE_SUFFIX), mode(PATTERN) ;
B_REPLACE     : '/' '/'?                        -> type(REPLACE), mode(REPLACED) ;
B_OTHER       : .                               -> type(MISPLACED) ;

mode OPERATOR;  // behind ${name
CLOSE_BRACE   : '}'                             -> popMode ;
DEFAULT       : ':'? '-'                        -> mode(OPERAND) ;
ALTERNATIVE   : ':'? '+'                        -> mode(OPERAND) ;
REQUIRED      : ':'? '?'                        -> mode(OPERAND) ;
REMOVE_PREFIX : '#' '#'?                        -> mode(PATTERN) ;
REMOVE_SUFFIX : '%' '%'?                        -> mode(PATTERN) ;
REPLACE       : '/' '/'?                        -> mode(REPLACED) ;
MISPLACED     : ':' ~[\-+?}] | . ;

mode OPERAND;  // of - + ?: a word up to }
O_ESCAPED     : '\\' .                          -> type(ESCAPED) ;
O_LONE        : '\\'                            -> type(LONE_ESCAPE) ;
O_SINGLE      : '\'' ~[']* '\''                 -> type(SINGLE_QUOTED) ;
O_OPEN_SINGLE : '\'' ~[']*                      -> type(OPEN_SINGLE) ;
O_OPEN_DOUBLE : '"'                             -> type(OPEN_DOUBLE), pushMode(DOUBLE) ;
O_VARIABLE    : '$' NAME                        -> type(VARIABLE) ;
O_DOLLAR      : '$'                             -> type(DOLLAR) ;
O_OPEN_BRACE  : '${'                            -> type(OPEN_BRACE), pushMode(BRACE) ;
O_CLOSE       : '}'                             -> type(CLOSE_BRACE), popMode ;
O_TEXT        : ~[\\'"$}]+                      -> type(TEXT) ;

mode PATTERN;  // of # and %, and the replacement of /: here escapes stay in the text
P_ESCAPED     : '\\' .                          -> type(PATTERN_ESCAPE) ;
P_LONE        : '\\'                            -> type(PATTERN_ESCAPE) ;
P_SINGLE      : '\'' ~[']* '\''                 -> type(SINGLE_QUOTED) ;
P_OPEN_SINGLE : '\'' ~[']*                      -> type(OPEN_SINGLE) ;
P_OPEN_DOUBLE : '"'                             -> type(OPEN_DOUBLE), pushMode(DOUBLE_PATTERN) ;
P_VARIABLE    : '$' NAME                        -> type(VARIABLE) ;
P_DOLLAR      : '$'                             -> type(DOLLAR) ;
P_OPEN_BRACE  : '${'                            -> type(OPEN_BRACE), pushMode(BRACE) ;
P_CLOSE       : '}'                             -> type(CLOSE_BRACE), popMode ;
P_TEXT        : ~[\\'"$}]+                      -> type(TEXT) ;

mode REPLACED;  // the pattern of /, up to the next /
PATTERN_ESCAPE : '\\' . | '\\' ;
R_SINGLE      : '\'' ~[']* '\''                 -> type(SINGLE_QUOTED) ;
R_OPEN_SINGLE : '\'' ~[']*                      -> type(OPEN_SINGLE) ;
R_OPEN_DOUBLE : '"'                             -> type(OPEN_DOUBLE), pushMode(DOUBLE_PATTERN) ;
R_VARIABLE    : '$' NAME                        -> type(VARIABLE) ;
R_DOLLAR      : '$'                             -> type(DOLLAR) ;
R_OPEN_BRACE  : '${'                            -> type(OPEN_BRACE), pushMode(BRACE) ;
SLASH         : '/'                             -> mode(PATTERN) ;
R_TEXT        : ~[\\'"$/]+                      -> type(TEXT) ;

mode DOUBLE_PATTERN;  // "..." in a pattern
DP_ESCAPED    : ( '\\' ["$\\] | '\\' )          -> type(PATTERN_ESCAPE) ;
DP_CLOSE      : '"'                             -> type(CLOSE_DOUBLE), popMode ;
DP_VARIABLE   : '$' NAME                        -> type(VARIABLE) ;
DP_DOLLAR     : '$'                             -> type(DOLLAR) ;
DP_OPEN_BRACE : '${'                            -> type(OPEN_BRACE), pushMode(BRACE) ;
DP_TEXT       : ~[\\"$]+                        -> type(TEXT) ;

// $1 and $12 are positional, $? and its like special; both are never set in a Dockerfile.
fragment NAME    : [a-zA-Z_\u0002] [a-zA-Z0-9_\u0002\u0003]* | [0-9\u0003]+ | [@*#?\-$!] ;
