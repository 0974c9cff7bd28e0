"""What the HTTP API and the web page stand on: what is opened, and the guard before both."""
