"""State that processes and hosts share: logins, turns, open jobs; one interface with several back-ends."""
