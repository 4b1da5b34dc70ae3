"""The REST views. Each action parses, calls one service, and presents."""
