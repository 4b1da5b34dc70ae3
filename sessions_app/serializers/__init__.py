"""What REST calls take in, and what they answer. Inputs refuse fields they don't know; outputs have no content."""
