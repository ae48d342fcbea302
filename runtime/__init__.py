"""What every front of the exchange shares: settings, logs, metrics, rate limits, embedded servers and keyed hashes."""
