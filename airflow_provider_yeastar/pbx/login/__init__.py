"""Access tokens: how a session gets, renews, keeps and shares them."""
