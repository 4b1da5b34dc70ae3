"""The service as it runs: real web and worker processes, a real broker folder, real kills."""
