"""What the exchange reaches, each figure beside its reference from the same run on the same server."""
