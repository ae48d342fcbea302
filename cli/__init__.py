"""The `betjee` command: where the object graph of each process is built."""
