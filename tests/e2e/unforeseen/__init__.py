"""The service with faults in it that nobody foresaw: a view, a stream and a task whose exceptions quote content."""
