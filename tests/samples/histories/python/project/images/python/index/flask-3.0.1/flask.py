def route(path): return path or "/"
