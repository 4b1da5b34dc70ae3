"""The baselines' web server: Django with the service's own database settings, and nothing else of it."""
