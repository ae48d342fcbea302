"""The embedded default: the real bot on a simulated Discord, on a page in the browser, with simulated traders."""
