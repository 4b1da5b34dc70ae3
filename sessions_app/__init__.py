"""Live sessions: leases, journal, sweep, tiers, identity, REST, admin and commands."""
