"""The panel and the client module in a real browser, against real web and worker processes."""
