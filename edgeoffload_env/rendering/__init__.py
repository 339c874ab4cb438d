"""The game as text and as a picture."""
