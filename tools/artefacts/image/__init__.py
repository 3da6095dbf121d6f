"""The container image of the client: what is in it, what it is made on, how it is built."""
