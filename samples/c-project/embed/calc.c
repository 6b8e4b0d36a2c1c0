/* calc EXPRESSION: the value of a Lua expression, from the library as a program embeds it. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: calc EXPRESSION\n");
    return 2;
  }
  lua_State *lua = luaL_newstate();
  if (lua == NULL) {
    fprintf(stderr, "calc: out of memory\n");
    return 1;
  }
  luaL_openlibs(lua);

  int status = 0;
  lua_pushfstring(lua, "return %s", argv[1]);
  if (luaL_dostring(lua, lua_tostring(lua, -1)) == LUA_OK) {
    puts(luaL_tolstring(lua, -1, NULL));
  } else {
    fprintf(stderr, "calc: %s\n", lua_tostring(lua, -1));
    status = 1;
  }
  lua_close(lua);
  return status;
}
