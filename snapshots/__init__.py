"""The vault: keys, sealing, snapshots and retention. It knows owners and opaque session ids, nothing else."""
