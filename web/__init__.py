"""The sign-up page, and what else of the exchange is seen in a browser."""
