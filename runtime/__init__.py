"""What every front of the exchange shares: settings, logging and embedded servers."""
