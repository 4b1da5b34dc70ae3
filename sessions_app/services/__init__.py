"""What the service does, one flow a function: keyword arguments in, a named error or a result out.

Nothing here reads the clock: the edges read it once and pass ``now``.
"""
