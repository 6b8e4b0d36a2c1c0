def echo(text): print(text)
