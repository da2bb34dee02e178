"""What the processes that use a PBX share: whose turn it is."""
