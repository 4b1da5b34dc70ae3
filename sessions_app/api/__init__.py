"""What all REST views share: identity, problem documents, parsing, pagination."""
