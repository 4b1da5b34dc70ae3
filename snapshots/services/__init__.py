"""What the vault does. Each function is one step, takes keyword arguments, and is told the time."""
